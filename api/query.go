package api

import (
	"errors"
	"math/bits"
	"slices"

	"github.com/kopilka/kopilka"
	"github.com/kopilka/kopilka/engine"
	"github.com/kopilka/kopilka/index"
	"github.com/kopilka/kopilka/program"
	"github.com/kopilka/kopilka/query"
	"github.com/valyala/fasthttp"
)

var queryFields = []string{"expr", "limit", "cursor"}

// querySegments counts the members whom an expression means, and lists them in the
// form that Accept asks for.
func (s *Server) querySegments(c *call) *problem {
	if p := c.reads(); p != nil {
		return p
	}
	form, p := c.form("application/json", "text/csv", "application/vnd.roaring")
	if p != nil {
		return p
	}
	text, cursor, limit := "", "", 0
	r := &c.in
	r.start(c.body())
	for f := r.object(queryFields); f.next(); {
		switch f.name {
		case "expr":
			text = r.string()
		case "limit":
			limit = int(r.integer(1, pageMax))
		case "cursor":
			cursor = r.string()
		}
	}
	if p := r.end(); p != nil {
		return p
	}
	switch {
	case text == "":
		return malformed("/expr", "expr is missing: whom do you mean?")
	case form != "application/json" && limit != 0 || limit == 0 && cursor != "":
		return malformed("/limit", "pages are JSON, and have a limit")
	}
	a, expr, p := s.population(text, form == "text/csv" || limit > 0)
	if p != nil {
		return p
	}
	defer s.passes.end()
	words := expr.Select(a)
	switch form {
	case "text/csv":
		s.streamMembers(c, &a.standing, func(m kopilka.MemberNo, _ *index.Standing) bool { return words[m/64]>>(m%64)&1 != 0 })
		return nil
	case "application/vnd.roaring":
		return s.sendSet(c, &a.standing, words)
	}
	c.param = expr.String() // so that a cursor of another expression is not one of this
	return s.queryPage(c, a, words, limit, cursor)
}

// pageMax bounds a page of members.
const pageMax = 1000

// queryPage counts who was selected and, with a limit, shows some in order of
// enrolment, as segmentPage does.
func (s *Server) queryPage(c *call, a *population, words []uint64, limit int, cursor string) *problem {
	from := kopilka.MemberNo(0)
	if cursor != "" {
		last, p := c.unmark(cursor)
		if p != nil {
			return p
		}
		m, ok := s.ids.No(string(last))
		if !ok {
			return notOfThisList()
		}
		from = m + 1
	}
	count := 0
	for _, w := range words {
		count += bits.OnesCount64(w)
	}
	e := &c.out
	e.ObjStart()
	intField(e, "count", int64(count))
	strField(e, "as_of", a.Day.String())
	intField(e, "seq", int64(a.seq))
	strField(e, "expr", c.param)
	if limit > 0 {
		var page []ranked
		more := false
		for no := range eachBit(words, from) {
			if more = len(page) == limit; more {
				break
			}
			at, _ := a.table.Standing(no)
			page = append(page, ranked{no, at})
		}
		s.pageFields(c, &a.standing, page, more)
	}
	e.ObjEnd()
	return c.reply(fasthttp.StatusOK)
}

// population is the members at one position of the log, as an expression asks about
// them. What was bought and where, and what follows from it, is exact at the position. What
// else the books and the profiles say is read while members are selected, a few
// thousand under one hold of a lock, so that no till waits: what was done meanwhile
// may be seen.
type population struct {
	standing
	s       *Server
	members int
	sums    map[index.Period]index.Sums
	places  map[place][]uint32 // live receipts by member
	aliases map[kopilka.MemberNo]kopilka.MemberNo
}

