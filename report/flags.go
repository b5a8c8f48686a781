package report

import (
	"cmp"
	"slices"

	"github.com/kopilka/kopilka"
)

// Flags is what looks odd: commands that the program's rules flagged, cards that
// earn again and again at one cashier, and who moves points by hand.
func Flags(set *Setting) Fold { return &flagsFold{set: set, pairs: map[pair]*earns{}} }

type flagsFold struct {
	set      *Setting
	flags    tally[int64]
	cashiers names
	pairs    map[pair]*earns
	actors   tally[actor]
}

// pair is a cashier, by number, and a member who earned there.
type pair struct {
	cashier int
	member  kopilka.MemberNo
}

type earns struct{ receipts, points, sold int64 }

type actor struct{ adjustments, given, taken, merges, unmerges, erasures, flagged int64 }

// topCards is how many cards of a cashier are shown, and earnsOften from how many
// receipts on.
const (
	topCards   = 10
	earnsOften = 2
)

func (f *flagsFold) Reads() (since kopilka.Day, before, kinds kopilka.Kinds) {
	return f.set.From, 0, kopilka.KindsOf(kopilka.KindReceipt, kopilka.KindGrant, kopilka.KindAdjustment, kopilka.KindIssue, kopilka.KindMerge,
		kopilka.KindUnmerge, kopilka.KindErase, kopilka.KindAudienceGrant)
}

func (f *flagsFold) Add(r *Record) {
	out := r.Outcome
	switch c := r.Command.(type) {
	case *kopilka.Receipt:
		if !f.set.In(c.Day) {
			return
		}
		if out.Member != kopilka.NoMember && out.Earned > 0 {
			f.earned(c, out)
		}
	case *kopilka.Adjustment:
		if !f.set.In(c.Day) {
			return
		}
		a := f.actors.of(c.Actor)
		a.adjustments++
		a.given += int64(max(c.Points, 0))
		a.taken += int64(max(-c.Points, 0))
		count(out.Flags != 0, &a.flagged)
	case *kopilka.Grant:
		if !f.set.In(c.Day) {
			return
		}
	default:
		if !f.set.In(f.set.recorded(r)) {
			return
		}
		f.office(r)
	}
	for _, name := range out.Flags.Names() {
		*f.flags.of(name)++
	}
}

func (f *flagsFold) office(r *Record) {
	switch c := r.Command.(type) {
	case *kopilka.AudienceGrant: // one deed, in steps
		a := f.actors.of(c.Actor)
		count(c.Begun == 0, &a.adjustments)
		a.given += int64(c.Points) * int64(len(r.Outcome.Legs))
		count(r.Outcome.Flags != 0, &a.flagged)
	case *kopilka.Merge:
		f.actors.of(c.Actor).merges++
	case *kopilka.Unmerge:
		f.actors.of(c.Actor).unmerges++
	case *kopilka.Erase:
		f.actors.of(c.Actor).erasures++
	}
}

func (f *flagsFold) earned(c *kopilka.Receipt, out *kopilka.Outcome) {
	k := pair{f.cashiers.number(c.Cashier), f.set.into(out.Member)}
	e := f.pairs[k]
	if e == nil {
		e = &earns{}
		f.pairs[k] = e
	}
	e.receipts++
	e.points += int64(out.Earned)
	e.sold += int64(c.Amount)
}

func (f *flagsFold) Report() (Report, error) {
	flags := f.flags.table("flags", []string{"flag"}, []string{"commands"}, func(n *int64) []int64 { return []int64{*n} })
	actors := f.actors.table("actors", []string{"actor"},
		[]string{"adjustments", "points_given", "points_taken", "flagged", "merges", "unmerges", "erasures"},
		func(a *actor) []int64 {
			return []int64{a.adjustments, a.given, a.taken, a.flagged, a.merges, a.unmerges, a.erasures}
		})
	return Report{Tables: []Table{flags, f.cards(), actors}}, nil
}

// cards are the members who earned most often at each cashier.
func (f *flagsFold) cards() Table {
	often := make([]pair, 0, len(f.pairs))
	for k, e := range f.pairs {
		if e.receipts >= earnsOften {
			often = append(often, k)
		}
	}
	slices.SortFunc(often, func(a, b pair) int {
		x, y := f.pairs[a], f.pairs[b]
		return cmp.Or(cmp.Compare(f.cashiers.words[a.cashier], f.cashiers.words[b.cashier]),
			cmp.Compare(y.receipts, x.receipts), cmp.Compare(y.points, x.points), cmp.Compare(a.member, b.member))
	})
	t := Table{Name: "cards", Keys: []string{"cashier", "member_id", "card"}, Columns: []string{"receipts", "points", "sold"}}
	shown := 0
	for i, k := range often {
		if shown++; i == 0 || often[i-1].cashier != k.cashier {
			shown = 1
		}
		if shown > topCards {
			continue
		}
		id, card := f.set.Member(k.member)
		e := f.pairs[k]
		t.Rows = append(t.Rows, Row{[]string{f.cashiers.words[k.cashier], id, card}, []int64{e.receipts, e.points, e.sold}})
	}
	return t
}
