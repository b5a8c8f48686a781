package query

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/kopilka/kopilka"
)

// Limits of a text.
const (
	TextMax    = 4096 // bytes, of the canonical form too
	DepthMax   = 32   // of parentheses and negations
	TermsMax   = 64
	PeriodsMax = 4 // different ones, with their stores and categories: each takes memory by the member
)

// most is what no bound above means; numberMax bounds the numbers of a text.
const (
	most      = math.MaxInt64
	numberMax = 1_000_000_000_000_000
)

// Fault is the error of a text that cannot be read: where, and what was expected.
type Fault struct {
	Column int // in characters, from 1
	Detail string
}

// Error says both.
func (f *Fault) Error() string { return fmt.Sprintf("column %d: %s", f.Column, f.Detail) }

func fault(column int, detail string) *Fault { return &Fault{column, detail} }

// Parse reads a text. Its error is a *Fault.
func Parse(text string, words Words) (*Expr, error) {
	switch {
	case len(text) > TextMax:
		return nil, fault(1, fmt.Sprintf("the expression has %d bytes, more than %d", len(text), TextMax))
	case !utf8.ValidString(text):
		return nil, fault(1, "the expression is not UTF-8")
	}
	p := parser{lexer: lexer{text: text, column: 1}, words: words, expr: &Expr{}}
	if err := p.advance(); err != nil {
		return nil, err
	}
	root, err := p.or()
	if err != nil {
		return nil, err
	}
	if p.now.kind != end {
		return nil, p.expected("& or | or the end; text with other signs stands in quotes")
	}
	p.expr.root = root
	if n := len(p.expr.String()); n > TextMax {
		return nil, fault(1, fmt.Sprintf("the expression, written out, has %d bytes, more than %d", n, TextMax))
	}
	return p.expr, nil
}

// parser reads tokens from the left, one ahead.
type parser struct {
	lexer   lexer
	now     token
	words   Words
	depth   int
	periods []stretch
	expr    *Expr
}

// stretch is what is added up of receipts: those of a period, and perhaps of a store
// or a category, which the field says.
type stretch struct {
	field Field // BoughtAt or BoughtIn; zero where there is only a period
	name  string
	Period
}

func (p *parser) advance() (err error) {
	p.now, err = p.lexer.next()
	return err
}

// expected is the error of a token that cannot stand where it does.
func (p *parser) expected(what string) error {
	return fault(p.now.column, "expected "+what)
}

// or reads parts joined by |, which binds less than &.
func (p *parser) or() (*node, error) { return p.joined(or, "|", p.and) }

func (p *parser) and() (*node, error) { return p.joined(and, "&", p.not) }

func (p *parser) joined(j join, by string, part func() (*node, error)) (*node, error) {
	var parts []*node
	for {
		n, err := part()
		if err != nil {
			return nil, err
		}
		parts = append(parts, n)
		if !p.now.is(by) {
			return joined(j, parts), nil
		}
		if err := p.advance(); err != nil {
			return nil, err
		}
	}
}

// not reads a term, something in parentheses, or the opposite of these.
func (p *parser) not() (*node, error) {
	open, opposite := p.now.is("("), p.now.is("!")
	if !open && !opposite {
		t, err := p.term()
		if err != nil {
			return nil, err
		}
		return leafOf(t), nil
	}
	if p.depth++; p.depth > DepthMax {
		return nil, fault(p.now.column, fmt.Sprintf("parentheses and negations go deeper than %d", DepthMax))
	}
	defer func() { p.depth-- }()
	if err := p.advance(); err != nil {
		return nil, err
	}
	if opposite {
		n, err := p.not()
		if err != nil {
			return nil, err
		}
		return negated(n), nil
	}
	n, err := p.or()
	if err != nil {
		return nil, err
	}
	if !p.now.is(")") {
		return nil, p.expected("& or | or )")
	}
	return n, p.advance()
}

// term reads one term.
func (p *parser) term() (*Term, error) {
	if p.now.kind != word {
		return nil, p.expected("a term, such as core or age:30..45")
	}
	if len(p.expr.terms) == TermsMax {
		return nil, fault(p.now.column, fmt.Sprintf("more than %d terms", TermsMax))
	}
	t := &Term{Low: 1, High: 1}
	p.expr.terms = append(p.expr.terms, t)
	if p.now.text == "attr" || strings.HasPrefix(p.now.text, "attr.") {
		return t, p.attribute(t)
	}
	f, known := fieldNamed(p.now.text)
	if !known {
		if i := slices.Index(p.words.Segments, p.now.text); i >= 0 {
			t.Field, t.Text, t.Low, t.High = Segment, p.words.Segments[i], int64(i), int64(i)
			return t, p.advance()
		}
		return nil, p.unknown()
	}
	t.Field = f
	if err := p.advance(); err != nil {
		return nil, err
	}
	switch fields[f].form {
	case listed:
		return t, p.listed(t)
	case text:
		return t, p.text(t)
	case number, inPeriod:
		return t, p.number(t)
	case placed:
		return t, p.place(t)
	case lately:
		return t, p.lately(t)
	}
	return t, nil
}

