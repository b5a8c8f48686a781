package main

import (
	"bytes"
	"fmt"

	"github.com/HdrHistogram/hdrhistogram-go"
	"github.com/kopilka/kopilka"
	"github.com/kopilka/kopilka/bench/workload"
)

// tally is what one connection was told. Nobody else writes it while the load
// runs; afterwards the tallies are added up.
type tally struct {
	waits     *hdrhistogram.Histogram // microseconds, of requests that count: answered with 2xx, or timed out
	requests  int64                   // answered with 2xx, of those that count
	commands  int64                   // answered with 2xx in them
	refusals  map[string]int64        // by code of the problem: known not to be done; the warm-up included
	failures  map[string]int64        // outcome not known, or not sent: by code, or by what the network did; the warm-up included
	sums      sums                    // of everything acknowledged, the warm-up included
	members   map[int]kopilka.Points  // what the entries of sampled members add up to, legs apart
	legs      legs
	unknown   []*workload.Event // sent, with no answer that tells their outcome
	heard     map[string]bool   // ids sent twice of which the first acknowledgement has come
	stride    int               // every so many-th member is sampled; 0 = none
	sampleEnd int               // members from here on are not sampled
}

// sums are figures that /v1/books has, too.
type sums struct {
	receipts, anonymous, returns              int64
	earned, redeemed, restored, lapsed, taken int64
	legs                                      int64
}

// legs are what members were given, or lost again, beside what they bought: their
// welcomes and what their friends' purchases brought, by member_id.
type legs map[string]kopilka.Points

// waitMaxUS bounds what is recorded, in microseconds: ten minutes.
const waitMaxUS = 600_000_000

func newTally(o *options) *tally {
	t := &tally{waits: hdrhistogram.New(1, waitMaxUS, 3), refusals: map[string]int64{}, failures: map[string]int64{},
		members: map[int]kopilka.Points{}, legs: legs{}, heard: map[string]bool{}, sampleEnd: o.members}
	if o.sample > 0 {
		t.stride = max(1, o.members/o.sample)
	}
	return t
}

// sampled tells whether what member n earns and spends is added up.
func (t *tally) sampled(n int) bool {
	return t.stride > 0 && n >= 0 && n < t.sampleEnd && n%t.stride == 0
}

// add takes all of another tally.
func (t *tally) add(o *tally) {
	t.waits.Merge(o.waits)
	t.requests += o.requests
	t.commands += o.commands
	for k, n := range o.refusals {
		t.refusals[k] += n
	}
	for k, n := range o.failures {
		t.failures[k] += n
	}
	t.sums.add(&o.sums)
	for m, p := range o.members {
		t.members[m] += p
	}
	for m, p := range o.legs {
		t.legs[m] += p
	}
	t.unknown = append(t.unknown, o.unknown...)
	for id := range o.heard {
		t.heard[id] = true
	}
}

func (s *sums) add(o *sums) {
	s.receipts += o.receipts
	s.anonymous += o.anonymous
	s.returns += o.returns
	s.earned += o.earned
	s.redeemed += o.redeemed
	s.restored += o.restored
	s.lapsed += o.lapsed
	s.taken += o.taken
	s.legs += o.legs
}

// answered takes the answer to one command: its status, whether it is an
// earlier answer again, and its fields. It tells whether the outcome is known.
func (t *tally) answered(e *workload.Event, status int, replayed bool, fields []byte) (known bool) {
	if !success(status) {
		code := textField(fields, `"code":"`)
		if code == "" {
			code = fmt.Sprintf("status %d", status)
		}
		known = code != "outcome-unknown" && (code == "overloaded" || status >= 400 && status < 500 || status == 507)
		if known {
			t.refusals[code]++
		} else {
			t.failures[code]++
		}
		return known
	}
	if replayed {
		return true
	}
	if e.Twice {
		t.heard[e.ID] = true
	}
	t.count(e, fields)
	return true
}

func success(status int) bool { return status/100 == 2 }

// count adds an acknowledgement that was not given before.
func (t *tally) count(e *workload.Event, fields []byte) {
	var s sums
	s.legs = t.legs.read(fields)
	switch e.Op {
	case workload.Member:
	case workload.Receipt, workload.Accrual:
		s.earned, s.redeemed = intField(fields, `"earned":`), intField(fields, `"redeemed":`)
		if s.receipts = 1; e.Buyer == workload.Nobody {
			s.receipts, s.anonymous = 0, 1
		}
	case workload.Redemption:
		s.redeemed = intField(fields, `"redeemed":`)
	case workload.Return:
		if e.Buyer != workload.Nobody { // the books count what members brought back
			s.returns = 1
		}
		s.restored, s.lapsed = intField(fields, `"points_restored":`), intField(fields, `"points_lapsed":`)
		s.taken = intField(fields, `"points_taken":`)
	}
	t.sums.add(&s)
	if t.sampled(e.Buyer) {
		t.members[e.Buyer] += kopilka.Points(s.points())
	}
}

// read takes the legs of an answer and gives their sum.
func (l legs) read(fields []byte) (sum int64) {
	const begin = `"legs":[`
	i := bytes.Index(fields, []byte(begin))
	if i < 0 {
		return 0
	}
	rest := fields[i+len(begin):]
	for len(rest) > 0 && rest[0] == '{' {
		one, after, _ := bytes.Cut(rest, []byte("}"))
		points := intField(one, `"points":`)
		l[textField(one, `"member_id":"`)] += kopilka.Points(points)
		sum += points
		rest = bytes.TrimPrefix(after, []byte(","))
	}
	return sum
}

// points is what the buyer's own entries add up to.
func (s *sums) points() int64 { return s.earned - s.redeemed + s.restored - s.lapsed - s.taken }

// lost takes a command of which it is not known whether it was recorded.
func (t *tally) lost(e *workload.Event, why string) {
	t.failures[why]++
	t.unknown = append(t.unknown, e)
}

// intField and textField read one field of a flat JSON object that a server has
// written; taking the whole object apart would cost more than sending it did.
func intField(b []byte, key string) int64 {
	i := bytes.Index(b, []byte(key))
	if i < 0 {
		return 0
	}
	b = b[i+len(key):]
	var v int64
	negative := len(b) > 0 && b[0] == '-'
	if negative {
		b = b[1:]
	}
	for len(b) > 0 && b[0] >= '0' && b[0] <= '9' {
		v = v*10 + int64(b[0]-'0')
		b = b[1:]
	}
	if negative {
		v = -v
	}
	return v
}

func textField(b []byte, key string) string {
	i := bytes.Index(b, []byte(key))
	if i < 0 {
		return ""
	}
	b = b[i+len(key):]
	if i = bytes.IndexByte(b, '"'); i < 0 {
		return ""
	}
	return string(b[:i])
}
