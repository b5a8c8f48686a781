package api

import (
	"context"
	"math"

	"github.com/kopilka/kopilka"
	"github.com/kopilka/kopilka/engine"
)

// postErase forgets a person. The books forget first, durably; then the keys under
// which everything personal is sealed are destroyed, and what is in the log, in
// snapshots and in copies of them cannot be read any more. A crash between the two
// leaves nothing behind: the next start destroys what it finds, and so does the same
// request again.
func (s *Server) postErase(c *call) *problem {
	if p := c.onlyQuery(); p != nil {
		return p
	}
	cmd := &kopilka.Erase{}
	o := &c.order
	o.begin(cmd, &cmd.Head, nil)
	var hand byHand
	if p := hand.decode(&c.in, c.body(), &cmd.ID); p != nil {
		return p
	}
	cmd.Reason, cmd.Actor = hand.reason, hand.actor
	o.print.Erase(c.param, hand.reason, hand.actor)
	cmd.Content = o.print.Sum()
	o.about = c.param
	o.complete = func() *problem {
		m, p := s.behind(c.param)
		if p != nil {
			return p
		}
		cmd.Member = m.No
		return nil
	}
	r2, p := c.decided()
	if p != nil {
		return p
	}
	if err := s.forget(r2.outcome.Member); err != nil {
		return s.failed(err)
	}
	return c.done(&r2, created)
}

// forget takes a person whom the books have forgotten out of the indexes, and destroys
// his keys. Who his parts are and which keys they have is asked after the command, of all
// members, since the books forget that too: what came in between goes with the rest.
func (s *Server) forget(m kopilka.MemberNo) error {
	var parts []kopilka.MemberNo
	var slots []uint32
	for no, more := kopilka.MemberNo(0), true; more; {
		s.queue.View(func(b *engine.State) {
			for range 1 << 14 {
				if more = int64(no) < int64(b.Members()); !more {
					return
				}
				if slot, erased := b.ErasedKey(no); erased && b.Resolve(no) == m {
					parts = append(parts, no)
					if slot != 0 {
						slots = append(slots, slot)
					}
				}
				no++
			}
		})
	}
	s.learning.Lock()
	s.names.Forget(parts)
	for _, no := range parts {
		s.dates.Forget(no)
		s.facets.Forget(no)
	}
	s.learning.Unlock()
	return s.vault.EraseAll(slots)
}

// forgottenAt is when the person behind a number was forgotten; behind all instants when
// he was not. The erasure is near the head of his ledger: behind it come only returns.
func (s *Server) forgottenAt(m kopilka.MemberNo) (kopilka.Time, error) {
	at := kopilka.Seq(0)
	s.queue.View(func(b *engine.State) {
		m = b.Resolve(m)
		if _, erased := b.ErasedKey(m); erased {
			at = b.Row(m, s.queue.Now()).LastEntry
		}
	})
	for at != 0 {
		record, err := s.queue.Record(at)
		if err != nil {
			return 0, err
		}
		if record.Command.Kind() == kopilka.KindErase {
			return record.Outcome.Time, nil
		}
		at, _ = before(m, &record.Outcome)
	}
	return math.MaxInt64, nil
}

// eraseKeys destroys the keys of all who were ever forgotten, those that are gone
// already aside.
func (s *Server) eraseKeys(ctx context.Context) error {
	var slots []uint32
	for no, more := kopilka.MemberNo(0), true; more && ctx.Err() == nil; {
		s.queue.View(func(b *engine.State) {
			for range 1 << 14 {
				if more = int64(no) < int64(b.Members()); !more {
					return
				}
				if slot, erased := b.ErasedKey(no); erased && slot != 0 {
					slots = append(slots, slot)
				}
				no++
			}
		})
	}
	return s.vault.EraseAll(slots)
}
