package query

import (
	"slices"
	"strconv"
	"strings"
)

// Expr is a text that was read. It is never changed.
type Expr struct {
	root  *node
	terms []*Term
}

// Terms are all terms, in the order of the text.
func (e *Expr) Terms() []*Term { return e.terms }

// join is how the parts of a node stand to each other.
type join uint8

const (
	leaf join = iota
	not
	and
	or
)

// node is a term, or what is said of others.
type node struct {
	join  join
	term  *Term
	parts []*node
	cheap []*node // the same, the cheapest first
	cost  int
}

func leafOf(t *Term) *node { return &node{join: leaf, term: t, cost: fields[t.Field].cost} }

// negated is the opposite of n; that of an opposite is the thing itself.
func negated(n *node) *node {
	if n.join == not {
		return n.parts[0]
	}
	return &node{join: not, parts: []*node{n}, cost: n.cost}
}

// joined puts parts into one node, those of parts of the same kind included.
func joined(j join, parts []*node) *node {
	if len(parts) == 1 {
		return parts[0]
	}
	n := &node{join: j}
	for _, p := range parts {
		if p.join == j {
			n.parts = append(n.parts, p.parts...)
		} else {
			n.parts = append(n.parts, p)
		}
	}
	for _, p := range n.parts {
		n.cost += p.cost
	}
	n.cheap = slices.Clone(n.parts)
	slices.SortStableFunc(n.cheap, func(a, b *node) int { return a.cost - b.cost })
	return n
}

// String is the canonical form: two texts that say the same in the same order have
// the same one, and Parse reads it as the same expression.
func (e *Expr) String() string { return string(e.root.append(nil)) }

func (n *node) append(b []byte) []byte {
	switch n.join {
	case leaf:
		return n.term.append(b)
	case not:
		return n.parts[0].appendIn(append(b, '!'), not)
	}
	by := " & "
	if n.join == or {
		by = " | "
	}
	for i, p := range n.parts {
		if i > 0 {
			b = append(b, by...)
		}
		b = p.appendIn(b, n.join)
	}
	return b
}

// appendIn writes a part of something else, in parentheses where it needs them.
func (n *node) appendIn(b []byte, in join) []byte {
	if n.join == or || n.join == and && in == not {
		return append(n.append(append(b, '(')), ')')
	}
	return n.append(b)
}

func (t *Term) append(b []byte) []byte {
	b = append(b, t.Field.String()...)
	switch fields[t.Field].form {
	case flag:
		return b
	case listed, text:
		return appendText(append(b, ':'), t.Text, false)
	case typed:
		return t.value.append(appendText(append(b, '.'), t.Text, false))
	case placed:
		b = appendText(append(b, ':'), t.Text, strings.Contains(t.Text, comma))
		if t.Period != (Period{}) {
			b = t.Period.append(append(b, comma...))
		}
		return b
	case lately:
		if t.Period != (Period{}) {
			b = t.Period.append(append(b, ':'))
		}
		return b
	case inPeriod:
		if t.Period != (Period{}) {
			b = t.Period.append(append(b, ':'))
		}
	}
	// A bound that nothing can reach is written as it came: f>5 and not f>=6, which
	// would be refused.
	low, high := t.Field.bounds()
	switch least := fields[t.Field].least; {
	case t.Low == t.High:
		return strconv.AppendInt(append(b, ':'), t.Low, 10)
	case t.High == most && t.Low > high:
		return strconv.AppendInt(append(b, '>'), t.Low-1, 10)
	case t.Low == least && t.High < low:
		return strconv.AppendInt(append(b, '<'), t.High+1, 10)
	case t.High == most:
		return strconv.AppendInt(append(b, ">="...), t.Low, 10)
	case t.Low == least:
		return strconv.AppendInt(append(b, "<="...), t.High, 10)
	}
	b = strconv.AppendInt(append(b, ':'), t.Low, 10)
	return strconv.AppendInt(append(b, between...), t.High, 10)
}

func (p Period) append(b []byte) []byte {
	if p.Days > 0 {
		return append(strconv.AppendInt(b, int64(p.Days), 10), 'd')
	}
	return append(b, p.First.String()+between+p.Last.String()...)
}

func (w *value) append(b []byte) []byte {
	switch {
	case w.low != "" && w.high != "":
		return append(b, ":"+w.low+between+w.high...)
	case w.low != "":
		return append(b, compared('>', w.over)+w.low...)
	case w.high != "":
		return append(b, compared('<', w.under)+w.high...)
	}
	return appendText(append(b, ':'), w.text, w.quoted)
}

func compared(sign byte, strict bool) string {
	if strict {
		return string(sign)
	}
	return string(sign) + "="
}

func appendText(b []byte, s string, quoted bool) []byte {
	if quoted || !plain(s) {
		s = quote(s)
	}
	return append(b, s...)
}

// between stands between the ends of a range, and comma before the period of a place.
const (
	between = ".."
	comma   = ","
)

// cutRange cuts a range at its dots; false when it has none.
func cutRange(s string) (low, high string, ok bool) { return strings.Cut(s, between) }
