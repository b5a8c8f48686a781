package api

import (
	"bufio"
	"encoding/json"
	"iter"
	"maps"
	"math"
	"math/bits"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"

	"github.com/go-faster/jx"
	"github.com/kopilka/kopilka"
	"github.com/kopilka/kopilka/engine"
	"github.com/kopilka/kopilka/index"
	"github.com/kopilka/kopilka/program"
	"github.com/valyala/fasthttp"
)

// rfm shows the rule in force, the boundaries it makes, and every cell.
func (s *Server) rfm(c *call) *problem {
	if p := c.reads("as_of"); p != nil {
		return p
	}
	v, p := s.stand(c, false)
	if p != nil {
		return p
	}
	e := &c.out
	e.ObjStart()
	strField(e, "as_of", v.Day.String())
	intField(e, "seq", int64(v.seq))
	intField(e, "members", int64(v.Members))
	e.FieldStart("rule")
	e.Raw(ruleShown(v.rules))
	e.FieldStart("boundaries")
	e.ObjStart()
	bounds(e, "r", v.Boundaries.R)
	bounds(e, "f", v.Boundaries.F)
	bounds(e, "m", v.Boundaries.M)
	e.ObjEnd()
	e.FieldStart("cells")
	e.ArrStart()
	for r := 1; r <= 5; r++ {
		for f := 1; f <= 5; f++ {
			for m := 1; m <= 5; m++ {
				at := program.Cell(r, f, m)
				e.ObjStart()
				intField(e, "r", int64(r))
				intField(e, "f", int64(f))
				intField(e, "m", int64(m))
				strField(e, "segment", v.segmentID(v.rules.RFM.Segments.Cells[at]))
				tally(e, &v.Cells[at])
				e.ObjEnd()
			}
		}
	}
	e.ArrEnd()
	e.FieldStart("none")
	e.ObjStart()
	tally(e, &v.None)
	e.ObjEnd()
	e.ObjEnd()
	return c.reply(fasthttp.StatusOK)
}

func tally(e *jx.Encoder, t *index.Tally) {
	intField(e, "members", t.Members)
	intField(e, "receipts", t.Receipts)
	intField(e, "amount", int64(t.Amount))
}

// bounds writes cut points; one that nobody can reach is null.
func bounds(e *jx.Encoder, name string, cuts [4]int64) {
	e.FieldStart(name)
	e.ArrStart()
	for _, v := range cuts {
		if v < 0 || v == math.MaxInt64 {
			e.Null()
		} else {
			e.Int64(v)
		}
	}
	e.ArrEnd()
}

// ruleShown is the part of the program's document that segments come from.
func ruleShown(p *program.Program) []byte {
	var parts map[string]json.RawMessage
	if err := json.Unmarshal(p.Document(), &parts); err != nil {
		panic("api: the program's own document is not JSON: " + err.Error())
	}
	return compact(parts["rfm"])
}

// rfmMembers exports every member with R, F and M.
func (s *Server) rfmMembers(c *call) *problem {
	if p := c.reads("as_of"); p != nil {
		return p
	}
	if _, p := c.form("text/csv"); p != nil {
		return p
	}
	v, p := s.stand(c, true)
	if p != nil {
		return p
	}
	s.streamMembers(c, &v, func(kopilka.MemberNo, *index.Standing) bool { return true })
	return nil
}

// streamMembers sends the members of a table that keep chooses, as CSV. It
// works on a copy of its own, a slice of the cards at a time under the lock, so
// tills do not wait for it.
func (s *Server) streamMembers(c *call, v *standing, keep func(kopilka.MemberNo, *index.Standing) bool) {
	names := v.rules.RFM.Segments.Names
	table := v.table
	c.place(v)
	s.stream(c, "member,recency_days,frequency,monetary,r,f,m,segment\n", func(w *bufio.Writer) {
		page := make([]ranked, 0, cardsMax)
		send := func() bool {
			for i, card := range s.cards(page) {
				var few [160]byte
				_, err := w.Write(appendRow(few[:0], card, &page[i].at, names[page[i].at.Segment].ID))
				if err != nil {
					return false // the client has gone
				}
			}
			page = page[:0]
			return true
		}
		for no, at := range table.All() {
			if !keep(no, &at) {
				continue
			}
			if page = append(page, ranked{no, at}); len(page) == cardsMax && !send() {
				return
			}
		}
		send()
	})
}

func appendRow(b []byte, card string, at *index.Standing, segment string) []byte {
	b = append(appendCSV(b, card), ',')
	if at.RecencyDays >= 0 {
		b = strconv.AppendInt(b, int64(at.RecencyDays), 10)
	}
	for _, n := range [...]int64{int64(at.Frequency), int64(at.Monetary), int64(at.R), int64(at.F), int64(at.M)} {
		b = strconv.AppendInt(append(b, ','), n, 10)
	}
	return append(append(append(b, ','), segment...), '\n')
}

