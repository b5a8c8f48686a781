package report

import (
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/kopilka/kopilka"
)

func bitsOf(members ...kopilka.MemberNo) []uint64 {
	bits := make([]uint64, 1)
	for _, m := range members {
		bits[0] |= 1 << m
	}
	return bits
}

const minute = 60_000

// letters are ten members: 8 and 9 were held out, 7 has become part of 0, and two
// channels reach the others.
func letters(y *year) (set *Setting, start kopilka.Time, records []*Record) {
	set = &y.set
	set.From, set.To = y.today-5, y.today
	set.Aliases = map[kopilka.MemberNo]kopilka.MemberNo{7: 0}
	start = set.Calendar.Start(set.From - 3)
	at := start
	put := func(c kopilka.Command, out kopilka.Outcome) {
		out.Time = at
		records = append(records, &Record{kopilka.Seq(101 + len(records)), c, &out})
	}
	dispatch := func(mailing kopilka.Seq, channel int, members ...kopilka.MemberNo) {
		put(&kopilka.Dispatch{Mailing: mailing, Channel: channel, Members: members}, kopilka.Outcome{})
	}
	deliver := func(mailing kopilka.Seq, channel int, delivered bool, members ...kopilka.MemberNo) {
		c := &kopilka.Deliver{Mailing: mailing, Channel: channel}
		for _, m := range members {
			c.Results = append(c.Results, kopilka.Delivery{Member: m, Delivered: delivered})
		}
		put(c, kopilka.Outcome{})
	}
	dispatch(100, 0, 0, 1, 2, 3, 6, 7)
	dispatch(99, 0, 0, 1, 2, 3, 4, 5, 6, 7) // another mailing, to everybody
	deliver(99, 0, true, 0, 1, 2, 3, 4, 5, 6, 7)
	deliver(100, 0, true, 0, 7)
	deliver(100, 0, false, 1)
	at += 11 * minute
	dispatch(100, 1, 1, 2, 6) // 2 and 6 were not heard of in time
	deliver(100, 1, true, 1)
	deliver(100, 1, false, 1, 2) // of 1 too late to be true
	deliver(100, 0, true, 2)     // late, and true
	deliver(100, 0, false, 2, 0) // what was delivered stays so
	at = start + 20*minute + 1   // the books round a second up
	dispatch(100, 0, 4)
	sale := func(m kopilka.MemberNo, day kopilka.Day, amount kopilka.Money) {
		put(&kopilka.Receipt{Deed: kopilka.Deed{Member: m, Day: day}, Amount: amount}, kopilka.Outcome{Member: m})
	}
	sale(0, set.From, 1000)
	sale(7, set.To, 200)
	sale(0, set.From-1, 9000) // before the period
	sale(1, set.From, 400)
	sale(3, set.From, 100)
	sale(9, set.From, 50)
	put(&kopilka.Return{Deed: kopilka.Deed{Member: 0, Day: set.To}}, kopilka.Outcome{Member: 0, Goods: 300})
	return set, start, records
}

