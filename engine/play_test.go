package engine

import (
	"fmt"
	"strconv"
	"strings"
	"testing"

	"github.com/cockroachdb/datadriven"

	"github.com/kopilka/kopilka"
)

// TestPlays performs the plays in testdata. They read like days at the till:
//
//	program                                   a document in YAML below; a new one takes over
//	day 2027-02-28                            midnights pass until it is that day
//	enrol anna [registered=2026-05-01]        also: blocked, by=boris, phone=1
//	receipt r1 anna 1000.00 [redeem=40|max]   also: day=, no=, by=phone, no_earn=, no_redeem=
//	    bread 100.00 [no_earn] [no_redeem]    lines below, when the receipt has them
//	quote anna 1000.00 [redeem=40|max]
//	redeem r2 anna 40 [of=1000.00]
//	grant anna 50
//	adjust anna -5
//	return r1 500.00                          or by lines, counted from 1: return r1 1=100.00 2=50.00
//	member anna                               how the books stand, and his cards
//	card anna 4711 [blocked] [carrier=app]    one more, or one of those there are
//	merge boris anna                          boris becomes a part of anna
//	unmerge boris
//	hold h1 anna 40 for=24h                   points set aside for an order
//	capture h1 c1 30|max [of=1000.00]         spent of the hold
//	void h1
//	wait 1h                                   time passes
//	erase anna
//	issue anna birthday                       a certificate by hand, for 22 days
//	emit gift 2                               numbers: coupon=no1 is the first ever made
//	receipt r1 anna 100.00 certificate=max coupon=(SPRING,no1)
//
// The word of a line is its category too.
//
// After every line the books are checked. go test ./engine -run TestPlays -rewrite
// writes the answers anew; the diff is the review.
func TestPlays(t *testing.T) {
	datadriven.Walk(t, "testdata", func(t *testing.T, path string) {
		p := &play{s: New(), names: map[string]kopilka.MemberNo{}, receipts: map[string]*done{}, holds: map[string]held{}}
		datadriven.RunTest(t, path, func(t *testing.T, d *datadriven.TestData) string {
			p.t, p.d = t, d
			answer := p.line()
			if err := p.s.Check(); err != nil {
				d.Fatalf(t, "%v", err)
			}
			return answer
		})
	})
}

type play struct {
	t        *testing.T
	d        *datadriven.TestData
	s        *State
	now      kopilka.Time
	n        int
	names    map[string]kopilka.MemberNo
	receipts map[string]*done
	merges   mergesDone
	holds    map[string]held
}

func (p *play) line() string {
	d := p.d
	p.now++
	switch d.Cmd {
	case "program":
		if p.s.Seq() == 0 {
			p.day("2027-01-01")
		}
		return p.do(&kopilka.SetProgram{Document: []byte(d.Input)})
	case "day":
		p.day(p.word(0))
		return p.s.Day().String()
	case "wait":
		p.now += p.span(p.word(0))
		return ""
	case "enrol":
		c := &kopilka.PutMember{Card: p.word(0), Registered: p.s.Day(), Referrer: kopilka.NoMember, Blocked: d.HasArg("blocked")}
		if m, ok := p.s.ByCard(c.Card); ok {
			c.Base = p.s.Member(m, p.s.Now()).ProfileAt
		}
		if day := p.value("registered"); day != "" {
			c.Registered = p.parseDay(day)
		}
		c.Source, c.Tier = p.value("source"), p.value("tier")
		if by := p.value("by"); by != "" {
			c.Referrer = p.names[by]
		}
		if d.HasArg("phone") {
			c.PhoneTag = uint64(p.money(p.value("phone")))
		}
		answer := p.do(c)
		if m, ok := p.s.ByCard(c.Card); ok {
			p.names[c.Card] = m
		}
		return answer
	case "receipt":
		c := p.receipt(1)
		c.ID = p.word(0)
		return p.do(c)
	case "quote":
		var out kopilka.Outcome
		before := p.s.Hash()
		p.s.Quote(p.s.Now(), p.receipt(0), &out)
		if p.s.Hash() != before {
			d.Fatalf(p.t, "a quote changed the books")
		}
		return p.answer(&out)
	case "redeem":
		return p.do(&kopilka.Redemption{Head: kopilka.Head{ID: p.word(0)}, Deed: p.deed(1),
			Points: p.points(p.word(2)), Amount: p.money(p.value("of"))})
	case "grant":
		return p.do(&kopilka.Grant{Deed: p.deed(0), Points: p.points(p.word(1))})
	case "adjust":
		return p.do(&kopilka.Adjustment{Deed: p.deed(0), Points: p.points(p.word(1)), Reason: "r", Actor: "a"})
	case "return":
		return p.do(p.giveBack())
	case "member":
		return p.member(p.who(0))
	}
	if c := p.instruments(); c != nil {
		return p.do(c)
	}
	if c := p.claims(); c != nil {
		return p.do(c)
	}
	if c := p.identity(); c != nil {
		return p.do(c)
	}
	d.Fatalf(p.t, "no such line: %s", d.Cmd)
	return ""
}

