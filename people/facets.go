package people

import (
	"sync"

	"github.com/kopilka/kopilka"
)

// Facets are the personal facts by which members are selected: sex, birth date,
// store, source, what is known at all, and a shop's own attributes. Its methods may
// be called from many goroutines at once.
//
// Nothing of it is kept anywhere: like Names it is filled from the profiles at
// every start, while changes go on; what Learn reads in a profile therefore never
// replaces what Put has told since. A member costs 4 bytes, and 4 more for his store,
// his source and each attribute; every value that several share is held once.
type Facets struct {
	mu         sync.RWMutex
	rows       []facet
	store      column
	source     column
	attributes map[string]*column
}

// facet is a member's row: his birth date in the lowest bits as year × 512 + month ×
// 32 + day, his sex, and the bits below.
type facet uint32

const (
	birthBits = 21
	birthMask = 1<<birthBits - 1
	sexShift  = birthBits
	sexMask   = 3 << sexShift

	hasPhone facet = 1 << (sexShift + 2 + iota)
	hasConsent
	hasAttributes
	toldFacet // Put or Learn has told of the member
)

// sexes are the letters of a profile; 0 is not told.
const sexes = "mfx"

// NewFacets knows nobody.
func NewFacets() *Facets { return &Facets{attributes: map[string]*column{}} }

// Put notes a member's profile, which is the newest.
func (x *Facets) Put(m kopilka.MemberNo, p *Profile) { x.note(m, p, true) }

// Learn notes a profile that may have been changed since it was read.
func (x *Facets) Learn(m kopilka.MemberNo, p *Profile) { x.note(m, p, false) }

// Forget takes out all that was known of a member, and what only he had.
func (x *Facets) Forget(m kopilka.MemberNo) { x.note(m, &Profile{}, true) }

// DropPhone notes that a member has no phone any more, whatever his profile says.
func (x *Facets) DropPhone(m kopilka.MemberNo) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if int(m) < len(x.rows) {
		x.rows[m] &^= hasPhone
	}
}

func (x *Facets) note(m kopilka.MemberNo, p *Profile, newest bool) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if short := int(m) + 1 - len(x.rows); short > 0 {
		x.rows = append(x.rows, make([]facet, short)...)
	}
	if !newest && x.rows[m]&toldFacet != 0 {
		return
	}
	before := x.rows[m]
	x.rows[m] = facetOf(p)
	x.store.set(m, told(p.Store))
	x.source.set(m, told(p.Source))
	if before&hasAttributes != 0 {
		x.dropAttributes(m, p)
	}
	for key, v := range p.Attributes {
		c := x.attributes[key]
		if c == nil {
			c = new(column)
			x.attributes[key] = c
		}
		c.set(m, v)
	}
}

// dropAttributes takes out those attributes of a member that his profile no longer has.
func (x *Facets) dropAttributes(m kopilka.MemberNo, p *Profile) {
	for key, c := range x.attributes {
		if _, still := p.Attributes[key]; still {
			continue
		}
		if c.set(m, nil); c.values.empty() {
			delete(x.attributes, key)
		}
	}
}

// told is a text as a value; nil when it was not told.
func told(s string) any {
	if s == "" {
		return nil
	}
	return s
}

func facetOf(p *Profile) facet {
	f := toldFacet | facet(birthOf(p.BirthDate))
	for i := range len(sexes) {
		if p.Sex == sexes[i:i+1] {
			f |= facet(i+1) << sexShift
		}
	}
	if p.Phone != "" {
		f |= hasPhone
	}
	if p.Consent != nil {
		f |= hasConsent
	}
	if len(p.Attributes) > 0 {
		f |= hasAttributes
	}
	return f
}

// Ages gives the full years of members from a number on, as of a day; -1 where no
// birth date was told. Who was born on 29 February is a year older on the 28th in
// common years.
func (x *Facets) Ages(on kopilka.Day, from kopilka.MemberNo, to []int64) {
	year, month, day := on.Date()
	today := packed(year, int(month), day)
	leap := year%4 == 0 && (year%100 != 0 || year%400 == 0)
	x.each(from, to, func(f facet) int64 { return ageOn(int(f&birthMask), today, leap) })
}

// Sex gives 1 for members of a sex, m, f or x, else 0; and so do the methods below
// for what they ask.
func (x *Facets) Sex(sex string, from kopilka.MemberNo, to []int64) {
	var want facet
	for i := range len(sexes) {
		if sex == sexes[i:i+1] {
			want = facet(i+1) << sexShift
		}
	}
	x.each(from, to, func(f facet) int64 { return truth(want != 0 && f&sexMask == want) })
}

// HasPhone is about a phone.
func (x *Facets) HasPhone(from kopilka.MemberNo, to []int64) {
	x.each(from, to, func(f facet) int64 { return truth(f&hasPhone != 0) })
}

// HasBirthDate is about a birth date.
func (x *Facets) HasBirthDate(from kopilka.MemberNo, to []int64) {
	x.each(from, to, func(f facet) int64 { return truth(f&birthMask != 0) })
}

// HasConsent is about consent.
func (x *Facets) HasConsent(from kopilka.MemberNo, to []int64) {
	x.each(from, to, func(f facet) int64 { return truth(f&hasConsent != 0) })
}

func (x *Facets) each(from kopilka.MemberNo, to []int64, of func(facet) int64) {
	x.mu.RLock()
	defer x.mu.RUnlock()
	rows := x.rows[min(int(from), len(x.rows)):]
	for i := range to {
		var f facet
		if i < len(rows) {
			f = rows[i]
		}
		to[i] = of(f)
	}
}

// Store is about the store of the profile.
func (x *Facets) Store(store string, from kopilka.MemberNo, to []int64) {
	x.mu.RLock()
	defer x.mu.RUnlock()
	x.store.equals(store, from, to)
}

// Source is about the source of the profile.
func (x *Facets) Source(source string, from kopilka.MemberNo, to []int64) {
	x.mu.RLock()
	defer x.mu.RUnlock()
	x.source.equals(source, from, to)
}

// Attribute is about an attribute of a shop's own, whose values are strings,
// booleans and json.Numbers.
func (x *Facets) Attribute(key string, is func(any) bool, from kopilka.MemberNo, to []int64) {
	x.mu.RLock()
	defer x.mu.RUnlock()
	c := x.attributes[key]
	if c == nil {
		clear(to)
		return
	}
	c.is(is, from, to)
}

func truth(b bool) int64 {
	if b {
		return 1
	}
	return 0
}

// birthOf packs a date of a profile; 0 for none.
func birthOf(date string) int {
	var year, month, day int
	if len(date) != len("1985-04-30") {
		return 0
	}
	for i, part := range [...]*int{&year, &month, &day} {
		at := [...]int{0, 5, 8}[i]
		for _, c := range []byte(date[at : at+[...]int{4, 2, 2}[i]]) {
			*part = *part*10 + int(c-'0')
		}
	}
	return packed(year, month, day)
}

func packed(year, month, day int) int { return year<<9 | month<<5 | day }

// monthDay is the part of a packed date that says when in the year it is.
const monthDay = 1<<9 - 1

func ageOn(birth, today int, leap bool) int64 {
	if birth == 0 {
		return -1
	}
	age, birthday := today>>9-birth>>9, birth&monthDay
	if birthday == 2<<5|29 && !leap {
		birthday--
	}
	if today&monthDay < birthday {
		age--
	}
	return int64(age)
}
