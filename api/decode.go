package api

import (
	"bytes"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
	"unsafe"

	"github.com/go-faster/jx"
	"github.com/kopilka/kopilka"
	"github.com/kopilka/kopilka/people"
)

// reader takes one JSON object apart and forgives nothing: a field that is not
// known or comes twice, a value of another type, a number that is not a plain
// integer, bytes after the end. The first fault sticks, everything after it
// reads as absent, and so the code that decodes a body has no error in it.
//
// Strings alias the body, which whoever calls keeps as it is until the command
// is answered.
type reader struct {
	d     jx.Decoder
	path  [depthMax]step
	depth int
	// escapes is set when the body writes characters as \u: only then can a
	// string have become something that is not a character.
	escapes bool
	bad     bool
	fault   fault
}

// depthMax bounds how deep values nest, the outermost object being 1.
const depthMax = 16

// step is a field of an object or, when name is empty, a place in an array.
type step struct {
	name  string
	index int
}

// start begins to read body.
func (r *reader) start(body []byte) {
	r.d.ResetBytes(body)
	r.depth, r.bad, r.fault = 0, false, fault{}
	r.escapes = bytes.Contains(body, []byte(`\u`))
	if !utf8.Valid(body) {
		r.fail("the body is not valid UTF-8")
	}
}

// end tells what was wrong, if anything; bytes after the object are.
func (r *reader) end() *problem {
	if !r.bad {
		if err := r.d.Skip(); err != io.EOF {
			r.fail("there are bytes after the end of the object")
		}
	}
	if r.bad {
		return &problem{code: codeMalformed, detail: r.fault.detail, faults: []fault{r.fault}}
	}
	return nil
}

// fail keeps the first fault with the place that is being read.
func (r *reader) fail(detail string) { r.failAt(r.pointer(), detail) }

func (r *reader) failAt(pointer, detail string) {
	if !r.bad {
		r.bad, r.fault = true, fault{pointer, detail}
	}
}

// pointer is the place that is being read, by RFC 6901.
func (r *reader) pointer() string {
	var b []byte
	for _, s := range r.path[:r.depth] {
		b = append(b, '/')
		if s.name == "" {
			b = strconv.AppendInt(b, int64(s.index), 10)
			continue
		}
		b = append(b, pointerEscapes.Replace(s.name)...)
	}
	return string(b)
}

var pointerEscapes = strings.NewReplacer("~", "~0", "/", "~1")

// object reads the fields of one object, whose names are known.
type object struct {
	r     *reader
	it    jx.ObjIter
	names []string
	seen  uint64 // a bit for every name that came
	guess int    // where the next name stands if the client keeps the documented order
	name  string // the field that next found
}

// object opens an object of at most 64 known fields.
func (r *reader) object(names []string) object {
	o := object{r: r, names: names}
	if !r.is(jx.Object, "must be an object") {
		return o
	}
	var err error
	if o.it, err = r.d.ObjIter(); err != nil {
		r.fail("the JSON is broken: " + err.Error())
		return o
	}
	r.depth++
	r.path[r.depth-1] = step{}
	return o
}

// next goes to the next field, whose value is then read; false at the end.
func (o *object) next() bool {
	r := o.r
	if r.bad {
		return false
	}
	r.path[r.depth-1].name = ""
	if !o.it.Next() {
		r.depth--
		if err := o.it.Err(); err != nil {
			r.fail("the JSON is broken: " + err.Error())
		}
		return false
	}
	key := o.it.Key()
	at := o.guess
	for range o.names {
		if at >= len(o.names) {
			at = 0
		}
		if o.names[at] == string(key) {
			o.name, o.guess = o.names[at], at+1
			r.path[r.depth-1].name = o.name
			if o.seen&(1<<at) != 0 {
				r.fail("the field comes twice")
				return false
			}
			o.seen |= 1 << at
			return true
		}
		at++
	}
	r.path[r.depth-1].name = strings.Clone(string(key))
	r.fail(fmt.Sprintf("%q is not a field that this version knows here", cut(string(key))))
	return false
}