// word is the argument at a place; value is the one of a name, or "".
func (p *play) word(i int) string {
	if i >= len(p.d.CmdArgs) || len(p.d.CmdArgs[i].Vals) > 0 {
		p.d.Fatalf(p.t, "%s wants another word", p.d.Cmd)
	}
	return p.d.CmdArgs[i].Key
}

func (p *play) value(name string) string {
	if a, ok := p.d.Arg(name); ok {
		return a.SingleVal(p.t)
	}
	return ""
}

func (p *play) who(i int) kopilka.MemberNo {
	name := p.word(i)
	if name == "nobody" {
		return kopilka.NoMember
	}
	m, ok := p.names[name]
	if !ok {
		p.d.Fatalf(p.t, "nobody is called %s", name)
	}
	return m
}

func (p *play) parseDay(s string) kopilka.Day {
	day, err := kopilka.ParseDay(s)
	if err != nil {
		p.d.Fatalf(p.t, "%v", err)
	}
	return day
}

// money reads 12.90, 12 or nothing as minor units.
func (p *play) money(s string) kopilka.Money {
	whole, cents, _ := strings.Cut(strings.TrimPrefix(s, "-"), ".")
	n, err := strconv.ParseInt(whole+(cents + "00")[:2], 10, 64)
	if err != nil || len(cents) > 2 {
		p.d.Fatalf(p.t, "%q is no sum", s)
	}
	if strings.HasPrefix(s, "-") {
		n = -n
	}
	return kopilka.Money(n)
}

func (p *play) points(s string) kopilka.Points {
	if s == "max" {
		return kopilka.RedeemMax
	}
	return kopilka.Points(p.money(s))
}

// day begins the books on a day, or lets midnights pass until it comes.
func (p *play) day(s string) {
	day := p.parseDay(s)
	if p.s.Seq() == 0 {
		p.now = kopilka.Time(day) * dayMS
		p.do(&kopilka.Genesis{Day: day})
	}
	for p.s.Day() < day {
		p.now = kopilka.Time(p.s.Day()+1) * dayMS
		p.do(&kopilka.Tick{Day: p.s.Day() + 1})
	}
}

func (p *play) deed(who int) kopilka.Deed {
	d := kopilka.Deed{Member: p.who(who), NamedBy: kopilka.ByCard, Day: p.s.Day(), At: p.now}
	if day := p.value("day"); day != "" {
		d.Day = p.parseDay(day)
		d.At = kopilka.Time(d.Day)*dayMS + dayMS/2
	}
	if p.value("by") == "phone" {
		d.NamedBy = kopilka.ByPhone
	}
	if no := p.value("no"); no != "" {
		d.Store, d.Till, d.ReceiptNo = "s1", "t1", no
	}
	return d
}