// population reads an expression and what it needs of the purchases; with shown, also
// where everybody stands. It begins a pass, which the caller ends.
func (s *Server) population(text string, shown bool) (*population, *query.Expr, *problem) {
	var rules *program.Program
	s.queue.View(func(b *engine.State) { rules = b.Program() })
	expr, p := readExpr(text, rules)
	if p != nil {
		return nil, nil, p
	}
	if personal(expr) && !s.hasLearned() {
		return nil, nil, problemOf(codeOverloaded, "the profiles are still being read, and the expression asks what is in them")
	}
	if p := s.passes.begin(); p != nil {
		return nil, nil, p
	}
	a := &population{s: s, sums: map[index.Period]index.Sums{}, places: map[place][]uint32{}}
	placed := slices.ContainsFunc(expr.Terms(), func(t *query.Term) bool { return isPlaced(t) })
	var history *index.History
	s.queue.View(func(b *engine.State) {
		x := b.Index()
		a.Day, a.seq, a.rules, a.members = x.Day(), b.Seq(), b.Program(), b.Members()
		history = x.AsOf(x.Day())
		if placed {
			a.aliases = b.Aliases()
		}
	})
	if a.rules != rules {
		if expr, p = readExpr(text, a.rules); p != nil {
			s.passes.end()
			return nil, nil, p
		}
	}
	if shown || slices.ContainsFunc(expr.Terms(), func(t *query.Term) bool { return standingOf(t.Field) != nil }) {
		if made, ok := s.passes.find(a.Day, a.seq, a.rules); ok && made.table != nil {
			a.standing = made // of the page before
		} else {
			a.table = history.Table()
			a.Summary = a.table.Summary
			s.passes.keep(a.standing)
		}
	}
	a.addUp(history, expr)
	if p := a.goPlaces(expr); p != nil {
		s.passes.end()
		return nil, nil, p
	}
	return a, expr, nil
}

// readExpr reads an expression by the names of a program.
func readExpr(text string, rules *program.Program) (*query.Expr, *problem) {
	var words query.Words
	for i := range rules.RFM.Segments.Names {
		words.Segments = append(words.Segments, rules.RFM.Segments.Names[i].ID)
	}
	for i := range rules.Tiers {
		words.Tiers = append(words.Tiers, rules.Tiers[i].ID)
	}
	expr, err := query.Parse(text, words)
	if err != nil {
		var f *query.Fault
		if !errors.As(err, &f) {
			panic("api: an expression is refused without a place: " + err.Error())
		}
		p := malformed("/expr", f.Error())
		p.number("column", int64(f.Column))
		return nil, p
	}
	return expr, nil
}

// personal tells whether an expression asks what only profiles know.
func personal(expr *query.Expr) bool {
	for _, t := range expr.Terms() {
		switch t.Field {
		case query.Sex, query.Age, query.Store, query.Source, query.Has, query.Attr:
			return true
		}
	}
	return false
}

// addUp folds the purchases of the periods that are asked for.
func (a *population) addUp(history *index.History, expr *query.Expr) {
	var periods []index.Period
	for _, t := range expr.Terms() {
		if t.Field != query.Purchases && t.Field != query.Spent {
			continue
		}
		p := a.period(t)
		if _, known := a.sums[p]; !known {
			a.sums[p] = index.Sums{}
			periods = append(periods, p)
		}
	}
	if len(periods) == 0 {
		return
	}
	for i, sums := range history.Sums(periods) {
		a.sums[periods[i]] = sums
	}
}

func (a *population) period(t *query.Term) index.Period {
	first, last := t.Period.On(a.Day)
	return index.Period{First: first, Last: last}
}

// Members is how many there were at the position.
func (a *population) Members() int { return a.members }

// Present leaves out numbers that are nobody's any more.
func (a *population) Present(block int, to *query.Bits) {
	var all query.Bits
	for i := range min(query.BlockLen, a.members-block*query.BlockLen) {
		all.Set(i)
	}
	a.books(block, &all, func(b *engine.State, i int, m kopilka.MemberNo) {
		if !b.Gone(m) {
			to.Set(i)
		}
	})
}