// appendCSV writes a field, in quotes where RFC 4180 asks for them.
func appendCSV(b []byte, s string) []byte {
	if !strings.ContainsAny(s, ",\"\r\n") {
		return append(b, s...)
	}
	b = append(b, '"')
	b = append(b, strings.ReplaceAll(s, `"`, `""`)...)
	return append(b, '"')
}

// rfmNumbers says which card stands behind which number of a Roaring export.
func (s *Server) rfmNumbers(c *call) *problem {
	if p := c.reads(); p != nil {
		return p
	}
	if _, p := c.form("text/csv"); p != nil {
		return p
	}
	members := 0
	s.queue.View(func(b *engine.State) { members = b.Members() })
	s.stream(c, "number,card\n", func(w *bufio.Writer) {
		for from := 0; from < members; from += cardsMax {
			page := make([]ranked, min(cardsMax, members-from))
			for i := range page {
				page[i].no = kopilka.MemberNo(from + i)
			}
			for i, card := range s.cards(page) {
				var few [64]byte
				b := strconv.AppendUint(few[:0], uint64(page[i].no), 10)
				if _, err := w.Write(append(appendCSV(append(b, ','), card), '\n')); err != nil {
					return
				}
			}
		}
	})
	return nil
}

// cardsMax bounds the cards that are read under one hold of the lock.
const cardsMax = 2048

// cards reads the cards of some members.
func (s *Server) cards(page []ranked) []string {
	cards := make([]string, len(page))
	s.queue.View(func(b *engine.State) {
		for i := range page {
			cards[i] = b.Card(page[i].no)
		}
	})
	return cards
}

// stream sends CSV while it is made. What makes it runs on a goroutine of its
// own after the call is over, so it uses nothing of the call.
func (s *Server) stream(c *call, header string, write func(*bufio.Writer)) {
	c.ctx.Response.Header.SetContentType("text/csv; charset=utf-8")
	s.streamed(c, func(w *bufio.Writer) {
		if _, err := w.WriteString(header); err == nil {
			write(w)
		}
	})
}

// streamed is stream in any form.
func (s *Server) streamed(c *call, write func(*bufio.Writer)) {
	id := c.requestID
	c.ctx.SetBodyStreamWriter(func(w *bufio.Writer) {
		defer func() {
			if bug := recover(); bug != nil {
				s.opts.Log.Error("api: a bug", "panic", bug, "request_id", id, "stack", string(debug.Stack()))
			}
		}()
		write(w)
	})
}

var refreshFields = []string{"id"}

// postRefresh sets frozen boundaries anew.
func (s *Server) postRefresh(c *call) *problem {
	if p := c.onlyQuery(); p != nil {
		return p
	}
	cmd := &kopilka.Refresh{}
	o := &c.order
	o.begin(cmd, &cmd.Head, nil)
	if len(c.body()) > 0 {
		r := &c.in
		r.start(c.body())
		for f := r.object(refreshFields); f.next(); {
			cmd.ID = r.id()
		}
		if p := r.end(); p != nil {
			return p
		}
	}
	o.print.Refresh()
	cmd.Content = o.print.Sum()
	p := c.carry(created)
	if p == nil {
		s.rulesMoved()
	}
	return p
}

// form gives the one of the forms that the client accepts best, the first of
// them when it does not care.
func (c *call) form(forms ...string) (string, *problem) {
	accept := string(c.ctx.Request.Header.Peek("Accept"))
	if strings.TrimSpace(accept) == "" {
		return forms[0], nil
	}
	best, bestQ := "", 0.0
	for part := range strings.SplitSeq(accept, ",") {
		media, params, _ := strings.Cut(part, ";")
		media = strings.ToLower(strings.TrimSpace(media))
		q := 1.0
		for param := range strings.SplitSeq(params, ";") {
			if v, ok := strings.CutPrefix(strings.TrimSpace(param), "q="); ok {
				q, _ = strconv.ParseFloat(v, 64)
			}
		}
		for _, f := range forms {
			kind, _, _ := strings.Cut(f, "/")
			if (media == f || media == "*/*" || media == kind+"/*") && q > bestQ {
				best, bestQ = f, q
				break
			}
		}
	}
	if best == "" {
		return "", problemOf(codeNotAcceptable, "this is served as "+strings.Join(forms, ", "))
	}
	return best, nil
}

// eachBit goes over the bits that are set from a number on.
func eachBit(words []uint64, from kopilka.MemberNo) iter.Seq[kopilka.MemberNo] {
	return func(yield func(kopilka.MemberNo) bool) {
		for i := int(from / 64); i < len(words); i++ {
			w := words[i]
			if i == int(from/64) {
				w &= ^uint64(0) << (from % 64)
			}
			for ; w != 0; w &= w - 1 {
				if !yield(kopilka.MemberNo(i*64 + bits.TrailingZeros64(w))) {
					return
				}
			}
		}
	}
}

// wordsShown writes a name by language.
func wordsShown(e *jx.Encoder, words map[string]string) {
	e.ObjStart()
	for _, lang := range slices.Sorted(maps.Keys(words)) {
		strField(e, lang, words[lang])
	}
	e.ObjEnd()
}

func decimal(v uint64) string { return strconv.FormatUint(v, 10) }