// unknown is the error of a word that is neither a field nor a segment.
func (p *parser) unknown() error {
	known := slices.Clone(p.words.Segments)
	for _, f := range fields {
		known = append(known, f.name)
	}
	return fault(p.now.column, "neither a field nor a segment of the program has this name"+meant(p.now.text, known))
}

// colon reads the sign between a field and what it must be.
func (p *parser) colon(what string) error {
	if !p.now.is(":") && !p.now.is("=") {
		return p.expected("a colon and " + what)
	}
	return p.advance()
}

// listed reads one of the words that a field can be.
func (p *parser) listed(t *Term) error {
	known := p.words.of(t.Field)
	what := "one of " + strings.Join(known, ", ")
	if len(known) > listedMax {
		what = "the id of a " + t.Field.String()
	}
	if err := p.colon(what); err != nil {
		return err
	}
	i := slices.Index(known, p.now.text)
	if p.now.kind != word && p.now.kind != quoted || i < 0 {
		return p.expected(what + meant(p.now.text, known))
	}
	t.Text = known[i]
	if t.Field == Segment || t.Field == Tier {
		t.Low, t.High = int64(i), int64(i)
	}
	return p.advance()
}

// listedMax bounds how many words an error lists.
const listedMax = 8

// text reads what a field must be.
func (p *parser) text(t *Term) error {
	const what = "a word, or text in quotes"
	if err := p.colon(what); err != nil {
		return err
	}
	if p.now.kind != word && p.now.kind != quoted || p.now.text == "" {
		return p.expected(what)
	}
	t.Text = strings.Clone(p.now.text)
	return p.advance()
}

// number reads the bounds of a number, and before them perhaps a period.
func (p *parser) number(t *Term) error {
	t.Low, t.High = fields[t.Field].least, most
	if fields[t.Field].form == inPeriod && p.now.is(":") {
		lexer, now := p.lexer, p.now
		if err := p.advance(); err != nil {
			return err
		}
		if period, ok := p.period(); ok {
			if err := p.keep(p.now.column, stretch{Period: period}); err != nil {
				return err
			}
			t.Period = period
			if err := p.advance(); err != nil {
				return err
			}
		} else {
			p.lexer, p.now = lexer, now // it belongs to the number
		}
	}
	if p.now.kind != sign || !slices.Contains(comparisons, p.now.text) {
		return p.expected("one of " + strings.Join(comparisons, " ") + " and a number, such as " + t.Field.String() + ">=2")
	}
	compare := p.now.text
	if err := p.advance(); err != nil {
		return err
	}
	if low, high, ok := cutRange(p.now.text); ok && compare == ":" && p.now.kind == word {
		var err error
		if t.Low, err = p.whole(t, low); err != nil {
			return err
		}
		if t.High, err = p.whole(t, high); err != nil {
			return err
		}
		if t.Low > t.High {
			return p.expected("a range that goes up")
		}
		return p.advance()
	}
	n, err := p.whole(t, p.now.text)
	if err != nil {
		return err
	}
	switch compare {
	case ":", "=":
		t.Low, t.High = n, n
	case ">=":
		t.Low = n
	case ">":
		t.Low = n + 1
	case "<=":
		t.High = n
	case "<":
		if t.High = n - 1; n == fields[t.Field].least {
			return p.expected("more than 0, below which there is nothing")
		}
	}
	return p.advance()
}

var comparisons = []string{":", "=", ">=", ">", "<=", "<"}

// whole reads a whole number that the field of a term can be.
func (p *parser) whole(t *Term, s string) (int64, error) {
	n, err := strconv.ParseInt(s, 10, 64)
	least, greatest := t.Field.bounds()
	if p.now.kind != word || err != nil || s[0] == '+' || n < least || n > greatest {
		return 0, p.expected(fmt.Sprintf("a whole number from %d to %d, or a range such as 1..3", least, greatest))
	}
	return n, nil
}

// period reads the word that stands next as a period; false when it is none.
func (p *parser) period() (Period, bool) {
	if p.now.kind != word {
		return Period{}, false
	}
	return readPeriod(p.now.text)
}

func readPeriod(s string) (Period, bool) {
	if days, ok := strings.CutSuffix(s, "d"); ok {
		n, err := strconv.Atoi(days)
		return Period{Days: n}, err == nil && digits(days) && n > 0 && n < int(kopilka.DayNever)
	}
	first, last, ok := cutRange(s)
	if !ok {
		last = first
	}
	a, err := kopilka.ParseDay(first)
	b, fails := kopilka.ParseDay(last)
	return Period{First: a, Last: b}, err == nil && fails == nil && a <= b && b > 0
}

// placeWords are what fields of this form take.
var placeWords = map[Field]string{
	BoughtAt: "a store, alone or with a comma and a period, such as S1,30d; a store with a comma in its name stands in quotes",
	BoughtIn: "a category, alone or with a comma and a period, such as shoes,30d; a category with a comma in its name stands in quotes",
}

