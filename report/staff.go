package report

import (
	"cmp"
	"slices"
	"strconv"

	"github.com/kopilka/kopilka"
)

// Staff is what cashiers did for the program: the premium on what they sold to
// members, and whom they enrolled, week by week against the plan. What a file
// brought counts for nobody, and neither does what no cashier's name is on.
func Staff(set *Setting) Fold { return &staffFold{set: set} }

type staffFold struct {
	set      *Setting
	cashiers tally[cashier]
	premiums tally[int64] // net sales to members by cashier and version of the program
	weeks    tally[int64] // enrolments by cashier and Monday
	returns  []takenBack
}

type cashier struct{ receipts, sold, returned, premium, enrolled, payout int64 }

// takenBack is goods of a sale that came back, wherever they did.
type takenBack struct {
	sale  kopilka.Seq
	goods int64
}

func (f *staffFold) Reads() (since kopilka.Day, before, kinds kopilka.Kinds) {
	return monday(f.set.From), 0, deals | kopilka.KindsOf(kopilka.KindMember)
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
			f.returns = append(f.returns, takenBack{c.ReceiptSeq, int64(d.back)})
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
	if !r.Outcome.Enrolled || c.Imported || c.Cashier == "" {
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

func (f *staffFold) Report() (Report, error) {
	if err := f.takeBack(); err != nil {
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

// takeBack takes returns off the cashiers who sold the goods, under the version of
// the program that the sale was under. Sales that lie together are looked up together.
func (f *staffFold) takeBack() error {
	slices.SortFunc(f.returns, func(a, b takenBack) int { return cmp.Compare(a.sale, b.sale) })
	for _, b := range f.returns {
		r, err := f.set.Look(b.sale)
		if err != nil {
			return err
		}
		sale := r.Command.(*kopilka.Receipt) // nothing else sells
		if sale.Imported || sale.Cashier == "" {
			continue
		}
		f.cashiers.of(sale.Cashier).returned += b.goods
		*f.premiums.of(sale.Cashier, strconv.Itoa(r.Outcome.Program)) -= b.goods
	}
	return nil
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