// Column gives what a term is about.
func (a *population) Column(t *query.Term, block int, among *query.Bits, to []int64) {
	from := block * query.BlockLen
	people, first := a.s.facets, kopilka.MemberNo(from)
	if of := standingOf(t.Field); of != nil {
		among.Each(func(i int) {
			at, _ := a.table.Standing(kopilka.MemberNo(from + i))
			to[i] = of(&at)
		})
		return
	}
	switch t.Field {
	case query.Purchases:
		sums := a.sums[a.period(t)]
		among.Each(func(i int) { to[i] = int64(sums.Receipts[from+i]) })
	case query.Spent:
		sums := a.sums[a.period(t)]
		among.Each(func(i int) { to[i] = int64(sums.Amount[from+i]) })
	case query.BoughtAt, query.BoughtIn:
		receipts := a.places[a.placeOf(t)]
		among.Each(func(i int) { to[i] = int64(min(1, receipts[from+i])) })
	case query.Tier:
		a.books(block, among, func(b *engine.State, i int, m kopilka.MemberNo) { to[i] = int64(b.Tier(m)) })
	case query.Balance:
		a.books(block, among, func(b *engine.State, i int, m kopilka.MemberNo) { to[i] = int64(b.Spendable(m, a.s.queue.Now())) })
	case query.Contacted:
		a.books(block, among, func(b *engine.State, i int, m kopilka.MemberNo) { to[i] = daysSince(b.Contacted(m), a.Day) })
	case query.Age:
		people.Ages(a.Day, first, to)
	case query.Sex:
		people.Sex(t.Text, first, to)
	case query.Store:
		people.Store(t.Text, first, to)
	case query.Source:
		people.Source(t.Text, first, to)
	case query.Attr:
		people.Attribute(t.Text, t.Is, first, to)
	case query.Has:
		switch t.Text {
		case "phone":
			people.HasPhone(first, to)
		case "birth_date":
			people.HasBirthDate(first, to)
		default:
			people.HasConsent(first, to)
		}
	default:
		of := a.factOf(t)
		a.books(block, among, func(b *engine.State, i int, m kopilka.MemberNo) { f := b.Fact(m); to[i] = of(&f) })
	}
}

// standingOf reads a field from where a member stands; nil when it is none of these.
func standingOf(f query.Field) func(*index.Standing) int64 {
	switch f {
	case query.Segment:
		return func(at *index.Standing) int64 { return int64(at.Segment) }
	case query.R:
		return func(at *index.Standing) int64 { return int64(at.R) }
	case query.F:
		return func(at *index.Standing) int64 { return int64(at.F) }
	case query.M:
		return func(at *index.Standing) int64 { return int64(at.M) }
	case query.Recency:
		return func(at *index.Standing) int64 { return int64(at.RecencyDays) }
	case query.Frequency:
		return func(at *index.Standing) int64 { return int64(at.Frequency) }
	case query.Monetary:
		return func(at *index.Standing) int64 { return int64(at.Monetary) }
	}
	return nil
}

// daysSince is how long ago a day was that is 0 for never; -1 then.
func daysSince(last, day kopilka.Day) int64 {
	if last == 0 {
		return -1
	}
	return max(0, int64(day)-int64(last)) // the day may have turned meanwhile
}

// factOf reads what a term is about from what the books say of a member.
func (a *population) factOf(t *query.Term) func(*engine.Fact) int64 {
	is := func(b bool) int64 {
		if b {
			return 1
		}
		return 0
	}
	switch t.Field {
	case query.Registered:
		return func(f *engine.Fact) int64 { return int64(a.Day) - int64(f.Registered) }
	case query.State:
		return func(f *engine.Fact) int64 { return is(f.State.String() == t.Text) }
	case query.Blocked:
		return func(f *engine.Fact) int64 { return is(f.Blocked) }
	case query.Referred:
		return func(f *engine.Fact) int64 { return is(f.Referred) }
	}
	panic("api: nobody knows the " + t.Field.String() + " of a member")
}

// factsMax bounds the members who are read under one hold of the lock.
const factsMax = 8192

// books calls f for those members of a block whose bits are set.
func (a *population) books(block int, among *query.Bits, f func(b *engine.State, i int, m kopilka.MemberNo)) {
	first := kopilka.MemberNo(block * query.BlockLen)
	for from := 0; from < query.BlockLen; from += factsMax {
		some := among[from/64 : (from+factsMax)/64]
		if !slices.ContainsFunc(some, func(w uint64) bool { return w != 0 }) {
			continue
		}
		a.s.queue.View(func(b *engine.State) {
			for at := range eachBit(some, 0) {
				i := from + int(at)
				f(b, i, first+kopilka.MemberNo(i))
			}
		})
	}
}
