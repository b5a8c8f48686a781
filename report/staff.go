package report

import (
	"strconv"

	"github.com/kopilka/kopilka"
)

// Staff is what cashiers did for the program: the premium on what they sold to
// members, and whom they enrolled, week by week against the plan. What a file
// brought counts for nobody, and neither does what no cashier's name is on.
func Staff(set *Setting) Fold {
	f := &staffFold{set: set}
	f.returns = later[int64]{set: set, tell: f.takeBack}
	return f
}

type staffFold struct {
	set      *Setting
	cashiers tally[cashier]
	premiums tally[int64] // net sales to members by cashier and version of the program
	weeks    tally[int64] // enrolments by cashier and Monday
	met      members      // who was enrolled up to here
	returns  later[int64] // goods of sales that came back, wherever they did
}

type cashier struct{ receipts, sold, returned, premium, enrolled, payout int64 }

func (f *staffFold) Reads() (since kopilka.Day, before, kinds kopilka.Kinds) {
	enrolments := kopilka.KindsOf(kopilka.KindMember)
	return monday(f.set.From), enrolments, deals | enrolments
}

// monday is the first day of a day's week.
func monday(d kopilka.Day) kopilka.Day {
	const thursday = 3 // 1 January 1970, counted from Monday
	return d - min(d, (d+thursday)%7)
}

func (f *staffFold) Add(r *Record) {
	if c, ok := r.Command.(*kopilka.PutMember); ok {
		f.enrols(r, c)
		return
	}
	d, ok := f.set.deal(r)
	if !ok || !d.known() || d.imported {
		return
	}
	if c, ok := r.Command.(*kopilka.Return); ok {
		if c.Receipt != "" {
			f.returns.add(c.ReceiptSeq, int64(d.back))
		}
		return
	}
	if d.Cashier == "" {
		return
	}
	p := f.cashiers.of(d.Cashier)
	p.receipts++
	p.sold += int64(d.sold)
	*f.premiums.of(d.Cashier, strconv.Itoa(r.Outcome.Program)) += int64(d.sold)
}

func (f *staffFold) enrols(r *Record, c *kopilka.PutMember) {
	if !r.Outcome.Enrolled || f.again(r.Outcome.Member) || c.Imported || c.Cashier == "" {
		return
	}
	if f.set.In(c.Registered) {
		f.cashiers.of(c.Cashier).enrolled++
	}
	// A week is of the period in which it ends, and of no other.
	if start := monday(c.Registered); f.set.In(start + 6) {
		*f.weeks.of(c.Cashier, start.String())++
	}
}

// again tells whether the person behind a new number was enrolled before, under
// another that was found to be his since: nobody is paid for him twice.
func (f *staffFold) again(m kopilka.MemberNo) bool {
	m = f.set.into(m)
	known := f.met.has(m)
	f.met.add(m)
	return known
}

func (f *staffFold) Report() (Report, error) {
	if err := f.returns.look(); err != nil {
		return Report{}, err
	}
	f.premiums.sorted(func(k key, net *int64) {
		version, err := strconv.Atoi(k[1])
		if err != nil {
			panic("report: a version of the program named " + k[1])
		}
		f.cashiers.of(k[0]).premium += f.premium(*net, version)
	})
	weeks := Table{Name: "weeks", Keys: []string{"cashier", "week"}, Columns: []string{"enrolled", "plan", "payout"}}
	f.weeks.sorted(func(k key, n *int64) {
		plan, payout := f.payout(k[1], *n)
		f.cashiers.of(k[0]).payout += payout
		weeks.Rows = append(weeks.Rows, Row{[]string{k[0], k[1]}, []int64{*n, plan, payout}})
	})
	cashiers := f.cashiers.table("cashiers", []string{"cashier"},
		[]string{"receipts", "net", "sold", "returned", "premium", "enrolled", "payout"},
		func(c *cashier) []int64 {
			return []int64{c.receipts, c.sold - c.returned, c.sold, c.returned, c.premium, c.enrolled, c.payout}
		})
	return Report{Tables: []Table{cashiers, weeks}}, nil
}

// takeBack takes a return off the cashier who sold the goods, under the version of
// the program that the sale was under.
func (f *staffFold) takeBack(r *Record, goods int64) {
	sale := r.Command.(*kopilka.Receipt) // nothing else sells
	if sale.Imported || sale.Cashier == "" {
		return
	}
	f.cashiers.of(sale.Cashier).returned += goods
	*f.premiums.of(sale.Cashier, strconv.Itoa(r.Outcome.Program)) -= goods
}

// premium is that of a cashier under one version of the program, rounded once as
// its points are. Where more came back than was sold it is less than 0.
func (f *staffFold) premium(net int64, version int) int64 {
	p := f.set.program(version)
	if net < 0 {
		return -kopilka.AtRate(-net, p.Staff.PremiumBP, p.Rounding)
	}
	return kopilka.AtRate(net, p.Staff.PremiumBP, p.Rounding)
}

// payout is what a week of so many enrolments brings, by the program that was in
// force at its end.
func (f *staffFold) payout(week string, enrolled int64) (plan, payout int64) {
	start, err := kopilka.ParseDay(week)
	if err != nil {
		panic("report: a week named " + week)
	}
	p := f.set.program(f.set.version(f.set.Calendar.End(start + 6)))
	for _, b := range p.Staff.Brackets {
		if enrolled >= int64(b.From) {
			payout = int64(b.Payout)
		}
	}
	return int64(p.Staff.Plan), payout
}