// array calls f for every element, of which there are at most max.
func (r *reader) array(max int, f func()) {
	if !r.is(jx.Array, "must be an array") {
		return
	}
	it, err := r.d.ArrIter()
	if err != nil {
		r.fail("the JSON is broken: " + err.Error())
		return
	}
	r.depth++
	for i := 0; ; i++ {
		r.path[r.depth-1] = step{index: i}
		if r.bad || !it.Next() {
			break
		}
		if i == max {
			r.depth--
			r.fail(fmt.Sprintf("has more than %d elements", max))
			return
		}
		f()
	}
	if r.bad {
		return
	}
	r.depth--
	if err := it.Err(); err != nil {
		r.fail("the JSON is broken: " + err.Error())
	}
}

func (r *reader) is(t jx.Type, otherwise string) bool {
	if r.bad {
		return false
	}
	if r.d.Next() != t {
		r.fail(otherwise)
		return false
	}
	return true
}

// string reads any string.
func (r *reader) string() string {
	if !r.is(jx.String, "must be a string") {
		return ""
	}
	b, err := r.d.StrBytes()
	if err != nil {
		r.fail("the JSON is broken: " + err.Error())
		return ""
	}
	if r.escapes && bytes.ContainsRune(b, utf8.RuneError) {
		r.fail("has an escape that stands for no character")
		return ""
	}
	return unsafe.String(unsafe.SliceData(b), len(b))
}

// text reads a string of at most max bytes without control characters.
func (r *reader) text(max int) string {
	s := r.string()
	if len(s) > max {
		r.fail(fmt.Sprintf("is longer than %d bytes", max))
		return ""
	}
	for i := range len(s) {
		if s[i] < ' ' || s[i] == 0x7f {
			r.fail("has a control character")
			return ""
		}
	}
	return s
}

// shortMax bounds the names of stores, tills, cashiers and goods in bytes.
const shortMax = 64

func (r *reader) short() string { return r.text(shortMax) }

// carrierMax bounds the word for what a card is.
const carrierMax = 16

// carrier reads what a card is.
func (r *reader) carrier() string {
	s := r.string()
	bad := len(s) == 0 || len(s) > carrierMax
	for i := range len(s) {
		bad = bad || !(s[i] >= 'a' && s[i] <= 'z' || s[i] >= '0' && s[i] <= '9' || s[i] == '_' || s[i] == '-')
	}
	if bad && !r.bad {
		r.fail("must be 1 to 16 of a-z, 0-9, _ and -")
	}
	return s
}

// id reads the id of a command.
func (r *reader) id() string {
	s := r.string()
	if !r.bad && !kopilka.ValidID(s) {
		r.fail("must be 1 to 64 visible ASCII characters")
	}
	return s
}

// card reads the number of a card.
func (r *reader) card() string {
	s := r.string()
	if !r.bad && !kopilka.ValidCard(s) {
		r.fail("must be 1 to 32 visible ASCII characters without /")
	}
	return s
}

// phone reads a phone number in the form of E.164.
func (r *reader) phone() string {
	s := r.string()
	if r.bad {
		return ""
	}
	phone, ok := people.NormalizePhone(s)
	if !ok {
		r.fail("must be a phone in the form of E.164, such as +79001234567")
	}
	return phone
}

// appCode reads the short-lived code that a member's app shows: 16 digits.
func (r *reader) appCode() string {
	s := r.string()
	if r.bad {
		return ""
	}
	ok := len(s) == appCodeLength
	for i := range len(s) {
		ok = ok && s[i] >= '0' && s[i] <= '9'
	}
	if !ok {
		r.fail("must be the 16 digits of an app code")
		return ""
	}
	return s
}

const appCodeLength = 16

// amount reads money or points from min to AmountMax.
func (r *reader) amount(min int64) int64 { return r.integer(min, kopilka.AmountMax) }

// integer reads a plain integer within bounds.
func (r *reader) integer(min, max int64) int64 {
	if !r.is(jx.Number, "must be an integer") {
		return 0
	}
	raw, err := r.d.Raw()
	if err != nil {
		r.fail("the JSON is broken: " + err.Error())
		return 0
	}
	digits, negative := raw, false
	if digits[0] == '-' {
		digits, negative = digits[1:], true
	}
	var v int64
	for _, c := range digits {
		if c < '0' || c > '9' {
			r.fail("must be an integer, without a fraction and an exponent")
			return 0
		}
		if v <= max || negative && v <= -min {
			v = v*10 + int64(c-'0') // the bounds are far from the edge of 64 bits
		}
	}
	if negative {
		if v == 0 {
			r.fail("must be an integer, and -0 is none")
			return 0
		}
		v = -v
	}
	if v < min || v > max {
		r.fail(fmt.Sprintf("must be from %d to %d", min, max))
		return 0
	}
	return v
}

