package query

import (
	"math"

	"github.com/kopilka/kopilka"
)

// Field is what a term asks about.
type Field uint8

// Fields. The comment says which number Facts gives a member.
const (
	Segment    Field = iota // its number, as in Words
	Tier                    // its number, as in Words
	R                       // score, 0 = never bought
	F                       // likewise
	M                       // likewise
	Recency                 // days since the last purchase, -1 = never
	Registered              // days since the member was registered
	Frequency               // live receipts in the window of RFM
	Monetary                // net amount in the window of RFM
	Purchases               // live receipts in the term's Period
	Spent                   // net amount in the term's Period
	Balance                 // points that can be spent now
	Age                     // full years, -1 = not told
	Sex                     // this and the following: 1 where it is as the term says, else 0
	Store
	Source
	State
	Has
	Attr
	Blocked
	Referred
	BoughtAt  // of live receipts of the store Text in the term's Period
	BoughtIn  // of live receipts with goods of the category Text in the term's Period
	Contacted // days since the last message, -1 = never
)

// form is what follows the name of a field.
type form uint8

const (
	flag     form = iota // nothing
	listed               // one word of a list
	text                 // any text
	number               // a whole number, compared or within a range
	inPeriod             // likewise, perhaps of a period
	typed                // what an attribute is, by its own type
	placed               // a store or a category, and perhaps a comma and a period
	lately               // nothing, or a number of days
)

// Costs of a column: cheap ones go first.
const (
	arithmetic = 1 + iota // of what is there
	row                   // of the books, under their lock
	lookup                // in the facts of people
	walk                  // through a member's lots
)

// fields are the words of the language, by Field.
var fields = [...]struct {
	name  string
	form  form
	least int64 // smallest number there can be; also what no bound below means
	cost  int
}{
	Segment:    {"segment", listed, 0, arithmetic},
	Tier:       {"tier", listed, 0, lookup},
	R:          {"r", number, 0, arithmetic},
	F:          {"f", number, 0, arithmetic},
	M:          {"m", number, 0, arithmetic},
	Recency:    {"recency", number, 0, arithmetic},
	Registered: {"registered", number, 0, row},
	Frequency:  {"frequency", number, 0, arithmetic},
	Monetary:   {"monetary", number, math.MinInt64, arithmetic},
	Purchases:  {"purchases", inPeriod, 0, arithmetic},
	Spent:      {"spent", inPeriod, math.MinInt64, arithmetic},
	Balance:    {"balance", number, 0, walk},
	Age:        {"age", number, 0, lookup},
	Sex:        {"sex", listed, 1, lookup},
	Store:      {"store", text, 1, lookup},
	Source:     {"source", text, 1, lookup},
	State:      {"state", listed, 1, row},
	Has:        {"has", listed, 1, lookup},
	Attr:       {"attr", typed, 1, lookup},
	Blocked:    {"blocked", flag, 1, row},
	Referred:   {"referred", flag, 1, row},
	BoughtAt:   {"bought_at", placed, 1, arithmetic},
	BoughtIn:   {"bought_in", placed, 1, arithmetic},
	Contacted:  {"contacted", lately, 0, row},
}

// String is the field's name in the language.
func (f Field) String() string { return fields[f].name }

// bounds are the least and the greatest number that a text may name for the field.
func (f Field) bounds() (least, greatest int64) {
	least, greatest = max(-numberMax, fields[f].least), numberMax
	if f == R || f == F || f == M {
		greatest = 5
	}
	return least, greatest
}

// fieldNamed finds a field by its name.
func fieldNamed(name string) (Field, bool) {
	for f := range fields {
		if fields[f].name == name {
			return Field(f), true
		}
	}
	return 0, false
}

// words are what fields with a fixed list take.
var words = map[Field][]string{
	Sex:   {"f", "m", "x"},
	State: {"created", "registered", "installed"},
	Has:   {"phone", "birth_date", "consent"},
}

// Words are the names that a program gives: the ids of its segments and tiers, by
// their numbers.
type Words struct{ Segments, Tiers []string }

// of gives the words that a listed field takes.
func (w *Words) of(f Field) []string {
	switch f {
	case Segment:
		return w.Segments
	case Tier:
		return w.Tiers
	}
	return words[f]
}

// Term is one thing asked about members. It holds where the number that Facts
// gives lies within Low and High, both included.
type Term struct {
	Field     Field
	Text      string // the word or text that a field must be; of Attr, its key
	Period    Period // of Purchases, Spent, BoughtAt, BoughtIn and Contacted
	Low, High int64

	value value // of Attr
}

// Holds tells whether the term holds for a member of whom Facts gives v.
func (t *Term) Holds(v int64) bool { return t.Low <= v && v <= t.High }

// Is tells whether an attribute's value is as the term says: a string, a boolean, or
// a json.Number.
func (t *Term) Is(v any) bool { return t.value.is(v) }

// Period is a stretch of business days: the last Days of them, or First to Last,
// or, as the zero Period, all time.
type Period struct {
	Days        int
	First, Last kopilka.Day
}

// On gives the period's first and last day, as of a day. Nothing is bought
// after that day, so all time ends with it.
func (p Period) On(day kopilka.Day) (first, last kopilka.Day) {
	switch {
	case p.Days > 0:
		return kopilka.Day(max(0, int(day)-p.Days+1)), day
	case p == Period{}:
		return 0, day
	}
	return p.First, p.Last
}
