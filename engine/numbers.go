package engine

import (
	"fmt"
	"slices"
	"strings"

	"github.com/kopilka/kopilka"
)

// A number of an instrument has thirteen digits: the prefix of its emission, the
// serial among all numbers of the prefix, permuted under the secret of the books,
// and a check digit. So numbers need no table: what a till reads leads back to the
// serial, that to the emission, and that to the place where the number's uses and
// value are kept. See kopilka.Permutation.

const (
	numberDigits = 13
	bodyDigits   = numberDigits - 1 // without the check digit
	// PrefixMax is the most digits of a prefix: a million numbers are left.
	PrefixMax = 6
	// EmissionMax bounds the numbers of one emission.
	EmissionMax = 1_000_000
)

// emission is numbers of one instrument that were made at once: they lie next to
// each other in State.numbers, in the order of their serials.
type emission struct {
	Seq      kopilka.Seq // position of the command
	Term     kopilka.Term
	Prefix   string
	Serial   uint64 // of the first, among all numbers of the prefix
	First    uint32 // place of the first in State.numbers, counted from 1
	Count    uint32
	Value    kopilka.Points // gift certificates: of each number
	From, To kopilka.Day
}

// number is what is left of one emitted number.
type number struct {
	left     int64  // gift certificate: value left
	uses     uint32 // how often it was used
	emission uint32 // place in State.emissions
}

// prefix is the numbers that begin with some digits, with which no other prefix
// begins. It follows from the emissions.
type prefix struct {
	digits    string
	order     kopilka.Permutation
	emissions []uint32 // places in State.emissions, serials upwards
	next      uint64   // first serial that was never given
}

func (s *State) newPrefix(digits string) *prefix {
	space := uint64(1)
	for range bodyDigits - len(digits) {
		space *= 10
	}
	return &prefix{digits: digits, order: kopilka.NewPermutation(s.secret, "numbers "+digits, space)}
}

// prefix is what was emitted under a prefix; nil when nothing was.
func (s *State) prefix(digits string) *prefix {
	for _, p := range s.prefixes {
		if p.digits == digits {
			return p
		}
	}
	return nil
}

// addEmission makes an emission one of the state's, and its prefix know it.
func (s *State) addEmission(e emission) {
	p := s.prefix(e.Prefix)
	if p == nil {
		p = s.newPrefix(e.Prefix)
		s.prefixes = append(s.prefixes, p)
	}
	p.emissions = append(p.emissions, uint32(len(s.emissions)))
	p.next = e.Serial + uint64(e.Count)
	s.emissions = append(s.emissions, e)
}

// write is the number of a serial.
func (p *prefix) write(serial uint64) [numberDigits]byte {
	var body [bodyDigits]byte
	x := p.order.At(serial)
	for i := len(body) - 1; i >= len(p.digits); i-- {
		body[i] = '0' + byte(x%10)
		x /= 10
	}
	copy(body[:], p.digits)
	return kopilka.EAN13(body)
}

// place is where the number of these digits is kept; 0 when it was never given.
func (s *State) place(p *prefix, digits string) uint32 {
	var x uint64
	for i := len(p.digits); i < bodyDigits; i++ {
		x = x*10 + uint64(digits[i]-'0')
	}
	serial := p.order.Find(x)
	if serial >= p.next {
		return 0
	}
	i, found := slices.BinarySearchFunc(p.emissions, serial, func(at uint32, serial uint64) int {
		switch e := &s.emissions[at]; {
		case serial < e.Serial:
			return 1
		case serial >= e.Serial+uint64(e.Count):
			return -1
		}
		return 0
	})
	if !found {
		return 0
	}
	e := &s.emissions[p.emissions[i]]
	return e.First + uint32(serial-e.Serial)
}

// findNumber is the place of a number in the books, counted from 1; 0 = none.
func (s *State) findNumber(text string) uint32 {
	if !kopilka.ValidEAN13(text) {
		return 0
	}
	for _, p := range s.prefixes {
		if strings.HasPrefix(text, p.digits) {
			return s.place(p, text)
		}
	}
	return 0
}

