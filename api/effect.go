package api

import (
	"github.com/kopilka/kopilka"
	"github.com/kopilka/kopilka/engine"
	"github.com/kopilka/kopilka/index"
	"github.com/kopilka/kopilka/report"
)

// effect compares who was addressed of an audience with who was held out and, where
// it is asked of a mailing, with who was informed. The period begins with the day on
// which the audience was frozen or the mailing began, unless another is asked for.
func (r *reporting) effect() (report.Fold, *problem) {
	args := r.c.ctx.QueryArgs()
	if args.Has("audience") == args.Has("mailing") {
		return nil, malformed("", "whose effect? either audience or mailing says that")
	}
	var x engine.Drawn
	var mail *report.Mailing
	var p *problem
	began, what := kopilka.Day(0), "the audience was frozen"
	if args.Has("audience") {
		x, p = r.s.audience(r.c.query("audience"))
		began = x.AsOf
	} else {
		mail, x, began, p = r.mailing()
		what = "the mailing began"
	}
	if p != nil {
		return nil, p
	}
	if !args.Has("from") {
		if r.set.From = began; r.set.From > r.set.To {
			return nil, malformed("", "to is before the day on which "+what)
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
	first, second := report.EffectGroup{Name: "addressed", Bits: addressed}, report.EffectGroup{Name: "held_out", Bits: held}
	if mail == nil {
		return report.Effect(&r.set, first, second), nil
	}
	mail.Of = of
	return report.EffectOfMailing(&r.set, first, second, mail), nil
}

// mailing finds the mailing that is asked for, its audience, and the day on which it
// began.
func (r *reporting) mailing() (mail *report.Mailing, x engine.Drawn, began kopilka.Day, p *problem) {
	none := problemOf(codeNotFound, "no mailing has this id")
	id := r.c.query("mailing")
	if !kopilka.ValidID(id) {
		return nil, x, 0, none
	}
	found, err := r.s.queue.FindID(id)
	if err != nil {
		return nil, x, 0, r.s.failed(err)
	}
	var m engine.Mailing
	ok := false
	r.s.queue.View(func(b *engine.State) {
		if m, ok = b.Mailing(found.Seq); ok {
			x, _ = b.Drawn(m.Audience)
		}
	})
	if !ok || m.ID != id {
		return nil, x, 0, none
	}
	mail = &report.Mailing{Seq: m.Seq, Time: m.Time, Now: r.s.queue.Now()}
	for i := range m.Channels {
		ch := &m.Channels[i]
		mail.Channels = append(mail.Channels, kopilka.Channel{Name: ch.Name, Timeout: ch.Timeout, Cost: ch.Cost})
	}
	return mail, x, r.set.Calendar.DayOf(max(m.Time, m.Starts)), nil
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