// place reads a store or a category, and behind a comma perhaps a period.
func (p *parser) place(t *Term) error {
	what := placeWords[t.Field]
	if err := p.colon(what); err != nil {
		return err
	}
	column := p.now.column
	name, period, timed := p.now.text, "", false
	switch p.now.kind {
	case word:
		name, period, timed = strings.Cut(name, comma)
	case quoted:
	default:
		return p.expected(what)
	}
	inQuotes := p.now.kind == quoted
	if err := p.advance(); err != nil {
		return err
	}
	if inQuotes && p.now.kind == word {
		if period, timed = strings.CutPrefix(p.now.text, comma); timed {
			if err := p.advance(); err != nil {
				return err
			}
		}
	}
	t.Text = strings.Clone(name)
	ok := name != ""
	if timed && ok {
		t.Period, ok = readPeriod(period)
	}
	if !ok {
		return fault(column, "expected "+what)
	}
	return p.keep(column, stretch{t.Field, t.Text, t.Period})
}

// lately reads the days within which something happened last; ever, when nothing
// follows. Only the last time is known, so that between two days cannot be asked.
func (p *parser) lately(t *Term) error {
	t.Low, t.High = fields[t.Field].least, most
	if !p.now.is(":") && !p.now.is("=") {
		return nil
	}
	if err := p.advance(); err != nil {
		return err
	}
	what := "a number of days, such as " + t.Field.String() + ":7d"
	period, ok := p.period()
	switch {
	case ok && period.Days == 0:
		return p.expected(what + ": only the last time is known, which tells nothing of other days")
	case !ok:
		return p.expected(what)
	}
	t.Period, t.High = period, int64(period.Days)-1
	return p.advance()
}

// keep counts the periods that are asked for, each with its store or category.
func (p *parser) keep(column int, period stretch) error {
	if slices.Contains(p.periods, period) {
		return nil
	}
	if len(p.periods) == PeriodsMax {
		return fault(column, fmt.Sprintf("more than %d different periods, with their stores and categories", PeriodsMax))
	}
	p.periods = append(p.periods, period)
	return nil
}

// attribute reads the key of an attribute and what it must be.
func (p *parser) attribute(t *Term) error {
	const example = "attr.NAME and what it is, such as attr.shoe_size>=38 or attr.city:\"Нижний Новгород\""
	t.Field = Attr
	key, dotted := strings.CutPrefix(p.now.text, "attr.")
	column := p.now.column
	if err := p.advance(); err != nil {
		return err
	}
	if dotted && key == "" && p.now.kind == quoted && p.now.glued {
		key = p.now.text
		if err := p.advance(); err != nil {
			return err
		}
	}
	if !dotted || key == "" {
		return fault(column, "expected "+example)
	}
	t.Text = strings.Clone(key)
	if p.now.kind != sign || !slices.Contains(comparisons, p.now.text) {
		return p.expected("one of " + strings.Join(comparisons, " ") + " after the attribute")
	}
	compare := p.now.text
	if err := p.advance(); err != nil {
		return err
	}
	s := strings.Clone(p.now.text)
	switch {
	case p.now.kind != word && p.now.kind != quoted:
		return p.expected("a word, a number, or text in quotes")
	case compare == ":" || compare == "=":
		low, high, ok := cutRange(s)
		if p.now.kind == quoted || !ok || !decimal(low) || !decimal(high) {
			t.value = value{text: s, quoted: p.now.kind == quoted}
			break
		}
		if compareDecimal(low, high) > 0 {
			return p.expected("a range that goes up")
		}
		t.value = value{low: low, high: high}
	case p.now.kind != word || !decimal(s):
		return p.expected("a number such as 38 or 38.5: only numbers are compared")
	case compare[0] == '>':
		t.value = value{low: s, over: compare == ">"}
	default:
		t.value = value{high: s, under: compare == "<"}
	}
	return p.advance()
}

// meant suggests the known word that is written most like what was sent.
func meant(sent string, known []string) string {
	best, least := "", 1+min(2, utf8.RuneCountInString(sent)/2)
	for _, k := range known {
		if d := distance(sent, k); d < least {
			best, least = k, d
		}
	}
	if best == "" {
		return ""
	}
	return "; did you mean " + best + "?"
}

// distance is how many letters must be put, taken or changed to make b of a.
//
// Source: V. Levenshtein, Binary codes capable of correcting deletions,
// insertions and reversals (1966).
func distance(a, b string) int {
	s, t := []rune(a), []rune(b)
	row := make([]int, len(t)+1)
	for j := range row {
		row[j] = j
	}
	for i := range s {
		before := row[0]
		row[0] = i + 1
		for j := range t {
			changed := before
			if s[i] != t[j] {
				changed++
			}
			before = row[j+1]
			row[j+1] = min(changed, before+1, row[j]+1)
		}
	}
	return row[len(t)]
}
