package engine

import (
	"encoding/binary"
	"encoding/hex"
	"math/rand/v2"
	"os"
	"strconv"
	"sync"
	"testing"
	"unsafe"

	"github.com/kopilka/kopilka"
)

// The books of the benchmarks: 100 000 members, or KOPILKA_BENCH_MEMBERS, who
// have bought, spent and brought back a little. All benchmarks go on with the
// same books; their hash is that before the first, so that what is made faster
// can be seen to stay equal.
var benchBooks = sync.OnceValue(func() *bench {
	members := 100_000
	if n, err := strconv.Atoi(os.Getenv("KOPILKA_BENCH_MEMBERS")); err == nil {
		members = n
	}
	x := newBench(members)
	for i := range 20_000 {
		x.sell(kopilka.Points(i % 3 * 10))
		if i%4 == 0 {
			x.giveBack()
		}
	}
	x.hash = hex.EncodeToString(func() []byte { h := x.s.Hash(); return h[:8] }())
	return x
})

type bench struct {
	s       *State
	rng     *rand.Rand
	hash    string
	now     kopilka.Time
	n       uint64
	id      [16]byte
	receipt kopilka.Receipt
	ret     kopilka.Return
	out     kopilka.Outcome
}

const benchProgram = `{"program":"p","earn_base":"paid","tiers":[{"id":"silver","earn_bp":100,"max_redeem_bp":5000},
	{"id":"gold","earn_bp":200,"threshold":10000000}],"tier_policy":{"window_days":365,"downgrade":"full"},
	"expiry":{"policy":"lots","months":12}}`

// circlesProgram has all that a plain receipt of uds-rustore is reckoned by: a
// rate by tier, and shares of three circles above the buyer.
const circlesProgram = `{"program":"p","earn_base":"paid","tiers":[{"id":"silver","earn_bp":100,"max_redeem_bp":1000},
	{"id":"gold","earn_bp":200,"threshold":10000000}],"tier_policy":{"window_days":365,"downgrade":"full"},
	"welcome":{"points":50000},"referral":{"once":{"referrer":50000},"levels_bp":[150,100,50]},
	"expiry":{"policy":"inactivity","months":12}}`

func newBench(members int) *bench {
	return newBenchOf(members, benchProgram, func(kopilka.MemberNo) kopilka.MemberNo { return kopilka.NoMember })
}

// newBenchOf is books of members under a program, each invited by somebody.
func newBenchOf(members int, program string, invited func(kopilka.MemberNo) kopilka.MemberNo) *bench {
	day := kopilka.DayOfDate(2027, 1, 1)
	x := &bench{s: New(), rng: rand.New(rand.NewPCG(1, 1)), now: kopilka.Time(day) * dayMS}
	x.apply(&kopilka.Genesis{Day: day})
	x.apply(&kopilka.SetProgram{Document: []byte(program)})
	var card []byte
	for i := range members {
		card = strconv.AppendUint(card[:0], 4_000_000_000_000+uint64(i)*7, 10)
		x.apply(&kopilka.PutMember{Head: x.head(), Card: string(card), Registered: day, Referrer: invited(kopilka.MemberNo(i))})
	}
	for i := range members {
		x.apply(&kopilka.Grant{Head: x.head(), Deed: kopilka.Deed{Member: kopilka.MemberNo(i)}, Points: 100_000})
	}
	return x
}

// head has the next id, in the same bytes as the one before.
func (x *bench) head() kopilka.Head {
	x.n++
	writeID(x.id[:], x.n)
	return kopilka.Head{ID: unsafe.String(&x.id[0], len(x.id)), Looked: x.s.recent.base}
}

func writeID(to []byte, n uint64) {
	var b [8]byte
	binary.BigEndian.PutUint64(b[:], n)
	hex.Encode(to, b[:])
}

func (x *bench) apply(c kopilka.Command) {
	x.s.Apply(x.now, c, &x.out)
	if x.out.Refusal != kopilka.Accepted {
		panic(c.Kind().String() + ": " + x.out.Refusal.String())
	}
}

// sell is a receipt of somebody at random.
func (x *bench) sell(redeem kopilka.Points) {
	x.receipt = kopilka.Receipt{Head: x.head(), Deed: x.deed(), Amount: 10_000 + kopilka.Money(x.n&0xfff), Redeem: redeem}
	x.apply(&x.receipt)
}

func (x *bench) deed() kopilka.Deed {
	return kopilka.Deed{Member: kopilka.MemberNo(x.rng.IntN(x.s.Members())), NamedBy: kopilka.ByCard, At: x.now, Day: x.s.day, Store: "17"}
}

// giveBack returns half of what was sold last.
func (x *bench) giveBack() {
	r := &x.ret
	lines, spent := append(r.Left.Lines[:0], x.out.Left.Lines...), append(r.Left.Spent[:0], x.out.Left.Spent...)
	*r = kopilka.Return{Head: x.head(), Deed: x.receipt.Deed, Receipt: "r", LastReturn: x.s.Seq(), Left: x.out.Left, Amount: x.receipt.Amount / 2}
	r.Left.Lines, r.Left.Spent = lines, spent
	x.apply(r)
}

// tick lets a day pass.
func (x *bench) tick() {
	x.now += dayMS
	x.apply(&kopilka.Tick{Day: x.s.day + 1})
}

func (x *bench) start(b *testing.B) {
	b.ReportAllocs()
	b.Logf("%d members, state %s before the first benchmark", x.s.Members(), x.hash)
	b.ResetTimer()
}

