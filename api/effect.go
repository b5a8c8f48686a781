package api

import (
	"github.com/kopilka/kopilka"
	"github.com/kopilka/kopilka/engine"
	"github.com/kopilka/kopilka/index"
	"github.com/kopilka/kopilka/report"
)

// effect compares who was addressed of an audience with who was held out. The period
// begins with the day on which it was frozen, unless another is asked for.
func (r *reporting) effect() (report.Fold, *problem) {
	x, p := r.s.audience(r.c.query("audience"))
	if p != nil {
		return nil, p
	}
	if !r.c.ctx.QueryArgs().Has("from") {
		if r.set.From = x.AsOf; r.set.From > r.set.To {
			return nil, malformed("", "to is before the day on which the audience was frozen")
		}
	}
	of, p := r.inSegment()
	if p != nil {
		return nil, p
	}
	var addressed, held []uint64
	r.s.queue.View(func(b *engine.State) {
		words := (b.Members() + 63) / 64
		addressed, held = make([]uint64, words), make([]uint64, words)
	})
	r.s.eachOf(&x.Audience, 0, func(b *engine.State, _ int, no kopilka.MemberNo) bool {
		m := b.Resolve(no)
		if b.Gone(m) {
			return true // forgotten
		}
		to := addressed
		if x.Held(no) {
			to = held
		}
		to[m/64] |= 1 << (m % 64)
		return true
	})
	for i := range addressed {
		both := addressed[i] & held[i] // one person by now, who was drawn twice
		keep := ^both
		if of != nil && i < len(of) {
			keep &= of[i]
		} else if of != nil {
			keep = 0
		}
		addressed[i] &= keep
		held[i] &= keep
	}
	return report.Effect(&r.set, report.EffectGroup{Name: "addressed", Bits: addressed}, report.EffectGroup{Name: "held_out", Bits: held}), nil
}

// inSegment is who was in the segment that is asked for at the end of the day before
// the period; nil when none is.
func (r *reporting) inSegment() ([]uint64, *problem) {
	if !r.c.ctx.QueryArgs().Has("segment") {
		return nil, nil
	}
	segment, p := r.s.segmentNamed(r.c.query("segment"))
	if p != nil {
		return nil, p
	}
	before := r.set.From - min(r.set.From, 1)
	var history *index.History
	r.s.queue.View(func(b *engine.State) {
		if before <= b.Day() {
			history = b.Index().AsOf(before)
		}
	})
	if history == nil {
		return nil, malformed("", "the day before from has not come")
	}
	return history.Table().Bits(segment), nil
}
