package report

import (
	"slices"
	"strings"

	"github.com/kopilka/kopilka"
)

// issues follows the log's certificates: who was given which.
type issues struct {
	year   map[yearly]uint16 // newest year of its date of which a number was given one
	rules  []string          // that year has
	erased members
	// part is who was part of whom when the last record was made, parts the same the
	// other way: what a part was given goes back with it when the merge is undone.
	part  map[kopilka.MemberNo]kopilka.MemberNo
	parts map[kopilka.MemberNo][]kopilka.MemberNo
}

type yearly struct {
	member kopilka.MemberNo
	rule   string
}

// issuing are the kinds of commands that issues reads.
var issuing = kopilka.KindsOf(kopilka.KindMember, kopilka.KindIssue, kopilka.KindMerge, kopilka.KindUnmerge, kopilka.KindErase)

// add calls f for every certificate that a record has given. A command names whom
// it is due to; who has had that of the year was passed over, as was one of a rule
// that was not in force. Those by hand, of year 0, are always new.
func (x *issues) add(set *Setting, r *Record, f func(due *kopilka.CertificateDue, points int64)) {
	switch c := r.Command.(type) {
	case *kopilka.PutMember:
		for i := range c.Due {
			x.give(set, r, r.Outcome.Member, &c.Due[i], f)
		}
	case *kopilka.Issue:
		for i := range c.Due {
			x.give(set, r, x.whole(c.Due[i].Member), &c.Due[i], f)
		}
	case *kopilka.Merge:
		if x.part == nil {
			x.part, x.parts = map[kopilka.MemberNo]kopilka.MemberNo{}, map[kopilka.MemberNo][]kopilka.MemberNo{}
		}
		x.part[c.From] = c.Into
		x.parts[c.Into] = append(x.parts[c.Into], c.From)
	case *kopilka.Unmerge:
		if into, merged := x.part[c.From]; merged {
			delete(x.part, c.From)
			x.parts[into] = slices.DeleteFunc(x.parts[into], func(m kopilka.MemberNo) bool { return m == c.From })
		}
	case *kopilka.Erase:
		x.erased.add(x.whole(c.Member))
	}
}

// whole is the member that m was part of then.
func (x *issues) whole(m kopilka.MemberNo) kopilka.MemberNo {
	for {
		into, merged := x.part[m]
		if !merged {
			return m
		}
		m = into
	}
}

// newest is the newest year of which a member, or a part of him then, was given one.
func (x *issues) newest(m kopilka.MemberNo, rule string) uint16 {
	year := x.year[yearly{m, rule}]
	for _, part := range x.parts[m] {
		year = max(year, x.newest(part, rule))
	}
	return year
}

func (x *issues) give(set *Setting, r *Record, m kopilka.MemberNo, due *kopilka.CertificateDue, f func(*kopilka.CertificateDue, int64)) {
	p := set.program(r.Outcome.Program)
	points, known := due.Points, false
	for i := range p.Certificates {
		if rule := &p.Certificates[i]; rule.ID == due.Rule {
			known = true
			if points == 0 {
				points = rule.Points
			}
		}
	}
	if !known || x.erased.has(m) {
		return
	}
	if due.Year != 0 {
		k := yearly{m, x.rule(due.Rule)}
		if x.newest(m, k.rule) >= due.Year {
			return
		}
		if x.year == nil {
			x.year = map[yearly]uint16{}
		}
		x.year[k] = due.Year
	}
	given := *due
	given.Member = m
	f(&given, int64(points))
}

// rule gives the name of a rule that outlives the log's bytes.
func (x *issues) rule(id string) string {
	for _, rule := range x.rules {
		if rule == id {
			return rule
		}
	}
	x.rules = append(x.rules, strings.Clone(id))
	return x.rules[len(x.rules)-1]
}

// certificates are those that were given and that paid in the period.
type certificates struct {
	issues
	issued, value        int64
	receipts, sold, used int64
}

func (x *certificates) add(set *Setting, r *Record) {
	x.issues.add(set, r, func(_ *kopilka.CertificateDue, points int64) {
		if set.In(set.recorded(r)) {
			x.issued++
			x.value += points
		}
	})
	c, ok := r.Command.(*kopilka.Receipt)
	if !ok || !set.In(c.Day) {
		return
	}
	paid := int64(0)
	for i := range r.Outcome.Uses {
		if u := &r.Outcome.Uses[i]; u.Kind == kopilka.UseCertificate {
			paid += int64(u.Points)
		}
	}
	if paid > 0 {
		x.receipts++
		x.sold += int64(c.Amount)
		x.used += paid
	}
}

func (x *certificates) figures(v *Report) {
	v.figure("certificates_issued", x.issued)
	v.figure("certificates_issued_value", x.value)
	v.figure("certificates_used", x.used)
	v.figure("certificate_receipts", x.receipts)
	v.figure("certificate_turnover", x.sold)
}
