package api

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/cespare/xxhash/v2"
	"github.com/kopilka/kopilka"
	"github.com/kopilka/kopilka/commit"
	"github.com/kopilka/kopilka/engine"
	"github.com/kopilka/kopilka/wal"
)

// order is one command on its way from a request to its answer: what the client
// said, then what was looked up for it, then what was decided.
//
//	decode ──► is the id spent? ──► who is it? ──► when? ──► is the receipt
//	           yes: first answer    404            422       known? 409
//	                again, or 422                              │
//	answer ◄── refusal? ◄── Submit ◄───────────────────────────┘
//	                └ Stale: look again
//
// The id comes first: a retry gets its first answer whatever has become of the
// member, the program or the calendar since.
type order struct {
	cmd  kopilka.Command // points at one of the commands below
	head *kopilka.Head
	deed *kopilka.Deed // nil for commands that do not happen at a till

	who   naming
	timed bool // occurred_at was given
	print kopilka.ContentPrint
	// complete looks up what the command needs beside member and day, each time
	// anew; nil = nothing.
	complete func() *problem
	sale     bool         // a receipt that can be paid with instruments, as an accrual cannot
	shown    bool         // what was sent as a card is an instrument's number, and stands before the coupons
	lapses   kopilka.Time // when the hold that the order ends does by itself; 0 = it ends none
	limited  bool         // the member named is held against the limit of a card
	about    string       // a card: orders about one go one after the other; empty = none
	past     bool         // of an import: late rows and unknown cards are taken
	earns    bool         // of an import that earns

	receipt    kopilka.Receipt
	hold       holdOrder
	rating     ratingOrder
	redemption kopilka.Redemption
	grant      kopilka.Grant
	adjustment kopilka.Adjustment
	back       goodsBack
	member     memberChange
}

// naming is how a request names its member.
type naming struct {
	by   kopilka.Naming
	text string // the card, phone, code or member_id
}

// result is what became of an order.
type result struct {
	seq      kopilka.Seq
	cmd      kopilka.Command
	outcome  *kopilka.Outcome
	replayed bool        // this is an earlier answer
	secret   string      // of a key that was made just now
	watched  bool        // whoever asks may hear what looked odd
	handed   []recipient // of a dispatch
}

// begin points the order at an empty command and its parts.
func (o *order) begin(cmd kopilka.Command, head *kopilka.Head, deed *kopilka.Deed) {
	o.cmd, o.head, o.deed = cmd, head, deed
	o.who, o.timed, o.sale, o.shown, o.complete, o.lapses, o.about, o.limited = naming{}, false, false, false, nil, 0, "", false
	if deed != nil {
		deed.Member = kopilka.NoMember
	}
}

// shared reads a field that all commands of a till have; false when name is another.
func (o *order) shared(r *reader, name string) bool {
	switch name {
	case "id":
		o.head.ID = r.id()
	case "card":
		o.called(r, kopilka.ByCard, r.card())
	case "phone":
		o.called(r, kopilka.ByPhone, r.phone())
	case "code":
		o.called(r, kopilka.ByCode, r.appCode())
	case "member_id":
		o.called(r, kopilka.ByMemberID, r.short())
	case "store":
		o.deed.Store = r.short()
	case "till":
		o.deed.Till = r.short()
	case "cashier":
		o.deed.Cashier = r.short()
	case "receipt_no":
		o.deed.ReceiptNo = r.short()
	case "occurred_at":
		o.deed.At, o.timed = r.time(), true
	case "source":
		o.deed.Source = r.short()
	default:
		return false
	}
	return true
}

func (o *order) called(r *reader, by kopilka.Naming, text string) {
	if o.who.by != kopilka.ByNobody {
		r.fail("a person is named by exactly one of card, phone, code and member_id")
	}
	o.who = naming{by, text}
}

// named checks that somebody is named, for commands that need it.
func (o *order) named(r *reader) {
	if o.who.by == kopilka.ByNobody {
		r.failAt("", "one of card, phone, code and member_id is missing")
	}
}

// staleMax is how often an order is looked up again because the log moved on.
const staleMax = 16

// lookAgain is what look says when a member was forgotten while an order was looked up:
// the books know of it by now.
var lookAgain problem