// emit makes numbers of an instrument of the program in force. Many numbers are
// one command, and its answer says only where they begin.
func (s *State) emit(c *kopilka.Emit, out *kopilka.Outcome) {
	if s.spent(&c.Head, out) {
		return
	}
	rule, term := s.instrumentNamed(c.Instrument)
	if rule == nil || rule.Code != "" {
		refuse(out, kopilka.NotFound) // a coupon with a code has no numbers
		return
	}
	if len(c.Prefix) == 0 || len(c.Prefix) > PrefixMax || c.Count <= 0 || c.Count > EmissionMax {
		panic(fmt.Sprintf("engine: position %d emits %d numbers that begin with %q", s.seq, c.Count, c.Prefix))
	}
	p := s.prefix(c.Prefix)
	if p == nil {
		if s.nested(c.Prefix) {
			refuse(out, kopilka.PrefixTaken)
			return
		}
		p = s.newPrefix(c.Prefix)
	}
	if p.order.Len()-p.next < uint64(c.Count) || s.numbers.Len()+c.Count > numbersMax {
		refuse(out, kopilka.NumbersExhausted)
		return
	}
	out.First = uint32(s.numbers.Len() + 1)
	for range c.Count {
		s.numbers.Append(number{left: int64(rule.Value), emission: uint32(len(s.emissions))})
	}
	s.addEmission(emission{Seq: s.seq, Term: term, Prefix: clone(c.Prefix), Serial: p.next, First: out.First,
		Count: uint32(c.Count), Value: rule.Value, From: c.From, To: c.To})
}

// nested tells whether there are numbers of a prefix that begins with these digits,
// or with which they begin: a number could be of both.
func (s *State) nested(digits string) bool {
	return slices.ContainsFunc(s.prefixes, func(p *prefix) bool {
		return p.digits != digits && (strings.HasPrefix(p.digits, digits) || strings.HasPrefix(digits, p.digits))
	})
}

// numbersMax is what 32 bits can tell apart, 0 being none.
const numbersMax = 1<<32 - 1

// checkNumbers proves that every number is in the one emission that its place says,
// that no serial of a prefix was given twice, and that what numbers have lost of
// their value is what was used of them, as the sums of their instruments say.
func (s *State) checkNumbers() error {
	next := uint32(1)
	used, uses := make([]int64, len(s.terms)), make([]int64, len(s.terms))
	for i := range s.emissions {
		e := &s.emissions[i]
		if e.First != next || e.Count == 0 {
			return fmt.Errorf("the emission at %d has %d numbers from %d on, after %d others", e.Seq, e.Count, e.First, next-1)
		}
		for range e.Count {
			n := s.numbers.At(int(next - 1))
			if int(n.emission) != i || n.left < 0 || n.left > int64(e.Value) {
				return fmt.Errorf("number %d has %d of %d left and is of emission %d, not %d", next, n.left, e.Value, n.emission, i)
			}
			if n.uses == 0 && n.left < int64(e.Value) && s.term(e.Term).Lapsed == 0 {
				return fmt.Errorf("number %d has %d of %d left and was never used", next, n.left, e.Value)
			}
			used[e.Term-1] += int64(e.Value) - n.left
			uses[e.Term-1] += int64(n.uses)
			next++
		}
	}
	if int(next-1) != s.numbers.Len() {
		return fmt.Errorf("%d numbers are in emissions, of %d", next-1, s.numbers.Len())
	}
	for i := range s.terms {
		t := &s.terms[i]
		if t.Used < 0 || t.Lapsed < 0 || t.Count < uses[i] {
			return fmt.Errorf("%s has used %d, lapsed %d and counts %d, %d of them uses of numbers", t.ID, t.Used, t.Lapsed, t.Count, uses[i])
		}
		if t.Kind != TermInstrument || !s.giftOnly(kopilka.Term(i+1)) {
			continue
		}
		if t.Used+t.Lapsed != used[i] || t.Count != uses[i] {
			return fmt.Errorf("of %s %d are used and %d lapsed in %d uses, and its numbers have lost %d in %d", t.ID, t.Used, t.Lapsed, t.Count, used[i], uses[i])
		}
	}
	for _, p := range s.prefixes {
		var serial uint64
		for _, at := range p.emissions {
			e := &s.emissions[at]
			if e.Serial < serial {
				return fmt.Errorf("the emission at %d begins with serial %d of prefix %s, and %d were given", e.Seq, e.Serial, p.digits, serial)
			}
			serial = e.Serial + uint64(e.Count)
		}
		if serial != p.next || serial > p.order.Len() {
			return fmt.Errorf("of prefix %s %d serials were given, up to %d, of %d", p.digits, serial, p.next, p.order.Len())
		}
	}
	return nil
}

// giftOnly tells whether an instrument was a gift certificate in all versions of the
// program that have it, so that its sums are of nothing else.
func (s *State) giftOnly(t kopilka.Term) bool {
	for v := range s.versions {
		for i, n := range s.versions[v].terms.instruments {
			if n == t && s.versions[v].Program.Instruments[i].Kind != kopilka.UseGift {
				return false
			}
		}
	}
	return true
}
