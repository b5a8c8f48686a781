package api

import (
	"bytes"
	"fmt"
	"sync"

	"github.com/go-faster/jx"
	"github.com/kopilka/kopilka"
	"github.com/kopilka/kopilka/engine"
	"github.com/valyala/fasthttp"
)

// A batch is many commands in one body, a line each, answered a line each in
// the same order. Each line stands alone: a bad one stops nothing.
//
//	line ──► decode ──► group ──► look up all ──► SubmitAll ──► answers
//	                      └ a line that needs to see an earlier one of the
//	                        group begins a new group
//
// Lines of a group share syncs, which is what makes a batch fast; that they
// are in the order of the file is kept all the same.
type batch struct {
	c    *call
	past bool // an import
	earn bool

	lines []*line // of the group up to n, and behind it lines to be used again
	n     int
	// What later lines of the group may need to see.
	cards    map[string]bool // of members that are put
	phones   bool            // some member is put
	receipts map[string]bool // ids of sales and holds, and of receipts and holds that an order is about

	fresh map[string]bool // cards that the import has enrolled, and no answer has told yet
	// said are the ids and receipt numbers of the group. A line of an import that says
	// one again waits until the group is in the books, so that it is known for what it
	// is before its card is enrolled.
	said map[string]bool
}

// line is one command of a group and what became of it.
type line struct {
	number  int // in the file, from 1
	text    []byte
	order   order
	result  result
	problem *problem
	waiting bool // submitted, and not yet answered
	queued  bool // others are at its receipt or card: it takes its turn after the group
}

// groupMax bounds the lines of a group: enough to share a sync among hundreds,
// few enough that other requests get their turn.
const groupMax = 512

// linesOfBatch and linesOfImport bound the lines of a body.
const (
	linesOfBatch  = 50_000
	linesOfImport = 200_000
)

// largeAtOnce bounds the bodies above readMax that are worked on at once: each
// holds its answers in memory until the last line is answered.
const largeAtOnce = 4

// batch takes commands of a gateway or of a till that was offline.
func (s *Server) batch(c *call) *problem {
	if p := c.onlyQuery(); p != nil {
		return p
	}
	return (&batch{c: c}).run(linesOfBatch)
}

// imports takes a shop's history: operations of any age, of cards that are
// enrolled if they are not known, which earn nothing unless earn=true.
func (s *Server) imports(c *call) *problem {
	if p := c.onlyQuery("earn"); p != nil {
		return p
	}
	earn, p := c.flag("earn")
	if p != nil {
		return p
	}
	return (&batch{c: c, past: true, earn: earn}).run(linesOfImport)
}

func (b *batch) run(linesMax int) *problem {
	if len(b.c.ctx.Request.Header.Peek("Idempotency-Key")) > 0 {
		return malformed("", "the header Idempotency-Key is for one command: here each line has its id")
	}
	body := b.c.body()
	if len(body) > readMax {
		select {
		case b.c.s.large <- struct{}{}:
			defer func() { <-b.c.s.large }()
		default:
			return problemOf(codeOverloaded, "as many large bodies as the server takes at once are being worked on; nothing was recorded")
		}
	}
	if n := bytes.Count(body, []byte{'\n'}); n > linesMax {
		return problemOf(codeTooLarge, fmt.Sprintf("%d lines; the route takes %d", n, linesMax))
	}
	b.cards, b.receipts, b.fresh, b.said = map[string]bool{}, map[string]bool{}, map[string]bool{}, map[string]bool{}
	for number := 1; len(body) > 0; number++ {
		text, rest, _ := bytes.Cut(body, []byte{'\n'})
		body = rest
		if text = bytes.TrimSpace(text); len(text) > 0 {
			b.take(number, text)
		}
	}
	b.flush()
	b.c.send(fasthttp.StatusOK, "application/x-ndjson")
	// A large buffer is not kept for the small answers that come next.
	b.c.out = jx.Encoder{}
	return nil
}

