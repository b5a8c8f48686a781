package people

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/kopilka/kopilka"
)

// Profile is what is personal about a member. Empty fields were not told.
type Profile struct {
	Phone        string         `json:"phone,omitempty"` // as NormalizePhone writes it
	Name         string         `json:"name,omitempty"`
	BirthDate    string         `json:"birth_date,omitempty"` // YYYY-MM-DD
	Sex          string         `json:"sex,omitempty"`        // m, f or x
	Store        string         `json:"store,omitempty"`
	RegisteredAt kopilka.Time   `json:"registered_at,omitempty"`
	Source       string         `json:"source,omitempty"`
	Consent      *Consent       `json:"consent,omitempty"`
	Attributes   map[string]any `json:"attributes,omitempty"` // string, bool or json.Number
}

// Consent is what a member agreed to, when and where.
type Consent struct {
	TextVersion string       `json:"text_version"`
	At          kopilka.Time `json:"at"`
	Source      string       `json:"source,omitempty"`
}

// Limits of a profile, in bytes.
const (
	nameMax       = 200
	wordMax       = 64 // store, source, version of a text, key of an attribute
	attributesMax = 32 // in number
	attributeMax  = 1000
	attributesSum = 8000 // all of them, as JSON
)

// Field is one field of a Change: absent leaves the profile's as it is, set to
// the zero value, as null does, clears it.
type Field[T any] struct {
	Set   bool
	Value T
}

// To is the field set to a value.
func To[T any](v T) Field[T] { return Field[T]{Set: true, Value: v} }

// Change is a wish to change a profile: what a PUT of a member merges.
type Change struct {
	Phone        Field[string] // in any form that NormalizePhone takes
	Name         Field[string]
	BirthDate    Field[string]
	Sex          Field[string]
	Store        Field[string]
	RegisteredAt Field[kopilka.Time]
	Source       Field[string]
	Consent      Field[*Consent]
	// Attributes are merged one by one; nil as a value clears an attribute, nil
	// as the map clears all. Values are strings, booleans and numbers.
	Attributes Field[map[string]any]
}

// Fault is one thing wrong with a change. Its text does not repeat what was
// sent: it may reach a log.
type Fault struct {
	Pointer string // JSON pointer into the member of a request
	Detail  string
}

// Invalid is the error of a change that cannot be made: all that is wrong.
type Invalid []Fault

// Error lists the faults on one line.
func (e Invalid) Error() string {
	var b strings.Builder
	b.WriteString("people: ")
	for i, f := range e {
		if i > 0 {
			b.WriteString("; ")
		}
		b.WriteString(f.Pointer + " " + f.Detail)
	}
	return b.String()
}

func (e *Invalid) add(pointer, format string, args ...any) {
	*e = append(*e, Fault{pointer, fmt.Sprintf(format, args...)})
}

// Apply makes a change, on the business day today. Its error is an Invalid and
// leaves the profile as it was. The profile keeps nothing of the change that
// could be changed later.
func (p *Profile) Apply(c *Change, today kopilka.Day) error {
	var faults Invalid
	q := *p
	if c.Phone.Set {
		q.Phone = ""
		if c.Phone.Value != "" {
			var ok bool
			if q.Phone, ok = NormalizePhone(c.Phone.Value); !ok {
				faults.add("/phone", "is not a number in the E.164 form, such as +79001234567")
			}
		}
	}
	faults.text(&q.Name, c.Name, "/name", nameMax)
	faults.text(&q.Store, c.Store, "/store", wordMax)
	faults.text(&q.Source, c.Source, "/source", wordMax)
	if c.BirthDate.Set {
		q.BirthDate = c.BirthDate.Value
		if q.BirthDate != "" && !validBirthDate(q.BirthDate, today) {
			faults.add("/birth_date", "is not a date such as 1985-04-30 between 1900-01-01 and today")
		}
	}
	if c.Sex.Set {
		q.Sex = c.Sex.Value
		if q.Sex != "" && q.Sex != "m" && q.Sex != "f" && q.Sex != "x" {
			faults.add("/sex", "is none of m, f, x")
		}
	}
	if c.RegisteredAt.Set {
		q.RegisteredAt = c.RegisteredAt.Value
	}
	if c.Consent.Set {
		q.Consent = faults.consent(c.Consent.Value)
	}
	if c.Attributes.Set {
		q.Attributes = faults.attributes(p.Attributes, c.Attributes.Value)
	}
	if len(faults) > 0 {
		return faults
	}
	*p = q
	return nil
}

