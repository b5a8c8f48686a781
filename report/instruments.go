package report

import "github.com/kopilka/kopilka"

// Instruments is what certificates, gift certificates, coupons and discount cards
// did: how many came among people, how often they were used, what they gave.
// What is left of numbers is the books' to say, at the position of the report.
func Instruments(set *Setting, left []NumbersLeft) Fold {
	return &instrumentsFold{set: set, left: left, ending: map[held]int64{}}
}

// NumbersLeft is what is left of the emitted numbers of an instrument.
type NumbersLeft struct {
	Instrument string
	Unused     int64          // never used, and good
	Value      kopilka.Points // of gift certificates that are good
}

type instrumentsFold struct {
	set    *Setting
	left   []NumbersLeft
	issues issues

	instruments  tally[instrument]
	certificates tally[certificate]
	ending       map[held]int64 // what is left of those whose last day is in the period
}

type instrument struct{ emitted, emittedValue, uses, value, unused, left int64 }

type certificate struct{ issued, issuedValue, uses, value, lapsed, lapsedValue int64 }

// held names the certificate of a rule that one command gave to a member.
type held struct {
	claim  kopilka.Seq
	member kopilka.MemberNo
	rule   string
}

// certificateDays is how long before its last day a certificate can have been
// used: a year, and then what arrived late.
const certificateDays = 2 * 366

func (f *instrumentsFold) Reads() (since kopilka.Day, before, kinds kopilka.Kinds) {
	since = f.set.From - min(f.set.From, certificateDays)
	return since, issuing, issuing | deals | kopilka.KindsOf(kopilka.KindEmit)
}

func (f *instrumentsFold) Add(r *Record) {
	f.issues.add(f.set, r, func(due *kopilka.CertificateDue, points int64) { f.issued(r, due, points) })
	switch c := r.Command.(type) {
	case *kopilka.Emit:
		f.emitted(r, c)
	case *kopilka.Receipt:
		for i := range r.Outcome.Uses {
			u := &r.Outcome.Uses[i]
			f.used(c.Day, u, 1, int64(u.Points))
		}
	case *kopilka.Return:
		left := &r.Outcome.Left
		for i := range c.Left.Uses {
			u := &c.Left.Uses[i]
			uses, value := int64(0), int64(u.Points)
			for k := range left.Uses {
				if l := &left.Uses[k]; l.Kind == u.Kind && l.Term == u.Term && l.Claim == u.Claim && l.Number == u.Number {
					value -= int64(l.Points)
				}
			}
			if left.Goods() == 0 {
				uses = 1
			}
			f.used(c.Day, u, -uses, -value)
		}
	}
}

func (f *instrumentsFold) issued(r *Record, due *kopilka.CertificateDue, points int64) {
	c := f.certificates.of(due.Rule)
	if f.set.In(f.set.recorded(r)) {
		c.issued++
		c.issuedValue += points
	}
	if f.set.In(due.To) {
		f.ending[held{r.Seq, due.Member, f.issues.rule(due.Rule)}] += points
	}
}

func (f *instrumentsFold) emitted(r *Record, c *kopilka.Emit) {
	if !f.set.In(f.set.recorded(r)) {
		return
	}
	x := f.instruments.of(c.Instrument)
	x.emitted += int64(c.Count)
	p := f.set.program(r.Outcome.Program)
	for i := range p.Instruments {
		if p.Instruments[i].ID == c.Instrument {
			x.emittedValue += int64(c.Count) * int64(p.Instruments[i].Value)
		}
	}
}

// used notes value that an instrument gave on a day, or, less than 0, got back.
func (f *instrumentsFold) used(day kopilka.Day, u *kopilka.Use, uses, value int64) {
	id := f.set.Terms[u.Term-1].ID
	if u.Kind == kopilka.UseCertificate {
		k := held{u.Claim, kopilka.MemberNo(u.Number - 1), id}
		if left, ends := f.ending[k]; ends {
			f.ending[k] = left - value
		}
		if f.set.In(day) {
			c := f.certificates.of(id)
			c.uses += uses
			c.value += value
		}
		return
	}
	if f.set.In(day) {
		x := f.instruments.of(id)
		x.uses += uses
		x.value += value
	}
}

func (f *instrumentsFold) Report() (Report, error) {
	for k, left := range f.ending {
		if left > 0 && !f.issues.erased.has(f.issues.whole(k.member)) {
			c := f.certificates.of(k.rule)
			c.lapsed++
			c.lapsedValue += left
		}
	}
	for _, n := range f.left {
		x := f.instruments.of(n.Instrument)
		x.unused, x.left = n.Unused, int64(n.Value)
	}
	instruments := f.instruments.table("instruments", []string{"instrument"},
		[]string{"emitted", "emitted_value", "uses", "value_given", "unused", "value_left"},
		func(x *instrument) []int64 {
			return []int64{x.emitted, x.emittedValue, x.uses, x.value, x.unused, x.left}
		})
	certificates := f.certificates.table("certificates", []string{"certificate"},
		[]string{"issued", "issued_value", "uses", "value_given", "lapsed", "lapsed_value"},
		func(c *certificate) []int64 {
			return []int64{c.issued, c.issuedValue, c.uses, c.value, c.lapsed, c.lapsedValue}
		})
	return Report{Tables: []Table{instruments, certificates}}, nil
}
