package api

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/go-faster/jx"
	"github.com/kopilka/kopilka"
	"github.com/kopilka/kopilka/commit"
	"github.com/kopilka/kopilka/engine"
	"github.com/kopilka/kopilka/people"
)

// ratingOrder is what a buyer thought of a receipt, on its way.
type ratingOrder struct {
	cmd   kopilka.Rating
	words string
}

var ratingFields = []string{"id", "stars", "text"}

// decodeRating reads stars and words.
func (o *order) decodeRating(r *reader, receipt string) {
	x := &o.rating
	c := &x.cmd
	*x = ratingOrder{cmd: kopilka.Rating{Member: kopilka.NoMember, Receipt: receipt}}
	o.begin(c, &c.Head, nil)
	for f := r.object(ratingFields); f.next(); {
		switch f.name {
		case "id":
			c.ID = r.id()
		case "stars":
			c.Stars = uint8(r.integer(1, 5))
		case "text":
			if x.words = r.string(); len(x.words) > wordsMax {
				r.fail(fmt.Sprintf("is longer than %d bytes", wordsMax))
			}
		}
	}
	if c.Stars == 0 {
		r.failAt("", "stars is missing")
	}
	o.print.Rating(receipt, int(c.Stars), x.words)
	c.Content = o.print.Sum()
}

// lookRating finds the receipt and its buyer, and seals the words under the key of
// the number that bought, be it part of another member by now; those of nobody under
// one key for all.
func (s *Server) lookRating(o *order) *problem {
	x := &o.rating
	c := &x.cmd
	sale, p := s.findSale(c.Receipt, &o.head.Looked)
	if p != nil {
		return p
	}
	c.Sale, c.Member, c.KeySlot, c.Words = sale.record.Seq, sale.record.Outcome.Member, 0, nil
	if x.words == "" {
		return nil
	}
	if c.Member == kopilka.NoMember {
		c.Words = s.vault.SealNobodys(x.words)
		return nil
	}
	slot := uint32(0)
	s.queue.View(func(b *engine.State) { slot = b.Row(c.Member, s.queue.Now()).KeySlot })
	var err error
	c.KeySlot, c.Words, err = s.vault.SealWords(slot, x.words)
	if errors.Is(err, people.ErrErased) {
		return problemOf(codeMemberNotFound, "the buyer was forgotten: stars can be given, words cannot")
	}
	if err != nil {
		return s.failed(err)
	}
	return nil
}

// putRating takes what a buyer thought of a receipt.
func (s *Server) putRating(c *call) *problem {
	if !kopilka.ValidID(c.param) {
		return &noReceipt
	}
	return c.command(func(r *reader) { c.order.decodeRating(r, c.param) })
}

// ratingField writes the newest rating of a receipt, or null.
func (s *Server) ratingField(e *jx.Encoder, receipt string) *problem {
	e.FieldStart("rating")
	found, err := s.queue.FindRating(receipt)
	if err != nil {
		return s.failed(err)
	}
	if found.Seq == 0 {
		e.Null()
		return nil
	}
	record, err := s.queue.Record(found.Seq)
	if err != nil {
		return s.failed(err)
	}
	return s.ratingShown(e, &rated{record.Command.(*kopilka.Rating), record.Seq, record.Outcome.Time}, false)
}

// rated is a rating with its place in the log.
type rated struct {
	*kopilka.Rating
	seq kopilka.Seq
	at  kopilka.Time
}

// ratingShown writes a rating, with its receipt where that is not known. Words whose
// key was destroyed are gone.
func (s *Server) ratingShown(e *jx.Encoder, r *rated, receipt bool) *problem {
	words := ""
	if len(r.Words) > 0 {
		var err error
		words, err = s.vault.OpenWords(r.KeySlot, r.Words)
		if err != nil && !errors.Is(err, people.ErrErased) {
			return s.failed(err)
		}
	}
	e.ObjStart()
	if receipt {
		strField(e, "receipt", r.Receipt)
	}
	intField(e, "stars", int64(r.Stars))
	optField(e, "text", words)
	intField(e, "seq", int64(r.seq))
	s.timeField(e, "recorded_at", r.at)
	e.ObjEnd()
	return nil
}

// ratingsBy finds all ratings of what some numbers have bought, those that were
// changed since as well, the oldest first.
func (s *Server) ratingsBy(numbers []kopilka.MemberNo, seq kopilka.Seq) (all []rated, p *problem) {
	p = s.readThrough(seq, kopilka.KindsOf(kopilka.KindRating), func(record *commit.Record) {
		if c := record.Command.(*kopilka.Rating); slices.Contains(numbers, c.Member) {
			own := *c // the record is read into again
			own.Receipt, own.Words = strings.Clone(c.Receipt), bytes.Clone(c.Words)
			all = append(all, rated{&own, record.Seq, record.Outcome.Time})
		}
	})
	return all, p
}
