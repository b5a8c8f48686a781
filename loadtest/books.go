package main

import (
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/kopilka/kopilka"
	"github.com/kopilka/kopilka/bench/wire"
	"github.com/kopilka/kopilka/client"
)

// books is what is compared at the end: the server's sums before, and what the
// tills were told since.
type books struct {
	o      *options
	c      *client.Client
	addr   string
	till   *client.Key // what the load is sent under
	before *client.Books
	told   *tally
	runs   int
}

// enrolBatch is how many members go into one request.
const enrolBatch = 1000

// openBooks waits for the server, enrols the members and notes how all stands.
func openBooks(o *options) (*books, error) {
	u, err := url.Parse(o.url)
	if err != nil {
		return nil, fmt.Errorf("--url: %w", err)
	}
	b := &books{o: o, addr: u.Host, told: newTally(o),
		c: &client.Client{URL: o.url, Key: o.key, Timeout: max(o.timeout, 30*time.Second)}}
	shop := shopOf(o)
	// Whom the street will enrol is enrolled here already, and is then changed: its
	// connections overtake each other, and nobody must buy before the enrolment.
	shop.Members += shop.NewPerDay * (int(shop.To-shop.From) + 1)
	shop.Enrolled, shop.To, shop.NewPerDay, shop.ReceiptsPerDay = false, shop.From, 0, 0
	var lines []byte
	n, refused := 0, map[string]int{}
	flush := func() error {
		if n == 0 {
			return nil
		}
		results, err := b.c.BatchLines(lines, n)
		if err != nil {
			return fmt.Errorf("enrol members: %w", err)
		}
		for i := range results {
			if err := results[i].Err(); err != nil {
				var p *client.Problem
				if errors.As(err, &p); p.Code == "" {
					return fmt.Errorf("enrol members: %w", err)
				}
				refused[p.Code]++
			}
		}
		lines, n = lines[:0], 0
		return nil
	}
	for e := range shop.Events() {
		e.Occurred = 0
		lines = append(e.AppendLine(lines), '\n')
		if n++; n == enrolBatch {
			if err := flush(); err != nil {
				return nil, err
			}
		}
	}
	if err := flush(); err != nil {
		return nil, err
	}
	if len(refused) > 0 {
		return nil, fmt.Errorf("enrol members: refused: %v", refused)
	}
	if b.before, err = b.c.Books(false); err != nil {
		return nil, err
	}
	// Tills use a till's key: what is done by an admin's is put on record one by one.
	if b.till, err = b.c.CreateKey(client.NewKey{ID: o.prefix + "key", Role: "till", Note: "load test"}); err != nil {
		return nil, fmt.Errorf("a key for the tills: %w", err)
	}
	return b, nil
}

// close revokes the tills' key.
func (b *books) close() error {
	if err := b.c.RevokeKey(b.till.KeyID); err != nil {
		return fmt.Errorf("revoke the tills' key: %w", err)
	}
	return nil
}

// measure drives the load once and reports on it.
func (b *books) measure(warmup, duration time.Duration) (*report, error) {
	t, p := b.o.drive(b.addr, b.till.Key, b.runs, false, warmup, duration)
	b.runs++
	b.told.add(t)
	return newReport(b.o, t, p), nil
}

// settleMax is how long an outcome may stay unknown after the load.
const settleMax = time.Minute

// settle sends every command of unknown outcome again, with the same id, until
// it is known.
func (b *books) settle() error {
	until := time.Now().Add(settleMax)
	w := wire.New(b.addr, b.till.Key, b.o.timeout)
	defer w.Close()
	unknown := b.told.unknown
	b.told.unknown = nil
	for i, e := range unknown {
		for {
			method, path := e.Path()
			r, err := w.Send(method, path, jsonType, e.AppendBody(nil))
			// Whatever is said now, nobody had heard before: a replay counts, unless
			// the other one of two equal events has heard it.
			if err == nil && b.told.answered(e, r.Status, true, r.Body) && r.Status != 503 {
				if success(r.Status) && !b.told.heard[e.ID] {
					b.told.heard[e.ID] = true
					b.told.count(e, r.Body)
				}
				break
			}
			if time.Now().After(until) {
				return fmt.Errorf("%d of %d unknown outcomes could not be settled in %s; %s %s last: %d %v",
					len(unknown)-i, len(unknown), settleMax, method, path, r.Status, err)
			}
			time.Sleep(100 * time.Millisecond)
		}
	}
	return nil
}

// check settles what is unknown and compares what the tills were told with
// what the server has.
func (b *books) check(rep *report) error {
	rep.Unknown = len(b.told.unknown)
	if err := b.settle(); err != nil {
		return err
	}
	after, err := b.c.Books(false)
	if err != nil {
		return err
	}
	var wrong []string
	told, figures := &b.told.sums, 0
	f := func(name string, has, told int64) {
		figures++
		if has != told {
			wrong = append(wrong, fmt.Sprintf("%s: the books have %d, the tills were told %d", name, has, told))
		}
	}
	f("receipts", after.Receipts-b.before.Receipts, told.receipts)
	f("anonymous receipts", after.AnonymousReceipts-b.before.AnonymousReceipts, told.anonymous)
	f("returns", after.Returns-b.before.Returns, told.returns)
	f("earned", int64(after.Earned-b.before.Earned), told.earned)
	f("redeemed", int64(after.Redeemed-b.before.Redeemed), told.redeemed)
	f("restored", int64(after.Restored-b.before.Restored), told.restored)
	f("lapsed", int64(after.Lapsed-b.before.Lapsed), told.lapsed)
	f("taken", int64(after.Taken-b.before.Taken), told.taken)
	f("legs", int64(after.Legs-b.before.Legs), told.legs)
	members := 0
	for m := range b.o.members {
		if !b.told.sampled(m) {
			continue
		}
		w, err := b.checkMember(m)
		if err != nil {
			return err
		}
		members++
		wrong = append(wrong, w...)
	}
	rep.Figures, rep.Members = figures, members
	if len(wrong) > 0 {
		slices.Sort(wrong)
		rep.Wrong = wrong
		return fmt.Errorf("the books are not what the tills were told:\n  %s", strings.Join(wrong[:min(len(wrong), 20)], "\n  "))
	}
	return nil
}

// checkMember compares a member's row with the whole ledger, and the ledger
// since the start, less what has expired, with what the tills were told.
func (b *books) checkMember(m int) (wrong []string, err error) {
	card := shopOf(b.o).Card(m)
	row, err := b.c.Member(card, 0)
	if err != nil {
		return nil, err
	}
	var all, since kopilka.Points
	for e, err := range b.c.Ledger(card) {
		if err != nil {
			return nil, err
		}
		all += e.Points
		if e.Seq > b.before.Seq && e.Kind != "expire" {
			since += e.Points
		}
	}
	if has := row.Balance + row.Pending + row.Held - row.Debt; has != all {
		wrong = append(wrong, fmt.Sprintf("member %s has %d points, the ledger adds up to %d", card, has, all))
	}
	if told := b.told.members[m] + b.told.legs[row.MemberID]; since != told {
		wrong = append(wrong, fmt.Sprintf("member %s: the ledger of this run adds up to %d, the tills were told %d", card, since, told))
	}
	return wrong, nil
}