// carry brings an order through the queue and gives what became of it. Orders
// that would make each other stale go one after the other.
func (s *Server) carry(o *order) (result, *problem) {
	if turn := s.turn(o); turn != nil {
		turn.Lock()
		defer turn.Unlock()
	}
	for range staleMax {
		first, p := s.look(o)
		if p == &lookAgain {
			continue
		}
		if p != nil || first != nil {
			return resultOf(first), p
		}
		a, err := s.queue.Submit(o.cmd)
		if err != nil {
			return result{}, s.failed(err)
		}
		done, again, p := s.settle(o, a)
		if !again {
			return done, p
		}
	}
	return result{}, problemOf(codeOverloaded, "the books moved on each time the command was looked up")
}

// turns are locks for orders that are made of what an order before them left:
// returns by their receipt, what ends a hold by the hold, members by their card. Those that fall on one lock by
// chance only wait a little. Groups of a batch do without where nobody has the
// turn, and take it for the lines that were overtaken.
type turns [256]sync.Mutex

// turn is the lock under which an order is looked up and submitted, or nil.
func (s *Server) turn(o *order) *sync.Mutex {
	switch {
	case o.cmd.Kind() == kopilka.KindReturn && o.back.receipt != "":
		return &s.turns[kopilka.FingerprintReturns(o.back.receipt)%uint64(len(s.turns))]
	case o.holdID() != "":
		return &s.turns[kopilka.FingerprintHold(o.holdID())%uint64(len(s.turns))]
	case o.cmd.Kind() == kopilka.KindMember:
		return &s.turns[xxhash.Sum64String(o.member.card)%uint64(len(s.turns))]
	case o.about != "":
		return &s.turns[xxhash.Sum64String(o.about)%uint64(len(s.turns))]
	}
	return nil
}

// settle reads what the books decided; again asks to look up and submit once more.
func (s *Server) settle(o *order, a commit.Answer) (done result, again bool, p *problem) {
	switch a.Outcome.Refusal {
	case kopilka.Accepted:
		switch c := o.cmd.(type) {
		case *kopilka.PutMember:
			s.learn(&o.member, a.Outcome.Member, a.Seq)
		case *kopilka.Hold:
			s.teller.lapsed.remind(a.Outcome.Member, c.Until)
		case *kopilka.Unmerge:
			// Of his holds the teller may have been reminded as of the other's.
			s.queue.View(func(b *engine.State) { s.remindOf(b, c.From) })
		}
		return result{seq: a.Seq, cmd: o.cmd, outcome: a.Outcome}, false, nil
	case kopilka.Stale:
		return result{}, true, nil
	case kopilka.Replayed:
		first, p := s.repeat(o, a.Outcome.Prior)
		return resultOf(first), false, p
	}
	return result{}, false, s.whyNot(o, a.Outcome)
}

func resultOf(first *commit.Record) result {
	if first == nil {
		return result{}
	}
	return result{seq: first.Seq, cmd: first.Command, outcome: &first.Outcome, replayed: true}
}

// look completes an order with what the log and the books know. It gives the
// first answer when the id is spent on the same content.
func (s *Server) look(o *order) (first *commit.Record, p *problem) {
	h := o.head
	h.Looked = s.queue.Seq()
	if h.ID != "" {
		found, err := s.queue.FindID(h.ID)
		if err != nil {
			return nil, s.failed(err)
		}
		if found.Seq != 0 {
			return s.repeat(o, found.Seq)
		}
		h.Looked = min(h.Looked, found.Looked)
	}
	if o.deed != nil {
		if p := s.place(o); p != nil {
			return nil, p
		}
	}
	switch o.cmd.Kind() {
	case kopilka.KindMember:
		return nil, s.lookMember(o)
	case kopilka.KindReturn:
		return nil, s.lookReturn(o)
	case kopilka.KindHold:
		return nil, s.lookUntil(o)
	case kopilka.KindRating:
		return nil, s.lookRating(o)
	}
	if o.holdID() != "" {
		return nil, s.lookHold(o)
	}
	if o.complete != nil {
		return nil, o.complete()
	}
	return nil, nil
}