// take decodes a line into the group.
func (b *batch) take(number int, text []byte) {
	if b.n == groupMax {
		b.flush()
	}
	if b.n == len(b.lines) {
		l := new(line)
		l.order.print.SetSecret(b.c.s.vault.ContentSecret())
		b.lines = append(b.lines, l)
	}
	l := b.lines[b.n]
	l.number, l.text, l.waiting, l.queued, l.result = number, text, false, false, result{}
	l.problem = b.decode(&l.order, text)
	if l.problem == nil && b.depends(&l.order) {
		at := b.n
		b.flush()
		b.lines[0], b.lines[at] = l, b.lines[0]
	}
	if l.problem == nil {
		b.note(&l.order)
	}
	b.n++
}

// decode reads a line. What it makes holds on to the body, which stays until the
// batch is answered.
func (b *batch) decode(o *order, text []byte) *problem {
	if len(text) > bodyMax {
		return problemOf(codeTooLarge, fmt.Sprintf("%d bytes; a line takes %d", len(text), bodyMax))
	}
	c := b.c
	op := wordOf(text, "op")
	r := &c.in
	r.start(text)
	o.past, o.earns = b.past, b.earn
	switch op {
	case "receipt":
		o.decodeReceipt(r, receiptFields)
	case "accrual":
		o.decodeAccrual(r, accrualFields)
	case "redemption":
		o.decodeRedemption(r, redemptionFields)
	case "return":
		o.decodeReturn(r, returnFields, "")
	case "hold":
		o.decodeHold(r, holdFields)
	case "capture":
		o.decodeCapture(r, captureFields, "")
	case "void":
		o.decodeVoid(r, voidFields, "")
	case "adjustment":
		o.decodeAdjustment(r, adjustmentFields)
	case "member":
		o.decodeMember(r, memberFields, "")
	default:
		if text[0] != '{' {
			return malformed("", "a line must be an object")
		}
		return malformed("/op", "must be receipt, accrual, redemption, return, hold, capture, void, adjustment or member")
	}
	if p := r.end(); p != nil {
		return p
	}
	if o.head.ID == "" && needsID(o.cmd) {
		return malformed("", "id is missing: every command carries one, so that it can be repeated safely")
	}
	return c.admit(o)
}

// wordOf looks for a string of a line, such as op, which says what the line is;
// whether the line is sound is seen when it is decoded.
func wordOf(text []byte, name string) (word string) {
	d := jx.DecodeBytes(text)
	it, err := d.ObjIter()
	if err != nil {
		return ""
	}
	for it.Next() {
		if string(it.Key()) == name && d.Next() == jx.String {
			word, _ = d.Str()
			return word
		}
		if d.Skip() != nil {
			return ""
		}
	}
	return ""
}

// depends tells whether an order must see what an earlier one of the group does:
// a member who is enrolled there, a receipt or return whose goods come back. Ids
// and receipt numbers that come twice are seen by the books themselves; of an import they
// have to be seen before a card is enrolled for them.
func (b *batch) depends(o *order) bool {
	if b.past && (b.said[o.head.ID] || b.said[b.receiptNo(o)]) { // of neither is the empty word said
		return true
	}
	if o.cmd.Kind() == kopilka.KindMember {
		return b.cards[o.member.card] || b.cards[o.member.referrer.Value]
	}
	if o.cmd.Kind() == kopilka.KindReturn && b.receipts[o.back.receipt] || b.receipts[o.holdID()] {
		return true
	}
	switch o.who.by {
	case kopilka.ByCard:
		return b.cards[o.who.text]
	case kopilka.ByPhone, kopilka.ByMemberID:
		return b.phones
	}
	return false
}

func (b *batch) note(o *order) {
	if b.past {
		for _, word := range [...]string{o.head.ID, b.receiptNo(o)} {
			if word != "" { // members need no id, and sales no number
				b.said[word] = true
			}
		}
	}
	switch o.cmd.Kind() {
	case kopilka.KindMember:
		b.cards[o.member.card] = true
		b.phones = true
	case kopilka.KindReceipt, kopilka.KindRedemption, kopilka.KindHold, kopilka.KindCapture:
		b.receipts[o.head.ID] = true
	case kopilka.KindReturn:
		if o.back.receipt != "" {
			b.receipts[o.back.receipt] = true
		}
	}
	if hold := o.holdID(); hold != "" {
		b.receipts[hold] = true
	}
}

