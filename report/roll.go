package report

import "github.com/kopilka/kopilka"

// roll is who is a member, as the log tells it from its beginning: twelve bytes
// a member.
type roll struct {
	set     *Setting
	rows    []person
	sources names
}

type person struct {
	referrer   kopilka.MemberNo
	source     uint32 // what brought the member, by number
	registered kopilka.Day
	imported   bool
	erased     bool
}

// enrolling are the kinds of commands that a roll is made of.
var enrolling = kopilka.KindsOf(kopilka.KindMember, kopilka.KindErase)

func (l *roll) add(r *Record) {
	switch c := r.Command.(type) {
	case *kopilka.PutMember:
		m := int(r.Outcome.Member)
		for len(l.rows) <= m {
			l.rows = append(l.rows, person{referrer: kopilka.NoMember})
		}
		p := &l.rows[m]
		p.registered, p.referrer = c.Registered, c.Referrer
		if r.Outcome.Enrolled {
			p.imported, p.source = c.Imported, uint32(l.sources.number(c.Source))
		}
	case *kopilka.Erase:
		if int(c.Member) < len(l.rows) {
			l.rows[l.set.into(c.Member)].erased = true
		}
	}
}

// close gives every member the first day on which a part of him was registered.
func (l *roll) close() {
	for from := range l.set.Aliases {
		if int(from) < len(l.rows) {
			p := &l.rows[l.set.into(from)]
			p.registered = min(p.registered, l.rows[from].registered)
		}
	}
}

// contact tells whether a member was one at the end of the period: registered,
// no part of another, and not forgotten.
func (l *roll) contact(m kopilka.MemberNo) bool {
	if int(m) >= len(l.rows) {
		return false
	}
	_, merged := l.set.Aliases[m]
	p := &l.rows[m]
	return p.registered <= l.set.To && !p.erased && !merged
}

// referrer is who invited the member; NoMember: nobody.
func (l *roll) referrer(m kopilka.MemberNo) kopilka.MemberNo {
	if int(m) >= len(l.rows) || l.rows[m].referrer == kopilka.NoMember {
		return kopilka.NoMember
	}
	return l.set.into(l.rows[m].referrer)
}

// source is what brought the member.
func (l *roll) source(m kopilka.MemberNo) string {
	if int(m) >= len(l.rows) {
		return ""
	}
	return l.sources.words[l.rows[m].source]
}

// depth is the greatest number of invitations between a contact and the one who
// began: 1 where nobody who was invited has invited. Every member is climbed over
// once.
func (l *roll) depth() (deepest int64) {
	above := make([]uint32, len(l.rows)) // invitations above the member, and 1; 0 = not known
	var path []kopilka.MemberNo
	for i := range l.rows {
		if !l.contact(kopilka.MemberNo(i)) {
			continue
		}
		path = path[:0]
		at, n := kopilka.MemberNo(i), uint32(0)
		for at != kopilka.NoMember && int(at) < len(above) {
			if above[at] != 0 {
				n = above[at]
				break
			}
			above[at] = 1 // a circle, which the books refuse, would end where it began
			path = append(path, at)
			at = l.referrer(at)
		}
		for k := len(path) - 1; k >= 0; k-- {
			n++
			above[path[k]] = n
		}
		deepest = max(deepest, int64(above[i])-1)
	}
	return deepest
}