func BenchmarkApplyAccrual(b *testing.B) {
	x := benchBooks()
	x.start(b)
	for b.Loop() {
		x.sell(0)
	}
}

// newCircles is books in which everybody but the first few has three circles above,
// of members anywhere among those enrolled before.
func newCircles(members int) *bench {
	rng := rand.New(rand.NewPCG(2, 2))
	return newBenchOf(members, circlesProgram, func(m kopilka.MemberNo) kopilka.MemberNo {
		if m < 3 {
			return m - 1 // the first was invited by nobody
		}
		return kopilka.MemberNo(3*rng.IntN(int(m)/3)) + 2
	})
}

// BenchmarkApplyCircles is a receipt that brings shares to three circles.
func BenchmarkApplyCircles(b *testing.B) {
	x := newCircles(100_000)
	x.hash = "of other books"
	x.start(b)
	for b.Loop() {
		x.sell(0)
	}
}

func BenchmarkApplyRedeem(b *testing.B) {
	x := benchBooks()
	x.start(b)
	for b.Loop() {
		x.sell(kopilka.RedeemMax)
	}
}

// BenchmarkApplyReturn is a receipt and the return of half of it.
func BenchmarkApplyReturn(b *testing.B) {
	x := benchBooks()
	x.start(b)
	for b.Loop() {
		x.sell(10)
		x.giveBack()
	}
}

// BenchmarkDecodeApply is an accrual as the log has it: its bytes are read first.
func BenchmarkDecodeApply(b *testing.B) {
	x := benchBooks()
	var log [4096][]byte
	for i := range log {
		log[i] = kopilka.AppendCommand(nil, &kopilka.Receipt{Head: x.head(), Deed: x.deed(), Amount: 12_990})
	}
	// The id lies behind kind, length of the command and length of the id.
	const idAt = 1 + 2 + 1
	var d kopilka.Decoder
	b.SetBytes(int64(len(log[0])))
	x.start(b)
	for i := 0; b.Loop(); i++ {
		body := log[i%len(log)]
		x.n++
		writeID(body[idAt:], x.n)
		c, _, err := d.Next(body)
		if err != nil {
			b.Fatal(err)
		}
		kopilka.HeadOf(c).Looked = x.s.recent.base
		x.apply(c)
	}
}

// BenchmarkApplyTick is a midnight in a shop of a thousand receipts a day whose
// windows are full.
func BenchmarkApplyTick(b *testing.B) {
	const perDay = 1000
	var x *bench
	day := func() {
		for range perDay {
			x.sell(0)
		}
	}
	b.ReportAllocs()
	for n := 0; b.Loop(); n++ {
		b.StopTimer()
		if n%10_000 == 0 {
			x = newBench(20_000)
			for range 400 {
				day()
				x.tick()
			}
		}
		day()
		b.StartTimer()
		x.tick()
	}
}

func BenchmarkQuote(b *testing.B) {
	x := benchBooks()
	c := &kopilka.Receipt{Deed: x.deed(), Amount: 12_990, Redeem: kopilka.RedeemMax}
	x.start(b)
	for b.Loop() {
		x.s.Quote(x.s.Now(), c, &x.out)
	}
}

func BenchmarkByCard(b *testing.B) {
	x := benchBooks()
	var card [16]byte
	x.start(b)
	for b.Loop() {
		m := uint64(x.rng.IntN(x.s.Members()))
		number := strconv.AppendUint(card[:0], 4_000_000_000_000+m*7, 10)
		if found, _ := x.s.ByCard(unsafe.String(&number[0], len(number))); uint64(found) != m {
			b.Fatalf("card %s leads to %d; want %d", number, found, m)
		}
	}
}

// A sale, a return and the refusal of a replay allocate nothing. Blocks of the
// slabs are not counted: they come once in 65 536 records.
func TestApplyAllocs(t *testing.T) {
	x := newBench(1000)
	x.giveBackOnce()
	f := func(what string, do func()) {
		t.Helper()
		if n := testing.AllocsPerRun(5000, do); n != 0 {
			t.Fatalf("%s allocates %v times", what, n)
		}
	}
	f("a receipt", func() { x.sell(0) })
	f("a receipt that spends", func() { x.sell(kopilka.RedeemMax) })
	f("a receipt and its return", x.giveBackOnce)
	f("a replay", func() { x.s.Apply(x.now, &x.receipt, &x.out) })
}

// A receipt with three circles, and one on which campaigns multiply, allocate nothing
// either.
func TestApplyAllocsOfRules(t *testing.T) {
	f := func(what string, x *bench, legs int) {
		t.Helper()
		x.sell(0)
		if n := testing.AllocsPerRun(5000, func() { x.sell(0) }); n != 0 || len(x.out.Legs) != legs {
			t.Fatalf("a receipt with %s allocates %v times and brings %d legs", what, n, len(x.out.Legs))
		}
	}
	circles := newCircles(1000)
	f("circles", circles, 3)
	nobody := func(kopilka.MemberNo) kopilka.MemberNo { return kopilka.NoMember }
	f("campaigns", newBenchOf(1000, `{"program":"p","tiers":[{"id":"base","earn_bp":100}],"segment_multipliers_bp":{"new":12345},
		"campaigns":[{"id":"all","multiplier_bp":15000},{"id":"gift","points":1,"budget":1000000}]}`, nobody), 0)
}

func (x *bench) giveBackOnce() {
	x.sell(10)
	x.giveBack()
}