// receiptNo is the number that the till printed on a sale, with where and when it did;
// empty when the line has none. No id has a line feed in it.
func (b *batch) receiptNo(o *order) string {
	if o.cmd.Kind() != kopilka.KindReceipt || !o.deed.HasReceiptNo() {
		return ""
	}
	q := b.c.s.queue
	at := o.deed.At
	if !o.timed {
		at = q.Now()
	}
	return o.deed.Store + "\n" + o.deed.Till + "\n" + o.deed.ReceiptNo + "\n" + q.Calendar().DayOf(at).String()
}

// flush carries the group through the queue and writes its answers.
func (b *batch) flush() {
	s := b.c.s
	group := b.lines[:b.n]
	if b.past {
		b.enrol(group)
	}
	b.look(group)
	commands := make([]kopilka.Command, 0, len(group))
	for _, l := range group {
		if l.waiting {
			commands = append(commands, l.order.cmd)
		}
	}
	answers, err := s.queue.SubmitAll(commands)
	for _, l := range group {
		if l.queued {
			l.carry(b)
		}
		if !l.waiting {
			continue
		}
		if len(answers) == 0 {
			l.problem = s.failed(err)
			continue
		}
		again := false
		l.result, again, l.problem = s.settle(&l.order, answers[0])
		if answers = answers[1:]; again {
			l.carry(b)
			continue
		}
		b.c.missed(l.problem)
	}
	for _, l := range group {
		b.answer(l)
	}
	b.n = 0
	clear(b.cards)
	clear(b.receipts)
	clear(b.said)
	b.phones = false
}

// carry brings a line through the queue by itself.
func (l *line) carry(b *batch) {
	if l.problem = b.often(&l.order); l.problem == nil {
		l.result, l.problem = b.c.s.carry(&l.order)
		b.c.missed(l.problem)
	}
}

// look looks all lines of a group up. It holds no turn while it does, so groups
// share syncs; but a line that would overtake whoever has the turn, perhaps again
// and again, waits for its own. A new member waits until his sealing key
// is on disk, and those who wait together share the sync.
func (b *batch) look(group []*line) {
	var members sync.WaitGroup
	for _, l := range group {
		if l.problem != nil {
			continue
		}
		one := func() {
			if turn := b.c.s.turn(&l.order); turn != nil {
				if l.queued = !turn.TryLock(); l.queued {
					return
				}
				turn.Unlock()
			}
			if l.problem = b.often(&l.order); l.problem != nil {
				return
			}
			first, p := b.c.s.look(&l.order)
			b.c.missed(p)
			if l.queued = p == &lookAgain; l.queued {
				return
			}
			l.result, l.problem = resultOf(first), p
			l.waiting = first == nil && p == nil
		}
		if l.order.cmd.Kind() == kopilka.KindMember {
			members.Go(func() {
				defer func() {
					if bug := recover(); bug != nil {
						l.problem = b.c.bug(bug)
					}
				}()
				one()
			})
		} else {
			one()
		}
	}
	members.Wait()
}

// often holds a line against the limits of its key and of the member it changes.
func (b *batch) often(o *order) *problem {
	if p := b.c.guesses(); p != nil {
		return p
	}
	if o.limited && o.cmd.Kind() == kopilka.KindMember {
		o.limited = false
		return b.c.s.cardOften(o.member.card)
	}
	return nil
}

// answer writes the line that answers a line.
func (b *batch) answer(l *line) {
	e := &b.c.out
	e.ObjStart()
	intField(e, "line", int64(l.number))
	if p := l.problem; p != nil {
		problems[p.code].Inc()
		if turnedAway(p) {
			b.c.turned++
		}
		e.FieldStart("replayed")
		e.Bool(false)
		id := wordOf(l.text, "id")
		if !kopilka.ValidID(id) {
			id = "" // it could not be read
		}
		optField(e, "id", id)
		p.fields(e, b.c.requestID)
	} else {
		r := &l.result
		status := int64(created)
		if r.replayed || r.cmd.Kind() == kopilka.KindMember && !r.outcome.Enrolled {
			status = changed
		}
		intField(e, "status", status)
		e.FieldStart("replayed")
		e.Bool(r.replayed)
		r.watched = b.c.watches()
		b.c.s.answer(e, r)
		if who := l.order.who; !r.replayed && who.by == kopilka.ByCard && b.fresh[who.text] {
			e.FieldStart("enrolled")
			e.Bool(true)
			delete(b.fresh, who.text)
		}
	}
	e.ObjEnd()
	e.Raw([]byte{'\n'})
}