func (p *play) receipt(who int) *kopilka.Receipt {
	c := &kopilka.Receipt{Deed: p.deed(who), Amount: p.money(p.word(who + 1)), Redeem: p.points(p.value("redeem")),
		NoEarn: p.money(p.value("no_earn")), NoRedeem: p.money(p.value("no_redeem"))}
	for _, text := range strings.Split(p.d.Input, "\n") {
		if w := strings.Fields(text); len(w) > 1 {
			c.Lines = append(c.Lines, kopilka.Line{SKU: w[0], Category: w[0], Amount: p.money(w[1]),
				NoEarn: strings.Contains(text, "no_earn"), NoRedeem: strings.Contains(text, "no_redeem")})
		}
	}
	c.Certificate, c.Coupons = p.points(p.value("certificate")), p.coupons()
	return c
}

func (p *play) giveBack() *kopilka.Return {
	r := p.receipts[p.word(0)]
	if r == nil {
		p.d.Fatalf(p.t, "no receipt %s", p.word(0))
	}
	c := &kopilka.Return{Deed: kopilka.Deed{Member: r.member, Day: p.s.Day(), At: p.now}, Receipt: r.id, ReceiptSeq: r.seq,
		LastReturn: r.lastReturn, Left: copyRemains(&r.left)}
	for _, a := range p.d.CmdArgs[1:] {
		if len(a.Vals) == 0 {
			c.Amount = p.money(a.Key)
			continue
		}
		c.Lines = append(c.Lines, kopilka.ReturnLine{Line: int(p.money(a.Key)/100) - 1, Amount: p.money(a.Vals[0])})
	}
	return c
}

// do applies a command, keeps what a return would look up, and tells the answer.
func (p *play) do(c kopilka.Command) string {
	p.n++
	if h := kopilka.HeadOf(c); h.ID == "" {
		h.ID = fmt.Sprintf("line-%d", p.n)
	}
	var out kopilka.Outcome
	p.s.Apply(p.now, c, &out)
	if out.Refusal == kopilka.Accepted {
		if r, ok := c.(*kopilka.Return); ok {
			p.merges.took(p.s, c, &out, p.receipts[r.Receipt])
		} else {
			p.merges.took(p.s, c, &out, nil)
		}
		switch c := c.(type) {
		case *kopilka.Receipt:
			p.receipts[c.ID] = &done{id: c.ID, member: c.Member, seq: p.s.Seq(), left: out.Left}
		case *kopilka.Redemption:
			p.receipts[c.ID] = &done{id: c.ID, member: c.Member, seq: p.s.Seq(), left: out.Left}
		case *kopilka.Capture:
			p.receipts[c.ID] = &done{id: c.ID, member: c.Member, seq: p.s.Seq(), left: out.Left}
		case *kopilka.Hold:
			p.holds[c.ID] = held{HoldRef: kopilka.HoldRef{ID: c.ID, Seq: p.s.Seq()}, member: c.Member, until: c.Until}
		case *kopilka.Return:
			p.receipts[c.Receipt].left, p.receipts[c.Receipt].lastReturn = out.Left, p.s.Seq()
		case *kopilka.SetProgram:
			return fmt.Sprintf("version %d", out.Program)
		}
	}
	return p.answer(&out)
}

