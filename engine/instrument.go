package engine

import (
	"github.com/kopilka/kopilka"
	"github.com/kopilka/kopilka/program"
)

// presented is an instrument that a till was shown, and what is left of it.
type presented struct {
	rule *program.Instrument
	term kopilka.Term
	// number is its place in the books, counted from 1; 0 = a code that all share.
	number   uint32
	left     kopilka.Points // gift certificate: value left
	uses     int64          // made of the number, or of the code by all
	from, to kopilka.Day    // first and last day the number is good
}

// show finds what a number or a code names under version v of the program, counted
// from 1. A number is good under the rules of its instrument in that version,
// or else under the newest it has: what was sold does not end with a line of a document.
// A code that the version does not know is none.
func (s *State) show(v int, text string) (x presented, ok bool) {
	if at := s.findNumber(text); at != 0 {
		n := s.numbers.At(int(at - 1))
		e := &s.emissions[n.emission]
		return presented{rule: s.instrumentIn(v, e.Term), term: e.Term, number: at,
			left: kopilka.Points(n.left), uses: int64(n.uses), from: e.From, to: e.To}, true
	}
	if text == "" {
		return presented{}, false
	}
	version := &s.versions[v-1]
	for i := range version.Program.Instruments {
		if rule := &version.Program.Instruments[i]; rule.Code == text {
			term := version.terms.instruments[i]
			return presented{rule: rule, term: term, uses: s.terms[term-1].Count, to: kopilka.DayNever}, true
		}
	}
	return presented{}, false
}

// instrumentIn is the rule of an instrument in a version, or else the newest.
func (s *State) instrumentIn(v int, t kopilka.Term) *program.Instrument {
	version := &s.versions[v-1]
	for i, n := range version.terms.instruments {
		if n == t {
			return &version.Program.Instruments[i]
		}
	}
	return s.instrument(t)
}

// instrumentNamed is an instrument of the program in force; nil when it has none
// of this id.
func (s *State) instrumentNamed(id string) (*program.Instrument, kopilka.Term) {
	if len(s.versions) == 0 {
		return nil, 0
	}
	v := &s.versions[len(s.versions)-1]
	for i := range v.Program.Instruments {
		if v.Program.Instruments[i].ID == id {
			return &v.Program.Instruments[i], v.terms.instruments[i]
		}
	}
	return nil, 0
}

// usesOf is how often a member has used an instrument of which everybody has so
// many uses.
func (s *State) usesOf(m kopilka.MemberNo, a *account, t kopilka.Term) (uses int64) {
	for at := s.firstClaim(m, a); at != 0; at = s.claims.At(int(at)).next {
		if c := s.claims.At(int(at)); c.kind == claimCoupon && c.term == t {
			uses += int64(c.left) // who has become one with another has those of both
		}
	}
	return uses
}

// use books that a receipt used an instrument, to the value of u.Points. With
// counted it is also counted among the member's uses, and u.Claim says under
// which claim; nobody's receipt has a nil account and is never counted.
func (s *State) use(m kopilka.MemberNo, a *account, u *kopilka.Use, counted bool) {
	term := s.term(u.Term)
	term.Used += int64(u.Points)
	term.Count++
	if u.Number != 0 {
		n := s.numbers.Mut(int(u.Number - 1))
		n.uses++
		if u.Kind == kopilka.UseGift {
			n.left -= int64(u.Points)
		}
	}
	if !counted {
		return
	}
	for at := s.firstClaim(m, a); at != 0; at = s.claims.At(int(at)).next {
		switch c := s.claims.At(int(at)); {
		case c.kind == claimPart:
			at = s.endOf(at) // what came over may go back
		case c.kind == claimCoupon && c.term == u.Term:
			u.Claim = c.seq
			s.claims.Mut(int(at)).left++
			return
		}
	}
	u.Claim = s.seq
	s.addClaim(m, a, claim{seq: s.seq, left: 1, term: u.Term, kind: claimCoupon})
}

