package api

import (
	"slices"

	"github.com/go-faster/jx"
	"github.com/kopilka/kopilka"
	"github.com/kopilka/kopilka/program"
)

// winner is the campaign that multiplied a line, and by how much: of those that
// applied the one that multiplies most, the first named of equal ones.
func (x *explained) winner(line int) (id string, bp kopilka.BP) {
	bp = kopilka.BPWhole
	for i := range x.rules.Campaigns {
		of := &x.rules.Campaigns[i]
		if of.MultiplierBP > bp && x.isFor(of, line) && x.gave[of.ID] {
			id, bp = of.ID, of.MultiplierBP
		}
	}
	return id, bp
}

// isFor tells whether a line is of the categories of a campaign. A till without
// lines tells none.
func (x *explained) isFor(of *program.Campaign, line int) bool {
	return of.Categories == nil || line < len(x.receipt.Lines) && slices.Contains(of.Categories, x.receipt.Lines[line].Category)
}

// campaignsExplained writes what campaigns added, and of every other of the
// version why it did not.
func (s *Server) campaignsExplained(e *jx.Encoder, x *explained) {
	e.FieldStart("campaigns")
	e.ObjStart()
	e.FieldStart("applied")
	e.ArrStart()
	wants := x.wanted()
	for _, u := range x.out.Campaigns {
		id := s.term(u.Term).ID
		limit := "rule"
		if wants[id] > u.Points {
			limit = "budget"
		}
		e.ObjStart()
		strField(e, "id", id)
		intField(e, "wants", int64(max(wants[id], u.Points)))
		intField(e, "points", int64(u.Points))
		strField(e, "limited_by", limit)
		e.ObjEnd()
	}
	e.ArrEnd()
	e.FieldStart("nearly")
	e.ArrStart()
	for i := range x.rules.Campaigns {
		if of := &x.rules.Campaigns[i]; x.earns() && !x.gave[of.ID] {
			s.missed(e, x, of)
		}
	}
	e.ArrEnd()
	e.ObjEnd()
}

// wanted is what each campaign with a budget would have added by its rule, had that not
// kept it from it: as the engine shares it.
func (x *explained) wanted() map[string]kopilka.Points {
	if len(x.out.Campaigns) == 0 {
		return nil
	}
	tier, segment := x.rules.Tiers[x.out.TierBefore].EarnBP, x.segmentBP()
	var with, without kopilka.RateSum
	all := x.rules.Campaigns
	weights, parts := make([]uint64, len(all)), make([]int64, len(all))
	for i := range x.out.Left.Lines {
		base := x.out.Left.Lines[i].Base
		won, rate := x.winner(i)
		with.Add(int64(base), tier, segment, rate)
		without.Add(int64(base), tier, segment, kopilka.BPWhole)
		if k := slices.IndexFunc(all, func(of program.Campaign) bool { return of.ID == won }); k >= 0 {
			weights[k] += uint64(base) * uint64(rate-kopilka.BPWhole)
		}
	}
	kopilka.Split(with.Round(x.rules.Rounding)-without.Round(x.rules.Rounding), weights, parts)
	wants := map[string]kopilka.Points{}
	for k := range all {
		if of := &all[k]; of.Budget > 0 {
			wants[of.ID] = kopilka.Points(parts[k]) + of.Points
		}
	}
	return wants
}

// missed writes a campaign that added nothing, with all that stood against it.
func (s *Server) missed(e *jx.Encoder, x *explained, of *program.Campaign) {
	c := x.receipt
	var because []string
	against := func(word string, is bool) {
		if is {
			because = append(because, word)
		}
	}
	against("not_begun", of.StartsAt != 0 && c.At < of.StartsAt)
	against("ended", of.EndsAt != 0 && c.At >= of.EndsAt)
	against("other_store", of.Stores != nil && !slices.Contains(of.Stores, c.Store))
	against("other_segment", of.Segments != nil && (x.segmentNo() < 0 || !slices.Contains(of.Segments, uint8(x.segmentNo()))))
	against("other_tier", of.Tiers != nil && !slices.Contains(of.Tiers, x.out.TierBefore))
	against("below_min_amount", c.Amount < of.MinAmount)
	against("other_category", !x.anyLine(func(i int) bool { return x.isFor(of, i) }))
	against("no_base", len(because) == 0 && !x.anyLine(func(i int) bool { return x.isFor(of, i) && x.out.Left.Lines[i].Base > 0 }))
	if len(because) == 0 {
		// It held for the receipt: it had nothing left to give, or another
		// multiplied every line of its own by as much.
		against("outdone", of.Points == 0 && !x.anyLine(func(i int) bool {
			_, best := x.winner(i)
			return x.isFor(of, i) && x.out.Left.Lines[i].Base > 0 && best < of.MultiplierBP
		}))
	}
	if len(because) == 0 {
		against("budget_gone", of.Budget > 0)
		against("rounded_to_nothing", of.Budget == 0)
	}
	e.ObjStart()
	strField(e, "id", of.ID)
	e.FieldStart("because")
	e.ArrStart()
	for _, word := range because {
		e.Str(word)
	}
	e.ArrEnd()
	if slices.Contains(because, "not_begun") {
		s.timeField(e, "starts_at", of.StartsAt)
	}
	if slices.Contains(because, "ended") {
		s.timeField(e, "ends_at", of.EndsAt)
	}
	if c.Amount < of.MinAmount {
		intField(e, "missing_amount", int64(of.MinAmount-c.Amount))
	}
	e.ObjEnd()
}

func (x *explained) anyLine(is func(i int) bool) bool {
	for i := range x.out.Left.Lines {
		if is(i) {
			return true
		}
	}
	return false
}