// answer is what is worth saying of an outcome; what is 0 is not.
func (p *play) answer(out *kopilka.Outcome) string {
	var words []string
	say := func(word string, n int64, more ...string) {
		if n != 0 {
			words = append(words, word+" "+sum2(n)+strings.Join(more, ""))
		}
	}
	if out.Refusal != kopilka.Accepted {
		words = append(words, "refused: "+out.Refusal.String())
		say("available", int64(out.Available))
		say("at most", int64(out.MaxRedeem))
		say("of certificates at most", int64(out.MaxCertificate))
		return strings.Join(words, "  ")
	}
	if out.Enrolled {
		words = append(words, "enrolled")
	}
	if len(out.Moved) > 0 {
		say("moved", int64(sumLots(out.Moved)))
	}
	for _, l := range out.Expired {
		say("lost", int64(l.Points), " after ", l.Expires.String())
	}
	say("goods", int64(out.Goods))
	say("refund", int64(out.CashRefund))
	say("restored", int64(out.Restored))
	say("lapsed", int64(out.Lapsed))
	say("taken", int64(out.Taken))
	say("earned", int64(out.Earned))
	for _, u := range out.Campaigns {
		say("by "+p.s.Term(u.Term).ID, int64(u.Points))
	}
	for _, l := range out.Legs {
		if l.Kind <= kopilka.LegLevel3 {
			say(l.Kind.String()+" of "+p.s.Card(l.Member), int64(l.Points))
		}
	}
	say("certificate", int64(out.CertificateUsed))
	say("off", int64(out.Discount))
	say("to certificates", int64(out.CertificateRestored))
	say("paid debt", int64(out.DebtPaid))
	var legs []string
	for _, l := range out.Left.Spent {
		if l.Points > 0 {
			legs = append(legs, sum2(int64(l.Points))+" of "+l.Expires.String())
		}
	}
	if out.Redeemed > 0 && len(legs) > 0 {
		say("spent", int64(out.Redeemed), " ("+strings.Join(legs, ", ")+")")
	} else {
		say("spent", int64(out.Redeemed))
	}
	say("cash", int64(out.CashDue))
	if out.Member == kopilka.NoMember {
		return strings.Join(words, "  ")
	}
	words = append(words, "balance "+sum2(int64(out.Balance)))
	say("pending", int64(out.Pending))
	say("held", int64(out.Held))
	say("debt", int64(out.Debt))
	say("still owed", int64(out.Left.Owed))
	if tiers := p.s.Program().Tiers; len(tiers) > 1 {
		words = append(words, tiers[out.Tier].ID)
	}
	return strings.Join(words, "  ")
}

func (p *play) member(m kopilka.MemberNo) string {
	v := p.s.Member(m, p.now)
	var b strings.Builder
	fmt.Fprintf(&b, "balance %s", sum2(int64(v.Balance)))
	if v.Pending > 0 {
		fmt.Fprintf(&b, "  pending %s", sum2(int64(v.Pending)))
	}
	if v.Held > 0 {
		fmt.Fprintf(&b, "  held %s", sum2(int64(v.Held)))
	}
	if v.Debt > 0 {
		fmt.Fprintf(&b, "  debt %s", sum2(int64(v.Debt)))
	}
	if tiers := p.s.Program().Tiers; len(tiers) > 1 {
		fmt.Fprintf(&b, "  %s", tiers[v.Tier].ID)
	}
	if v.NextExpiry.Points > 0 {
		fmt.Fprintf(&b, "  loses %s after %s", sum2(int64(v.NextExpiry.Points)), v.NextExpiry.Expires)
	}
	for _, c := range p.s.Cards(m)[min(1, len(p.s.Cards(m))):] {
		fmt.Fprintf(&b, "  card %s", c.Number)
		if c.Blocked {
			b.WriteString(" (blocked)")
		}
	}
	for _, l := range v.Lots {
		fmt.Fprintf(&b, "\n%s until %s", sum2(int64(l.Points)), l.Expires)
		if l.Activates > 0 {
			fmt.Fprintf(&b, " from %s", l.Activates)
		}
	}
	return b.String()
}

// sum2 writes minor units with two digits after the point, or none when both are 0.
func sum2(n int64) string {
	s := fmt.Sprintf("%03d", max(n, -n))
	s = strings.TrimSuffix(s[:len(s)-2]+"."+s[len(s)-2:], ".00")
	if n < 0 {
		return "-" + s
	}
	return s
}
