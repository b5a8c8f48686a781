package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/kopilka/kopilka"
	"github.com/kopilka/kopilka/client"
)

// books is what is compared at the end: how the server's sums and the sampled
// members stood before, and what the tills were told since.
type books struct {
	o      *options
	c      *client.Client
	addr   string
	before map[string]int64 // /v1/books
	stood  map[int]kopilka.Points
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
	b := &books{o: o, addr: u.Host, told: newTally(o), stood: map[int]kopilka.Points{},
		c: &client.Client{URL: o.url, Key: o.key, Timeout: max(o.timeout, 30*time.Second)}}
	shop := shopOf(o)
	shop.Enrolled, shop.To, shop.ReceiptsPerDay = false, shop.From, 0
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
	for m := range o.members {
		if b.told.sampled(m) {
			if b.stood[m], err = b.stands(m); err != nil {
				return nil, err
			}
		}
	}
	if b.before, err = b.read(); err != nil {
		return nil, err
	}
	return b, nil
}

// read is the whole numbers of /v1/books.
func (b *books) read() (map[string]int64, error) {
	raw, err := b.c.Books()
	if err != nil {
		return nil, err
	}
	return numbers(raw)
}

// numbers are the integers of a JSON object by their names, those of objects
// inside as outer.inner.
func numbers(raw []byte) (map[string]int64, error) {
	var top map[string]json.RawMessage
	if err := json.Unmarshal(raw, &top); err != nil {
		return nil, fmt.Errorf("numbers in %.100q: %w", raw, err)
	}
	out := map[string]int64{}
	for name, v := range top {
		var n int64
		if json.Unmarshal(v, &n) == nil {
			out[name] = n
		} else if len(v) > 0 && v[0] == '{' {
			inner, err := numbers(v)
			if err != nil {
				return nil, err
			}
			for k, n := range inner {
				out[name+"."+k] = n
			}
		}
	}
	return out, nil
}

// stands is what the entries of a member add up to by the member's own row.
func (b *books) stands(member int) (kopilka.Points, error) {
	card := shopOf(b.o).Card(member)
	m, err := b.c.Member(card, 0)
	if err != nil {
		return 0, err
	}
	return m.Balance + m.Pending + m.Held - m.Debt, nil
}

// measure drives the load once and reports on it.
func (b *books) measure(target string, warmup, duration time.Duration) (*report, error) {
	t, p := b.o.drive(b.addr, b.o.key, b.runs, false, warmup, duration)
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
	w := newWire(b.addr, b.o.key, b.o.timeout)
	defer w.close()
	unknown := b.told.unknown
	b.told.unknown = nil
	for i, e := range unknown {
		for {
			method, path := e.Path()
			r, err := w.send(method, path, jsonType, e.AppendBody(nil))
			// Whatever is said now, nobody had heard it before: a replay counts.
			// Unless a till's own retry has heard it meanwhile.
			if err == nil && b.told.answered(e, r.status, true, r.body) && r.status != 503 {
				if r.status < 400 && !b.told.again[e.ID] {
					b.told.again[e.ID] = true
					b.told.count(e, r.body)
				}
				break
			}
			if time.Now().After(until) {
				return fmt.Errorf("%d of %d unknown outcomes could not be settled in %s; %s %s last: %d %v",
					len(unknown)-i, len(unknown), settleMax, method, path, r.status, err)
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
	after, err := b.read()
	if err != nil {
		return err
	}
	var wrong []string
	s := &b.told.sums
	compared := 0
	for _, f := range []struct {
		name string
		told int64
	}{
		{"receipts", s.receipts}, {"anonymous", s.anonymous}, {"returns", s.returns},
		{"earned", s.earned}, {"redeemed", s.redeemed},
		{"restored", s.restored}, {"lapsed", s.lapsed}, {"taken", s.taken},
	} {
		if _, ok := after[f.name]; !ok {
			return fmt.Errorf("/v1/books has no %s: %v", f.name, after)
		}
		compared++
		if has := after[f.name] - b.before[f.name]; has != f.told {
			wrong = append(wrong, fmt.Sprintf("%s: the books have %d, the tills were told %d", f.name, has, f.told))
		}
	}
	members := 0
	for m := range b.stood {
		w, err := b.checkMember(m)
		if err != nil {
			return err
		}
		members++
		wrong = append(wrong, w...)
	}
	rep.Figures, rep.Members = compared, members
	slices.Sort(wrong)
	rep.Wrong = wrong
	if len(wrong) > 0 {
		return fmt.Errorf("the books are not what the tills were told:\n  %s", strings.Join(wrong[:min(len(wrong), 20)], "\n  "))
	}
	return nil
}

// checkMember compares a member's row and ledger with what the tills were told.
func (b *books) checkMember(m int) (wrong []string, err error) {
	card := shopOf(b.o).Card(m)
	has, err := b.stands(m)
	if err != nil {
		return nil, err
	}
	want := b.stood[m] + b.told.members[m]
	if has != want {
		wrong = append(wrong, fmt.Sprintf("member %s has %d points, the tills were told %d", card, has, want))
	}
	var sum kopilka.Points
	for e, err := range b.c.Ledger(card) {
		if err != nil {
			return nil, err
		}
		sum += e.Points
	}
	if sum != has {
		wrong = append(wrong, fmt.Sprintf("member %s has %d points, the ledger adds up to %d", card, has, sum))
	}
	return wrong, nil
}
