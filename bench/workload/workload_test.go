package workload

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/kopilka/kopilka"
)

// day0 is a Monday.
var day0 = kopilka.DayOfDate(2026, time.March, 2)

// small is Typical at a size for tests, with everything a shop does.
func small(seed uint64) *Shop {
	s := Typical(seed, day0)
	s.To = day0 + 20
	s.Members, s.NewPerDay, s.ReceiptsPerDay = 2000, 30, 600
	return s
}

func hashOf(events func(func(*Event) bool)) string {
	h := sha256.New()
	var b []byte
	for e := range events {
		b = append(e.AppendLine(b[:0]), '\n')
		h.Write(b)
	}
	return hex.EncodeToString(h.Sum(nil))
}

// TestSameSeedSameBytes holds the stream against what it was when it was
// written: a change of it makes every published figure another one.
func TestSameSeedSameBytes(t *testing.T) {
	f := func(name string, events func(func(*Event) bool), want string) {
		t.Helper()
		if got := hashOf(events); got != want {
			t.Errorf("%s: got %s; want %s", name, got, want)
		}
	}
	f("seed 1", small(1).Events(), "867ff8d0bbc6000e90bb4c0acf91492baccea4137584639a57663f8b88b6b182")
	f("seed 1 again", small(1).Events(), "867ff8d0bbc6000e90bb4c0acf91492baccea4137584639a57663f8b88b6b182")
	f("seed 2", small(2).Events(), "1fb247cf4173411476f5c3f0867910302c27abb4153506fee022b025cad83823")
	f("segments", Segments(1, day0, Counts{300, 200, 100, 100, 200, 300}), "294518f27edf6cfe5eb1d8c6db3ee964fa979a02eba9569f9a6c5ab1942bb878")
}

// TestLineIsJSON reads every line back with encoding/json, strictly.
func TestLineIsJSON(t *testing.T) {
	type line struct {
		Op, ID, Card, Phone, Name, Sex, Source, Referrer string
		BirthDate                                        string `json:"birth_date"`
		RegisteredAt                                     string `json:"registered_at"`
		Store, Till, Cashier, Receipt                    string
		ReceiptNo                                        string    `json:"receipt_no"`
		OccurredAt                                       time.Time `json:"occurred_at"`
		Amount                                           int64
		Redeem, Points                                   any
		Lines                                            []struct {
			SKU, Category, Qty string
			Line               int
			Amount             int64
			Flags              []string
		}
	}
	var b []byte
	for e := range small(3).Events() {
		b = e.AppendLine(b[:0])
		d := json.NewDecoder(bytes.NewReader(b))
		d.DisallowUnknownFields()
		var l line
		if err := d.Decode(&l); err != nil {
			t.Fatalf("%s: %v", b, err)
		}
		if l.ID != e.ID || l.Op != string(e.Op) || l.Amount != int64(e.Amount) || len(l.Lines) != len(e.Lines)+len(e.ReturnLines) {
			t.Fatalf("%s was made of %+v", b, e)
		}
		if b = e.AppendBody(b[:0]); !json.Valid(b) {
			t.Fatalf("%s is not JSON", b)
		}
	}
}