// giveUseBack takes points of a use back. Of a gift certificate they are spendable
// again, unless its days are over: then they lapse, which is told. With whole the
// use itself never was: the number, the code and the member's count have it again.
func (s *State) giveUseBack(m kopilka.MemberNo, a *account, u *kopilka.Use, points kopilka.Points, whole bool) (lapsed kopilka.Points) {
	term := s.term(u.Term)
	if u.Kind == kopilka.UseGift {
		n := s.numbers.Mut(int(u.Number - 1))
		if s.emissions[n.emission].To < s.day {
			lapsed = points
			term.Lapsed += int64(points)
		} else {
			n.left += int64(points)
		}
	}
	term.Used -= int64(points)
	if !whole {
		return lapsed
	}
	term.Count--
	if u.Number != 0 {
		s.numbers.Mut(int(u.Number-1)).uses--
	}
	if u.Claim == 0 {
		return lapsed
	}
	for at := s.firstClaim(m, a); at != 0; at = s.claims.At(int(at)).next {
		c := s.claims.At(int(at))
		if c.kind != claimCoupon || c.term != u.Term || c.seq != u.Claim {
			continue
		}
		if c.left == 1 {
			s.dropClaim(m, a, at)
		} else {
			s.claims.Mut(int(at)).left--
		}
		break
	}
	return lapsed
}

// Number is what the books know of an emitted number or of a code.
type Number struct {
	Text       string
	Instrument string // id in the program
	Term       kopilka.Term
	Kind       kopilka.UseKind
	Place      uint32         // in the books, counted from 1; 0 = a code that all share
	Emission   kopilka.Seq    // the command that made it; 0 = a code
	Left       kopilka.Points // gift certificate: value left
	Value      kopilka.Points // gift certificate: value it was made with
	Uses       int64          // made of it
	UsesMax    int            // that can be made of it; 0 = without bound
	From, To   kopilka.Day    // first and last day it is good
}

// FindNumber finds an emitted number, or a code of the program in force.
func (s *State) FindNumber(text string) (Number, bool) {
	if len(s.versions) == 0 {
		return Number{}, false
	}
	x, ok := s.show(len(s.versions), text)
	if !ok {
		return Number{}, false
	}
	return s.described(text, &x), true
}

func (s *State) described(text string, x *presented) Number {
	n := Number{Text: text, Instrument: s.terms[x.term-1].ID, Term: x.term, Kind: x.rule.Kind, Place: x.number,
		Left: x.left, Value: x.rule.Value, Uses: x.uses, UsesMax: x.rule.Uses, From: x.from, To: x.to}
	if x.number != 0 {
		e := &s.emissions[s.numbers.At(int(x.number-1)).emission]
		n.Emission, n.Value = e.Seq, e.Value
	}
	return n
}

// Shown is what a number or a code named under a version of the program, counted from
// 1, with the rule that it is good under; nil when it named nothing.
func (s *State) Shown(version int, text string) (Number, *program.Instrument) {
	x, ok := s.show(version, text)
	if !ok {
		return Number{}, nil
	}
	return s.described(text, &x), x.rule
}

// Emission is the numbers that one command made. They lie in the books one after
// another, from First on.
type Emission struct {
	Seq        kopilka.Seq
	Instrument string // id in the program
	Term       kopilka.Term
	Prefix     string
	First      uint32 // counted from 1
	Count      int
	From, To   kopilka.Day // first and last day the numbers are good
}

// Emissions are all emissions, the oldest first.
func (s *State) Emissions() (all []Emission) {
	for i := range s.emissions {
		e := &s.emissions[i]
		all = append(all, Emission{Seq: e.Seq, Instrument: s.terms[e.Term-1].ID, Term: e.Term, Prefix: e.Prefix,
			First: e.First, Count: int(e.Count), From: e.From, To: e.To})
	}
	return all
}

// Emission is that of a command, false when the command made none.
func (s *State) Emission(seq kopilka.Seq) (Emission, bool) {
	for _, e := range s.Emissions() {
		if e.Seq == seq {
			return e, true
		}
	}
	return Emission{}, false
}

// NumberAt is the number at a place of the books, counted from 1. A file of an
// emission asks for its places one after another, some at a time, so that the
// books are not kept from writing while it is made.
func (s *State) NumberAt(place uint32) Number {
	n := s.numbers.At(int(place - 1))
	e := &s.emissions[n.emission]
	rule := s.instrument(e.Term)
	digits := s.prefix(e.Prefix).write(e.Serial + uint64(place-e.First))
	return Number{Text: string(digits[:]), Instrument: s.terms[e.Term-1].ID, Term: e.Term, Kind: rule.Kind, Place: place, Emission: e.Seq,
		Left: kopilka.Points(n.left), Value: e.Value, Uses: int64(n.uses), UsesMax: rule.Uses, From: e.From, To: e.To}
}

// Numbers is how many numbers were ever emitted; their places are 1 to it.
func (s *State) Numbers() int { return s.numbers.Len() }