// repeat gives the first answer to the command that spent the id.
func (s *Server) repeat(o *order, at kopilka.Seq) (*commit.Record, *problem) {
	first, err := s.queue.Record(at)
	if err != nil {
		return nil, s.failed(err)
	}
	// Equal fingerprints of ids are a hint: what stands there is compared.
	if h := kopilka.HeadOf(first.Command); h.ID != o.head.ID || h.Content != o.head.Content {
		return nil, problemOf(codeIdempotencyMismatch, idempotencyMismatch)
	}
	return &first, nil
}

// aheadMax is how far a till's clock may run ahead.
const aheadMax = 5 * time.Minute

// place finds the member, the day and an earlier receipt of the same number. Of an
// import the member comes last: that a card is nobody's follows from what else is wrong
// with its line, since a good one would have enrolled it.
func (s *Server) place(o *order) *problem {
	if !o.timed {
		o.deed.At = s.queue.Now()
	}
	steps := [...]func(*order) *problem{s.resolve, s.when}
	if o.past {
		steps[0], steps[1] = s.when, s.resolve
	}
	for _, step := range steps {
		if p := step(o); p != nil {
			return p
		}
	}
	return nil
}

// when finds the day, and an earlier receipt of the same number.
func (s *Server) when(o *order) *problem {
	d := o.deed
	now, calendar := s.queue.Now(), s.queue.Calendar()
	d.Day = calendar.DayOf(d.At)
	today := calendar.DayOf(now)
	switch {
	case d.At > now+kopilka.Time(aheadMax.Milliseconds()):
		return tooLate("occurred_at is more than 5 minutes ahead of the server")
	case d.Day > today:
		return tooLate("occurred_at is on a business day that has not come, " + d.Day.String())
	case !o.past && d.Day.AddDays(s.opts.LateDays) < today:
		return tooLate(fmt.Sprintf("occurred_at is more than %d business days ago", s.opts.LateDays))
	}
	kind := o.cmd.Kind()
	if !d.HasReceiptNo() || kind != kopilka.KindReceipt && kind != kopilka.KindRedemption {
		return nil
	}
	found, err := s.queue.FindReceiptNo(kind, d.Store, d.Till, d.ReceiptNo, d.Day)
	if err != nil {
		return s.failed(err)
	}
	if found.Seq != 0 {
		return problemOf(codeDuplicateReceipt, duplicateReceipt)
	}
	o.head.Looked = min(o.head.Looked, found.Looked)
	return nil
}

func tooLate(detail string) *problem {
	return &problem{code: codeTooLate, detail: detail, faults: []fault{{"/occurred_at", detail}}}
}

// resolve finds who is named.
func (s *Server) resolve(o *order) *problem {
	d := o.deed
	d.NamedBy = o.who.by
	if o.who.by == kopilka.ByNobody {
		d.Member = kopilka.NoMember
		return nil
	}
	m, ok := s.find(o.who, min(d.At, s.queue.Now()))
	if !ok && s.presented(o, false) {
		d.NamedBy, d.Member = kopilka.ByNobody, kopilka.NoMember
		return nil
	}
	if !ok {
		return notFound(o.who)
	}
	if o.shown { // the card was enrolled since the order was looked up first
		o.receipt.Coupons = slices.Delete(o.receipt.Coupons, 0, 1)
		o.shown = false
	}
	if s.barred(o) {
		return problemOf(codeMemberBlocked, "the card is blocked; the member may be named by another")
	}
	if o.limited {
		o.limited = false // looked up again, it is still one request
		if p := s.memberOften(m); p != nil {
			return p
		}
	}
	d.Member = m
	s.presented(o, true)
	return nil
}

// notFound is that nobody is named so. What looks like an app code may be one that
// was scanned where a card belongs.
func notFound(who naming) *problem {
	detail := memberNotFound
	if who.by == kopilka.ByCard && len(who.text) == appCodeLength && !strings.ContainsFunc(who.text, func(r rune) bool { return r < '0' || r > '9' }) {
		detail += "; an app code of 16 digits goes into code"
	}
	return problemOf(codeMemberNotFound, detail)
}