// TestShopIsConsistent walks a shop and holds it to what a server will demand.
func TestShopIsConsistent(t *testing.T) {
	for seed := range uint64(3) {
		s := small(seed)
		var last kopilka.Time
		bodies := map[string]string{}
		numbers := map[string]bool{}
		enrolled := map[string]bool{}
		receipts := map[string]*Event{}
		back := map[string]kopilka.Money{}
		ops := map[Op]int{}
		hours := map[int]int{}
		days := map[time.Weekday]int{}
		buyers := map[int]int{}
		var retries, anonymous, late, refunds int
		for e := range s.Events() {
			if e.Time < last {
				t.Fatalf("seed %d: %s at %s comes after %s", seed, e.ID, e.Time, last)
			}
			last = e.Time
			if !kopilka.ValidID(e.ID) {
				t.Fatalf("seed %d: id %q", seed, e.ID)
			}
			body := string(e.AppendBody(nil))
			if e.Retry {
				retries++
				if !e.Twice {
					t.Fatalf("seed %d: retry %s is not marked", seed, e.ID)
				}
				if bodies[e.ID] != body {
					t.Fatalf("seed %d: retry %s differs from %s", seed, body, bodies[e.ID])
				}
				continue
			}
			if bodies[e.ID] != "" {
				t.Fatalf("seed %d: id %s twice", seed, e.ID)
			}
			bodies[e.ID] = body
			ops[e.Op]++
			if e.Op == Member {
				if enrolled[e.Card] || !kopilka.ValidCard(e.Card) || checkDigit([]byte(e.Card[:12])) != e.Card[12] {
					t.Fatalf("seed %d: card %s", seed, e.Card)
				}
				if e.Referrer != "" && !enrolled[e.Referrer] {
					t.Fatalf("seed %d: %s was invited by %s, who is not there yet", seed, e.Card, e.Referrer)
				}
				enrolled[e.Card] = true
				continue
			}
			no := e.Store + e.Till + e.ReceiptNo
			if numbers[no] {
				t.Fatalf("seed %d: receipt number %s twice", seed, no)
			}
			numbers[no] = true
			if e.Card != "" && !enrolled[e.Card] {
				t.Fatalf("seed %d: %s buys before enrolment", seed, e.Card)
			}
			at := e.Occurred.Std().In(Zone)
			hours[at.Hour()]++
			if e.Op == Return {
				refunds++
				r := receipts[e.Receipt]
				if r == nil {
					t.Fatalf("seed %d: %s brings back %s, which was not sold", seed, e.ID, e.Receipt)
				}
				sum := e.Amount
				for _, l := range e.ReturnLines {
					if r.Lines[l.Line].Amount != l.Amount {
						t.Fatalf("seed %d: %s: line %d of %s is not %d", seed, e.ID, l.Line, e.Receipt, l.Amount)
					}
					sum += l.Amount
				}
				if sum == 0 {
					sum = r.Amount
				}
				if back[e.Receipt] += sum; sum <= 0 || back[e.Receipt] > r.Amount {
					t.Fatalf("seed %d: %d of %d brought back of %s", seed, back[e.Receipt], r.Amount, e.Receipt)
				}
				continue
			}
			days[at.Weekday()]++
			buyers[e.Buyer]++
			if e.Time > e.Occurred {
				late++
			}
			if e.Buyer == Nobody {
				anonymous++
			}
			if e.Op == Redemption {
				continue
			}
			var sum kopilka.Money
			for i := range e.Lines {
				sum += e.Lines[i].Amount
			}
			if e.Amount <= 0 || len(e.Lines) > 0 && sum != e.Amount {
				t.Fatalf("seed %d: %s: lines %d, amount %d", seed, e.ID, sum, e.Amount)
			}
			receipts[e.ID] = e.Clone()
		}
		if want := s.Members + s.NewPerDay*21; ops[Member] != want {
			t.Errorf("seed %d: %d members; want %d", seed, ops[Member], want)
		}
		if n := ops[Receipt] + ops[Accrual] + ops[Redemption]; n < 600*21*99/100-100 || n > 600*21*101/100 {
			t.Errorf("seed %d: %d visits in three weeks", seed, n)
		}
		for _, n := range []int{ops[Accrual], ops[Redemption], retries, anonymous, late, refunds} {
			if n == 0 {
				t.Errorf("seed %d: the shop misses something: %v, retries %d, anonymous %d, late %d, refunds %d",
					seed, ops, retries, anonymous, late, refunds)
			}
		}
		if hours[18] < 2*hours[10] || days[time.Saturday] < days[time.Monday]*13/10 {
			t.Errorf("seed %d: no evenings or weekends: %v %v", seed, hours, days)
		}
		most := 0
		for n, c := range buyers {
			if n != Nobody {
				most = max(most, c)
			}
		}
		if mean := (ops[Receipt] - anonymous) / s.Members; most < 3*mean {
			t.Errorf("seed %d: the best buyer came %d times, the mean is %d", seed, most, mean)
		}
	}
}

// TestPeopleAreDistinct holds cards and phones to being a permutation.
func TestPeopleAreDistinct(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 2))
	seen := map[string]int{}
	for range 100_000 {
		n := rnd.IntN(PeopleMax)
		for _, k := range []string{card(n), phone(n)} {
			if m, ok := seen[k]; ok && m != n {
				t.Fatalf("members %d and %d share %s", m, n, k)
			}
			seen[k] = n
		}
	}
}

// TestFavourites holds the draw to its law: rank r about as often as
// 1/(r + head).
func TestFavourites(t *testing.T) {
	const n, draws = 5000, 2_000_000
	rnd := rand.New(rand.NewPCG(7, 7))
	z := newFavourites(n)
	got := make([]int, n)
	for range draws {
		got[z.draw(rnd)]++
	}
	f := func(from, to int, octaves float64) {
		t.Helper()
		sum := 0
		for _, c := range got[from:to] {
			sum += c
		}
		all := 4 + float64(n+head-4096)/4096 // octaves 256..4096, and a part of the fifth
		want := draws * octaves / all
		if float64(sum) < want*0.98 || float64(sum) > want*1.02 {
			t.Errorf("ranks %d..%d: %d draws; want %.0f", from, to, sum, want)
		}
	}
	f(0, 256, 1)
	f(256, 768, 1)
	f(768, 1792, 1)
	f(1792, 3840, 1)
	if got[n-1] == 0 && got[n-2] == 0 && got[n-3] == 0 {
		t.Error("the last ranks are never drawn")
	}
}

func TestCheckDigit(t *testing.T) {
	f := func(code string) {
		t.Helper()
		if got := checkDigit([]byte(code[:12])); got != code[12] {
			t.Fatalf("%s: got %c", code, got)
		}
	}
	f("4006381333931") // the example of every textbook
	f("5901234123457")
	f("9780201379624")
}

func BenchmarkEvents(b *testing.B) {
	s := Typical(1, day0)
	s.To = day0 + 10_000
	var buf []byte
	n := 0
	b.ReportAllocs()
	for e := range s.Events() {
		buf = e.AppendLine(buf[:0])
		if n++; n == b.N {
			break
		}
	}
}