func ofLetters(t *testing.T, y *year, change func(m *Mailing)) Report {
	t.Helper()
	set, start, records := letters(y)
	mail := &Mailing{Seq: 100, Time: start, Now: start + 25*minute,
		Channels: []kopilka.Channel{{Name: "push", Timeout: 10, Cost: 1}, {Name: "sms", Timeout: 60, Cost: 250}}}
	addressed, held := bitsOf(0, 1, 2, 3, 4, 5, 6), bitsOf(8, 9)
	if change != nil {
		change(mail)
	}
	if mail.Of != nil {
		addressed[0] &= mail.Of[0]
		held[0] &= mail.Of[0]
	}
	f := EffectOfMailing(set, EffectGroup{"addressed", addressed}, EffectGroup{"held_out", held}, mail)
	since, before, kinds := f.Reads()
	if since != set.From-3 || before != 0 || !kinds.Has(kopilka.KindDeliver) || !kinds.Has(kopilka.KindReceipt) {
		t.Fatalf("reads from %s on", since)
	}
	for _, r := range records {
		f.Add(r)
	}
	r, err := f.Report()
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestEffectOfMailingByHand(t *testing.T) {
	r := ofLetters(t, newYear(1), nil)
	row := func(table int, key string, want ...int64) {
		t.Helper()
		for _, row := range r.Tables[table].Rows {
			if row.Keys[0] == key {
				if !slices.Equal(row.Values, want) {
					t.Errorf("%s: %d; want %d", key, row.Values, want)
				}
				return
			}
		}
		t.Errorf("no row %s", key)
	}
	row(0, "addressed", 7, 3, 4285, 4, 1400, 200)
	row(0, "held_out", 2, 1, 5000, 1, 50, 25)
	row(0, "informed", 3, 2, 6666, 3, 1300, 433)
	row(0, "not_informed", 4, 1, 2500, 1, 100, 25)
	row(2, "push", 7, 3, 1, 2, 7, 1, 5000, 900, 7)
	row(2, "sms", 3, 1, 1, 0, 750, 1, 10000, 400, 750)
	var points [][2]int64
	var names []string
	for _, row := range r.Tables[1].Rows {
		names = append(names, row.Keys[0])
		points = append(points, [2]int64{row.Values[0], row.Values[3]})
	}
	if !slices.Equal(names, []string{"addressed-held_out", "informed-held_out", "informed-not_informed"}) ||
		!slices.Equal(points, [][2]int64{{-714, 175}, {1667, 408}, {4167, 408}}) {
		t.Errorf("%s: %d", names, points)
	}

	// Of a segment only its own messages are counted and paid for.
	r = ofLetters(t, newYear(1), func(m *Mailing) { m.Of = bitsOf(0, 3, 9) })
	row(0, "addressed", 2, 2, 10000, 3, 1000, 500)
	row(0, "held_out", 1, 1, 10000, 1, 50, 50)
	row(0, "not_informed", 1, 1, 10000, 1, 100, 100)
	row(2, "push", 3, 2, 0, 1, 3, 1, 10000, 900, 3)
	row(2, "sms", 0, 0, 0, 0, 0, 0, None, 0, None)
}

// A message is lost at its instant and not before: 3 was sent one at the start, 4 one
// behind minute 20, which counts from the next second; of 6 the next
// channel had its turn.
func TestEffectTimedOut(t *testing.T) {
	f := func(now kopilka.Time, want int64) {
		t.Helper()
		r := ofLetters(t, newYear(1), func(m *Mailing) { m.Now = m.Time + now })
		if got := r.Tables[2].Rows[0].Values[3]; got != want {
			t.Errorf("after %d ms: %d have timed out; want %d", now, got, want)
		}
	}
	f(10*minute-1, 1)
	f(10*minute, 2)
	f(30*minute+999, 2)
	f(30*minute+1000, 3)
}

// A mailing that does nothing reaches those who come anyway more often. Against those
// held out it shows nothing; informed against not informed it seems to work wonders.
func TestOnlyTheDrawnCompare(t *testing.T) {
	var conversion, turnover, wonders int64
	for seed := range uint64(100) {
		rng := rand.New(rand.NewPCG(seed, 10))
		var y year
		addressed, held := make([]uint64, 40), make([]uint64, 40)
		mail := &Mailing{Seq: 1, Channels: []kopilka.Channel{{Name: "push"}}}
		f := EffectOfMailing(&y.set, EffectGroup{"addressed", addressed}, EffectGroup{"held_out", held}, mail).(*mailingFold)
		out := &kopilka.Outcome{Time: 1}
		for m := range kopilka.MemberNo(40 * 64) {
			regular := rng.IntN(2) == 0
			buys, reached := 0.1, 0.2
			if regular {
				buys, reached = 0.5, 0.8
			}
			var e effect
			if rng.Float64() < buys {
				e = effect{net: int64(rng.ExpFloat64() * 300_000), purchases: 1}
			}
			f.bought = append(f.bought, e)
			if rng.IntN(10) < 3 {
				held[m/64] |= 1 << (m % 64)
				continue
			}
			addressed[m/64] |= 1 << (m % 64)
			f.Add(&Record{2, &kopilka.Dispatch{Mailing: 1, Members: []kopilka.MemberNo{m}}, out})
			f.Add(&Record{3, &kopilka.Deliver{Mailing: 1, Results: []kopilka.Delivery{{Member: m, Delivered: rng.Float64() < reached}}}, out})
		}
		r, _ := f.Report()
		rows := r.Tables[1].Rows
		v := rows[0].Values
		count(v[1] <= 0 && 0 <= v[2], &conversion)
		count(v[4] <= 0 && 0 <= v[5], &turnover)
		v = rows[2].Values
		count(v[1] > 0 && v[4] > 0, &wonders)
	}
	if conversion < 88 || turnover < 88 || wonders < 95 {
		t.Fatalf("of 100 mailings without an effect %d and %d show none against those held out, and %d show one against those not informed", conversion, turnover, wonders)
	}
	t.Logf("%d, %d, %d", conversion, turnover, wonders)
}