// barred tells whether the card by which a member is named is blocked, as a lost
// one is: it may neither earn nor spend. Goods and holds come back all the same,
// and staff may correct what they like.
func (s *Server) barred(o *order) (yes bool) {
	switch o.cmd.Kind() {
	case kopilka.KindReturn, kopilka.KindVoid, kopilka.KindAdjustment:
		return false
	}
	if o.who.by != kopilka.ByCard || o.past {
		return false
	}
	s.queue.View(func(b *engine.State) {
		card, _ := b.CardState(o.who.text)
		yes = card.Blocked
	})
	return yes
}

// presented tells whether what a till sent as a card is the number of an
// instrument: a cashier scans whatever he is given. The number is then put before
// the coupons, where the till has not said it too. A member's card can be that of a
// discount, which he gets as a member; what is nobody's card makes the sale nobody's.
func (s *Server) presented(o *order, member bool) (yes bool) {
	c, ok := o.cmd.(*kopilka.Receipt)
	if !ok || !o.sale || o.who.by != kopilka.ByCard {
		return false
	}
	s.queue.View(func(b *engine.State) {
		n, ok := b.FindNumber(o.who.text)
		yes = ok && n.Place != 0 && (!member || n.Kind == kopilka.UseDiscount)
	})
	if yes && !o.shown && !slices.Contains(c.Coupons, o.who.text) {
		c.Coupons = slices.Insert(c.Coupons, 0, o.who.text)
		o.shown, c.CardCoupon = true, member
	}
	return yes
}

// valued tells whether a number is one of a gift certificate or a coupon, which its
// bearer spends: a card of this number would lead whoever finds it to a member.
func (s *Server) valued(number string) (yes bool) {
	s.queue.View(func(b *engine.State) {
		n, ok := b.FindNumber(number)
		yes = ok && n.Place != 0 && n.Kind != kopilka.UseDiscount
	})
	return yes
}

// cardIsValue refuses such a card.
var cardIsValue = problem{code: codeCardTaken, detail: "the number is that of a gift certificate or a coupon, and no card"}

// find gives the member behind a name. An app code is judged at the instant of
// the sale, so that a till that was offline can send what it has taken.
func (s *Server) find(who naming, at kopilka.Time) (m kopilka.MemberNo, ok bool) {
	switch who.by {
	case kopilka.ByCard:
		s.queue.View(func(b *engine.State) { m, ok = b.ByCard(who.text) })
	case kopilka.ByPhone:
		tag := s.vault.PhoneTag(who.text)
		s.queue.View(func(b *engine.State) { m, ok = b.ByPhone(tag) })
	case kopilka.ByCode:
		if m, ok = s.codes.Find(who.text, at); ok {
			s.queue.View(func(b *engine.State) { ok = int64(m) < int64(b.Members()) })
		}
	case kopilka.ByMemberID:
		s.queue.View(func(b *engine.State) {
			m, ok = b.IDs().No(who.text)
			ok = ok && int64(m) < int64(b.Members())
		})
	}
	return m, ok
}

// same tells whether two numbers stand for one member, or both for nobody.
func (s *Server) same(a, b kopilka.MemberNo) (yes bool) {
	if a == kopilka.NoMember || b == kopilka.NoMember {
		return a == b
	}
	s.queue.View(func(books *engine.State) { yes = books.Resolve(a) == books.Resolve(b) })
	return yes
}

// failed is what the world's no is shown as. What is not foreseen is logged.
func (s *Server) failed(err error) *problem {
	switch {
	case errors.Is(err, commit.ErrOverloaded):
		return problemOf(codeOverloaded, "too many commands are waiting")
	case errors.Is(err, commit.ErrClosed):
		return problemOf(codeOverloaded, "the server is stopping")
	case errors.Is(err, wal.ErrStorageFull):
		return problemOf(codeStorageFull, "nothing was recorded")
	case errors.Is(err, wal.ErrNotLogged):
		s.opts.Log.Warn("api: the log refused a command", "err", err)
		return problemOf(codeOverloaded, "the log does not take commands at the moment; nothing was recorded")
	case errors.Is(err, commit.ErrUnknown):
		return problemOf(codeOutcomeUnknown, "send the same command with the same id again")
	}
	s.opts.Log.Error("api: request failed", "err", err)
	return problemOf(codeInternal, "")
}