// redeem reads a number of points, or "max".
func (r *reader) redeem(min int64) kopilka.Points {
	if !r.bad && r.d.Next() == jx.String {
		if r.string() != "max" {
			r.fail(`must be an integer or "max"`)
		}
		return kopilka.RedeemMax
	}
	return kopilka.Points(r.amount(min))
}

// boolean reads true or false.
func (r *reader) boolean() bool {
	if !r.is(jx.Bool, "must be true or false") {
		return false
	}
	v, err := r.d.Bool()
	if err != nil {
		r.fail("the JSON is broken: " + err.Error())
	}
	return v
}

// null reads null when it comes, and says so.
func (r *reader) null() bool {
	if r.bad || r.d.Next() != jx.Null {
		return false
	}
	if err := r.d.Null(); err != nil {
		r.fail("the JSON is broken: " + err.Error())
	}
	return true
}

// time reads an instant: RFC 3339 with an offset, of a day that the books can hold.
func (r *reader) time() kopilka.Time {
	s := r.string()
	if r.bad {
		return 0
	}
	t, err := time.Parse(time.RFC3339, s)
	if err != nil || !exactTime(s) {
		r.fail("must be a time with an offset, such as 2026-11-22T18:30:00+03:00")
		return 0
	}
	if t.Year() < 1971 || t.Year() > 2148 {
		r.fail("must be a time of the years 1971 to 2148")
		return 0
	}
	return kopilka.TimeOf(t)
}

// exactTime tells whether a time that time.Parse takes has the form of RFC 3339:
// Parse takes hours of one digit, a comma for the point, and offsets that no clock
// has, too. T and Z are capital letters.
func exactTime(s string) bool {
	const date, zone = "2006-01-02T15:04:05", "+00:00"
	switch rest := s[min(len(date), len(s)):]; {
	case len(rest) == 0 || s[len("2006-01-02T15")] != ':' || rest[0] == ',':
		return false
	case rest[len(rest)-1] == 'Z':
		return true
	default:
		offset := rest[max(0, len(rest)-len(zone)):]
		return len(offset) == len(zone) && offset[1:3] <= "23" && offset[4:] <= "59"
	}
}

// quantity reads a number of pieces or a weight: an integer, or a decimal
// number written as a string. It stays as the till wrote it.
func (r *reader) quantity() string {
	const must = "must be an integer or a decimal number in a string, such as \"0.350\""
	if r.bad {
		return ""
	}
	var s string
	switch r.d.Next() {
	case jx.Number:
		raw, err := r.d.Raw()
		if err != nil {
			r.fail("the JSON is broken: " + err.Error())
			return ""
		}
		s = unsafe.String(unsafe.SliceData(raw), len(raw))
		if strings.ContainsAny(s, ".eE") {
			r.fail("as a number it must be an integer: write a fraction as a string, such as \"0.350\"")
			return ""
		}
	default:
		s = r.string()
	}
	if _, ok := parseQuantity(s); !ok {
		r.fail(must)
		return ""
	}
	return s
}

// quantityDigits is how many digits after the point a quantity may have.
const quantityDigits = 6

// parseQuantity gives a quantity in millionths, at most 10¹⁵ of them.
func parseQuantity(s string) (int64, bool) {
	whole, part, dot := strings.Cut(s, ".")
	if len(whole) == 0 || len(whole) > 9 || dot && len(part) == 0 || len(part) > quantityDigits {
		return 0, false
	}
	var v int64
	for _, digits := range [2]string{whole, part} {
		for i := range len(digits) {
			if digits[i] < '0' || digits[i] > '9' {
				return 0, false
			}
			v = v*10 + int64(digits[i]-'0')
		}
	}
	for range quantityDigits - len(part) {
		v *= 10
	}
	return v, true
}
