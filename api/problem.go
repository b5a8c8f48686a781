package api

import (
	"cmp"
	"unicode/utf8"

	"github.com/go-faster/jx"
)

// problem is a no on its way to the client, as RFC 9457 writes it.
type problem struct {
	code    code
	detail  string
	faults  []fault  // the places at fault, when there are such
	numbers []number // what the code promises to tell, such as max_redeem
	allow   string   // of method-not-allowed: the header Allow
	// retryAfter is, of rate-limited, after how many seconds the next is taken.
	retryAfter int64
}

// fault is one place in a request and what is wrong with it.
type fault struct {
	pointer string // RFC 6901; empty = the whole body
	detail  string
}

type number struct {
	name  string
	value int64
}

// textMax bounds every text of an error in bytes: what a client sends comes
// back in part at most.
const textMax = 200

// problemTypes leads from a code to its description.
const problemTypes = "https://github.com/kopilka/kopilka/blob/main/docs/reference/errors.md#"

const problemType = "application/problem+json"

func malformed(pointer, detail string) *problem {
	return &problem{code: codeMalformed, detail: detail, faults: []fault{{pointer, detail}}}
}

func problemOf(code code, detail string) *problem { return &problem{code: code, detail: detail} }

func (p *problem) number(name string, value int64) {
	p.numbers = append(p.numbers, number{name, value})
}

func (p *problem) status() int { return kinds[p.code].status }

// fields writes the members of the problem into an object that is open.
func (p *problem) fields(e *jx.Encoder, requestID string) {
	k := kinds[p.code]
	strField(e, "type", problemTypes+string(p.code))
	strField(e, "title", k.title)
	intField(e, "status", int64(k.status))
	strField(e, "code", string(p.code))
	strField(e, "detail", cut(cmp.Or(p.detail, k.title)))
	e.FieldStart("errors")
	e.ArrStart()
	for _, f := range p.faults {
		e.ObjStart()
		strField(e, "pointer", cut(f.pointer))
		strField(e, "detail", cut(f.detail))
		e.ObjEnd()
	}
	e.ArrEnd()
	for _, n := range p.numbers {
		intField(e, n.name, n.value)
	}
	e.FieldStart("retryable")
	e.Bool(k.retryable)
	if requestID != "" {
		strField(e, "request_id", requestID)
	}
}

// cut keeps the first textMax bytes of a text, whole runes only.
func cut(s string) string {
	if len(s) <= textMax {
		return s
	}
	n := textMax - len("…")
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n] + "…"
}