// text sets a field of printable text.
func (e *Invalid) text(to *string, f Field[string], pointer string, max int) {
	if !f.Set {
		return
	}
	*to = f.Value
	if what := badText(f.Value, max); what != "" {
		e.add(pointer, "%s", what)
	}
}

func badText(s string, max int) string {
	switch {
	case len(s) > max:
		return fmt.Sprintf("has %d bytes, more than %d", len(s), max)
	case !utf8.ValidString(s):
		return "is not UTF-8"
	case strings.ContainsFunc(s, unicode.IsControl):
		return "has control characters"
	}
	return ""
}

// validBirthDate compares dates as text: days of the books begin in 1970,
// members do not.
func validBirthDate(s string, today kopilka.Day) bool {
	_, err := time.Parse("2006-01-02", s)
	return err == nil && s >= "1900-01-01" && s <= today.String()
}

func (e *Invalid) consent(c *Consent) *Consent {
	if c == nil {
		return nil
	}
	if c.TextVersion == "" {
		e.add("/consent/text_version", "is missing: consent to what?")
	}
	if what := badText(c.TextVersion, wordMax); what != "" {
		e.add("/consent/text_version", "%s", what)
	}
	if what := badText(c.Source, wordMax); what != "" {
		e.add("/consent/source", "%s", what)
	}
	if c.At <= 0 {
		e.add("/consent/at", "is missing: consent when?")
	}
	q := *c
	return &q
}

// attributes merges changes into a copy of what there was.
func (e *Invalid) attributes(had, changes map[string]any) map[string]any {
	if changes == nil {
		return nil
	}
	merged := maps.Clone(had)
	if merged == nil {
		merged = map[string]any{}
	}
	for key, v := range changes {
		pointer := "/attributes/" + strings.NewReplacer("~", "~0", "/", "~1").Replace(key)
		if what := badText(key, wordMax); what != "" || key == "" {
			e.add("/attributes", "has a key that is empty, longer than %d bytes or not printable", wordMax)
			continue
		}
		v, what := scalar(v)
		if what != "" {
			e.add(pointer, "%s", what)
			continue
		}
		if v == nil {
			delete(merged, key)
			continue
		}
		merged[key] = v
	}
	if len(merged) == 0 {
		return nil
	}
	if n := len(merged); n > attributesMax {
		e.add("/attributes", "would be %d, more than %d", n, attributesMax)
	}
	if text, err := json.Marshal(merged); err == nil && len(text) > attributesSum {
		e.add("/attributes", "would have %d bytes, more than %d", len(text), attributesSum)
	}
	return merged
}

// scalar is the form in which an attribute's value is kept. Numbers keep the
// digits they were sent with.
func scalar(v any) (kept any, fault string) {
	switch v := v.(type) {
	case nil, bool:
		return v, ""
	case string:
		return v, badText(v, attributeMax)
	case json.Number:
		return plain(v)
	case int:
		return plain(json.Number(strconv.Itoa(v)))
	case int64:
		return plain(json.Number(strconv.FormatInt(v, 10)))
	case float64:
		return plain(json.Number(strconv.FormatFloat(v, 'f', -1, 64)))
	}
	return nil, "is neither a string, a number nor a boolean"
}

// digitsMax is how many digits survive in every program that reads numbers as
// IEEE doubles, as most readers of JSON do.
const digitsMax = 15

var decimal = regexp.MustCompile(`^-?(0|[1-9][0-9]*)([.][0-9]+)?$`)

// plain takes decimal numbers without an exponent. Zeros before the first other
// digit do not count.
func plain(n json.Number) (kept any, fault string) {
	digits := strings.TrimLeft(strings.Replace(string(n), ".", "", 1), "-0")
	if len(n) > wordMax || len(digits) > digitsMax || !decimal.MatchString(string(n)) {
		return nil, fmt.Sprintf("is not a plain decimal number of at most %d digits", digitsMax)
	}
	return n, ""
}

// encode writes a profile the same way every time.
func (p *Profile) encode() []byte {
	b, err := json.Marshal(p)
	if err != nil {
		panic("people: write a profile: " + err.Error())
	}
	return b
}

func decodeProfile(b []byte) (*Profile, error) {
	p := new(Profile)
	d := json.NewDecoder(bytes.NewReader(b))
	d.UseNumber()
	if err := d.Decode(p); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrDamaged, err)
	}
	return p, nil
}