// enrols tells whether a line makes a member of a card that nobody has: a purchase, a
// return that names no receipt, and points that are given do. What only a member can have
// done does not, nor a line whose time, id or number will be refused: a refusal changes nothing.
func (b *batch) enrols(o *order) (bool, error) {
	switch c := o.cmd.(type) {
	case *kopilka.Receipt, *kopilka.Grant:
	case *kopilka.Return:
		if o.back.receipt != "" {
			return false, nil
		}
	case *kopilka.Adjustment:
		if c.Points < 0 {
			return false, nil
		}
	default:
		return false, nil
	}
	q := b.c.s.queue
	found, err := q.FindID(o.head.ID)
	if err != nil || found.Seq != 0 {
		return false, err
	}
	now, at := q.Now(), o.deed.At
	if !o.timed {
		at = now
	}
	day := q.Calendar().DayOf(at)
	if at > now+kopilka.Time(aheadMax.Milliseconds()) || day > q.Calendar().DayOf(now) {
		return false, nil
	}
	if b.receiptNo(o) == "" {
		return true, nil
	}
	found, err = q.FindReceiptNo(kopilka.KindReceipt, o.deed.Store, o.deed.Till, o.deed.ReceiptNo, day)
	return err == nil && found.Seq == 0, err
}

// enrol makes members of the unknown cards of an imported group, as of the
// earliest of their rows. A member whom an earlier group enrolled so, and of
// whom nothing else is known, is moved back when an earlier row turns up.
func (b *batch) enrol(group []*line) {
	s := b.c.s
	calendar := s.queue.Calendar()
	today := calendar.DayOf(s.queue.Now())
	open := map[string]*engine.Member{} // whom a row may enrol or move back; nil = nobody has the card
	s.queue.View(func(books *engine.State) {
		for _, l := range group {
			o := &l.order
			if l.problem != nil || o.deed == nil || o.who.by != kopilka.ByCard {
				continue
			}
			if _, seen := open[o.who.text]; seen {
				continue
			}
			no, known := books.ByCard(o.who.text)
			if !known {
				open[o.who.text] = nil
			} else if m := books.Member(no, s.queue.Now()); m.KeySlot == 0 {
				open[o.who.text] = &m
			}
		}
	})
	first := map[string]kopilka.Day{}
	var cards []string // in the order of the file
	for _, l := range group {
		o := &l.order
		if l.problem != nil || o.deed == nil || o.who.by != kopilka.ByCard {
			continue
		}
		m, is := open[o.who.text]
		if !is {
			continue
		}
		day := today
		if o.timed {
			day = min(today, calendar.DayOf(o.deed.At))
		}
		if earliest, seen := first[o.who.text]; seen && earliest <= day || m != nil && m.Registered <= day {
			continue
		}
		good, err := b.enrols(o)
		if err != nil {
			l.problem = s.failed(err)
		}
		if !good {
			continue
		}
		if _, seen := first[o.who.text]; !seen {
			cards = append(cards, o.who.text)
		}
		first[o.who.text] = day
	}
	var commands []kopilka.Command
	for _, card := range cards {
		cmd := &kopilka.PutMember{Card: card, Registered: first[card], State: kopilka.StateRegistered,
			Referrer: kopilka.NoMember, Imported: !b.earn}
		if m := open[card]; m != nil {
			cmd.Base, cmd.State, cmd.Blocked = m.ProfileAt, m.State, m.Blocked
			cmd.PhoneTag, cmd.Referrer = m.PhoneTag, m.Referrer
		}
		cmd.By = b.c.key.ID
		commands = append(commands, cmd)
	}
	if len(commands) == 0 {
		return
	}
	answers, err := s.queue.SubmitAll(commands)
	// Lines whose card the log did not take are to come again; that their card
	// is not known would be the wrong answer.
	for _, c := range commands[len(answers):] {
		for _, l := range group {
			if l.problem == nil && l.order.who.text == c.(*kopilka.PutMember).Card {
				l.problem = s.failed(err)
			}
		}
	}
	for i, a := range answers {
		if a.Outcome.Enrolled {
			b.fresh[commands[i].(*kopilka.PutMember).Card] = true
		}
	}
}
