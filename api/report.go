package api

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/go-faster/jx"
	"github.com/kopilka/kopilka"
	"github.com/kopilka/kopilka/commit"
	"github.com/kopilka/kopilka/engine"
	"github.com/kopilka/kopilka/index"
	"github.com/kopilka/kopilka/report"
	"github.com/valyala/fasthttp"
)

// reports are the folds over the log by name. What the books alone can tell,
// liability, is no fold.
var reports = map[string]func(*reporting) (report.Fold, *problem){
	"program":      folded(report.Program),
	"staff":        folded(report.Staff),
	"stores":       folded(report.Stores),
	"cards":        folded(report.Cards),
	"ratings":      folded(report.Ratings),
	"sources":      folded(report.Sources),
	"flags":        folded(report.Flags),
	"service":      folded(report.Service),
	"categories":   folded(report.Categories),
	"instruments":  (*reporting).instruments,
	"campaigns":    (*reporting).campaigns,
	"reactivation": (*reporting).reactivation,
	"effect":       (*reporting).effect,
}

const liabilityReport = "liability"

func folded(f func(*report.Setting) report.Fold) func(*reporting) (report.Fold, *problem) {
	return func(r *reporting) (report.Fold, *problem) { return f(&r.set), nil }
}

// reporting is one report while it is made.
type reporting struct {
	s   *Server
	c   *call
	set report.Setting
	seq kopilka.Seq // position up to which the log is read
}

// report answers GET /v1/reports/{name}. The log is read outside the books' lock,
// and few reports at once.
func (s *Server) report(c *call) *problem {
	known := []string{"from", "to", "table"}
	begin := reports[c.param]
	switch {
	case c.param == liabilityReport:
		known = known[2:]
	case c.param == "reactivation":
		known = append(known, "t0")
	case c.param == "effect":
		known = append(known, "audience", "mailing", "segment")
	case begin == nil:
		return problemOf(codeNotFound, "the reports are "+strings.Join(slices.Sorted(maps.Keys(reports)), ", ")+", "+liabilityReport)
	}
	if p := c.reads(known...); p != nil {
		return p
	}
	form, p := c.form("application/json", "text/csv")
	if p != nil {
		return p
	}
	if p := s.passes.begin(); p != nil {
		return p
	}
	defer s.passes.end()
	r := &reporting{s: s, c: c}
	var v report.Report
	if begin == nil {
		if v, p = r.liability(); p != nil {
			return p
		}
	} else {
		if p := r.period(); p != nil {
			return p
		}
		fold, p := begin(r)
		if p != nil {
			return p
		}
		if v, p = r.fold(fold); p != nil {
			return p
		}
	}
	t, p := r.table(&v)
	if p != nil {
		return p
	}
	if form == "text/csv" {
		r.csv(t)
		return nil
	}
	r.json(&v)
	return c.reply(fasthttp.StatusOK)
}

// period reads from and to, which are the current month so far when absent, and
// takes what the fold has to know from the books.
func (r *reporting) period() *problem {
	var today kopilka.Day
	r.s.queue.View(func(b *engine.State) {
		today, r.seq = b.Day(), b.Seq()
		for _, v := range b.Versions() {
			r.set.Versions = append(r.set.Versions, report.Version{Time: v.Time, Program: v.Program})
		}
		for _, t := range b.Terms() {
			r.set.Terms = append(r.set.Terms, report.Term{ID: t.ID})
		}
		r.set.Aliases = b.Aliases()
	})
	to, given, p := r.c.day("to")
	if p != nil {
		return p
	}
	if !given {
		to = today
	}
	from, given, p := r.c.day("from")
	if p != nil {
		return p
	}
	if !given {
		year, month, _ := to.Date()
		from = kopilka.DayOfDate(year, month, 1)
	}
	if from > to {
		return malformed("", "from is after to")
	}
	r.set.From, r.set.To = from, to
	r.set.Calendar = r.s.queue.Calendar()
	r.set.Look = func(seq kopilka.Seq) (report.Record, error) {
		if r.s.stopped.Err() != nil {
			return report.Record{}, errStopping
		}
		record, err := r.s.queue.Record(seq)
		return report.Record{Seq: seq, Command: record.Command, Outcome: &record.Outcome}, err
	}
	r.set.Member = func(m kopilka.MemberNo) (id, card string) {
		r.s.queue.View(func(b *engine.State) { card = b.Card(m) })
		return r.s.ids.ID(m), card
	}
	return nil
}

// day reads a parameter that is a date; false when it is absent, which an empty one
// is not: who sends that has forgotten the day.
func (c *call) day(name string) (day kopilka.Day, given bool, p *problem) {
	if !c.ctx.QueryArgs().Has(name) {
		return 0, false, nil
	}
	day, err := kopilka.ParseDay(c.query(name))
	if err != nil {
		return 0, false, malformed("", name+": "+err.Error())
	}
	return day, true, nil
}

// fold reads the log through. Whatever happened on a day was recorded on it or
// later, so what was recorded from the first day of the period on holds all of it.
func (r *reporting) fold(fold report.Fold) (v report.Report, p *problem) {
	since, before, kinds := fold.Reads()
	start, err := r.s.queue.SeqSince(r.set.Calendar.Start(since))
	if err == nil && before != 0 {
		err = r.read(1, start-1, before, fold)
	}
	if err == nil {
		err = r.read(start, r.seq, kinds, fold)
	}
	if err == nil {
		v, err = fold.Report()
	}
	switch {
	case errors.Is(err, errStopping):
		return v, problemOf(codeOverloaded, "the server is shutting down")
	case err != nil:
		return v, r.s.failed(fmt.Errorf("report %s: %w", r.c.param, err))
	}
	return v, nil
}

var errStopping = errors.New("the server is shutting down")

// stopLook is how many records are read between two looks at whether the server stops.
const stopLook = 1 << 12

func (r *reporting) read(from, to kopilka.Seq, kinds kopilka.Kinds, fold report.Fold) error {
	n := 0
	var one report.Record
	return r.s.queue.Records(from, to, kinds, func(record *commit.Record) error {
		if n++; n%stopLook == 0 && r.s.stopped.Err() != nil {
			return errStopping
		}
		if record.Outcome.Time != 0 {
			one = report.Record{Seq: record.Seq, Command: record.Command, Outcome: &record.Outcome}
			fold.Add(&one)
		}
		return nil
	})
}

// instruments adds what is left of the emitted numbers, as the books know it.
func (r *reporting) instruments() (report.Fold, *problem) {
	var left []report.NumbersLeft
	err := r.s.queue.Copy(func(b *engine.State) {
		for _, n := range b.NumbersLeft() {
			left = append(left, report.NumbersLeft(n))
		}
	})
	if err != nil {
		return nil, r.s.failed(err)
	}
	return report.Instruments(&r.set, left), nil
}

// campaigns adds the budgets of those in the program in force, over all its versions.
func (r *reporting) campaigns() (report.Fold, *problem) {
	var budgets []report.CampaignBudget
	r.s.queue.View(func(b *engine.State) {
		used := map[string]int64{}
		for _, t := range b.Terms() {
			if t.Kind == engine.TermCampaign {
				used[t.ID] = t.Used
			}
		}
		p := b.Program()
		for i := range p.Campaigns {
			x := &p.Campaigns[i]
			budget := report.CampaignBudget{Campaign: x.ID, Budget: report.None, Left: report.None}
			if x.Budget > 0 {
				budget.Budget = int64(x.Budget)
				budget.Left = max(0, budget.Budget-used[x.ID])
			}
			budgets = append(budgets, budget)
		}
	})
	return report.Campaigns(&r.set, budgets), nil
}

// asleep are the segments of those who have stopped coming.
var asleep = []string{"sleeping", "lost"}

// reactivation finds who had stopped coming by the end of the day t0, the one
// before the period when it is absent.
func (r *reporting) reactivation() (report.Fold, *problem) {
	t0, given, p := r.c.day("t0")
	if p != nil {
		return nil, p
	}
	if !given {
		t0 = r.set.From - min(r.set.From, 1)
	}
	if t0 >= r.set.From {
		return nil, malformed("", "t0 is not before from")
	}
	var history *index.History
	names := map[string]uint8{}
	r.s.queue.View(func(b *engine.State) {
		if t0 > b.Day() {
			return
		}
		for i, n := range b.Program().RFM.Segments.Names {
			names[n.ID] = uint8(i)
		}
		history = b.Index().AsOf(t0)
	})
	if history == nil {
		return nil, malformed("", "t0, which is the day before from when it is absent, is a day that has not come")
	}
	table := history.Table()
	var cohorts []report.Cohort
	for _, id := range asleep {
		if n, ok := names[id]; ok {
			cohorts = append(cohorts, report.Cohort{Segment: id, Bits: table.Bits(n)})
		}
	}
	return report.Reactivation(&r.set, cohorts), nil
}

// liability is what is owed to members now, by the month it runs out and by tier. It
// is added up from a copy of the books, so that tills do not wait for it.
func (r *reporting) liability() (report.Report, *problem) {
	var owed engine.Liability
	var tiers []string
	now := r.s.queue.Now()
	err := r.s.queue.Copy(func(b *engine.State) {
		owed, r.seq, r.set.To = b.Liability(now), b.Seq(), b.Day()
		for _, t := range b.Program().Tiers {
			tiers = append(tiers, t.ID)
		}
	})
	if err != nil {
		return report.Report{}, r.s.failed(err)
	}
	t := report.Table{Name: "owed", Keys: []string{"month", "tier"}, Columns: []string{"members", "points"}}
	for _, o := range owed.Owed {
		t.Rows = append(t.Rows, report.Row{Keys: []string{o.Month.String(), tiers[o.Tier]}, Values: []int64{o.Members, int64(o.Points)}})
	}
	return report.Report{
		Figures: []report.Figure{{Name: "balance", Value: int64(owed.Balance)}, {Name: "pending", Value: int64(owed.Pending)},
			{Name: "held", Value: int64(owed.Held)}, {Name: "debt", Value: int64(owed.Debt)}},
		Tables: []report.Table{t},
	}, nil
}

// json writes the figures by name, and every table as a list of its rows.
func (r *reporting) json(v *report.Report) {
	e := &r.c.out
	e.ObjStart()
	strField(e, "report", r.c.param)
	if r.c.param == liabilityReport {
		strField(e, "as_of", r.set.To.String())
	} else {
		strField(e, "from", r.set.From.String())
		strField(e, "to", r.set.To.String())
	}
	intField(e, "seq", int64(r.seq))
	for _, f := range v.Figures {
		e.FieldStart(f.Name)
		valueShown(e, f.Value)
	}
	for i := range v.Tables {
		t := &v.Tables[i]
		e.FieldStart(t.Name)
		e.ArrStart()
		for _, row := range t.Rows {
			e.ObjStart()
			for k, name := range t.Keys {
				strField(e, name, row.Keys[k])
			}
			for k, name := range t.Columns {
				e.FieldStart(name)
				valueShown(e, row.Values[k])
			}
			e.ObjEnd()
		}
		e.ArrEnd()
	}
	e.ObjEnd()
}

func valueShown(e *jx.Encoder, n int64) {
	if n == report.None {
		e.Null()
	} else {
		e.Int64(n)
	}
}

// figuresTable is the name under which CSV has the figures that stand in no table.
const figuresTable = "figures"

// table finds the table that is asked for, or else the first there is.
func (r *reporting) table(v *report.Report) (*report.Table, *problem) {
	tables := v.Tables
	if len(v.Figures) > 0 {
		t := report.Table{Name: figuresTable, Keys: []string{"figure"}, Columns: []string{"value"}}
		for _, f := range v.Figures {
			t.Rows = append(t.Rows, report.Row{Keys: []string{f.Name}, Values: []int64{f.Value}})
		}
		tables = append([]report.Table{t}, tables...)
	}
	name := r.c.query("table")
	var known []string
	for i := range tables {
		if !r.c.ctx.QueryArgs().Has("table") || tables[i].Name == name {
			return &tables[i], nil
		}
		known = append(known, tables[i].Name)
	}
	return nil, malformed("", "the tables of this report are "+strings.Join(known, ", "))
}

// csv writes one table.
func (r *reporting) csv(t *report.Table) {
	h := &r.c.ctx.Response
	h.Header.SetContentType("text/csv; charset=utf-8")
	h.Header.Set("Kopilka-Seq", decimal(uint64(r.seq)))
	h.SetBodyRaw(appendTable(nil, t))
}

func appendTable(b []byte, t *report.Table) []byte {
	b = append(b, strings.Join(append(slices.Clone(t.Keys), t.Columns...), ",")...)
	b = append(b, '\n')
	for _, row := range t.Rows {
		for i, k := range row.Keys {
			if i > 0 {
				b = append(b, ',')
			}
			b = appendCSV(b, k)
		}
		for _, n := range row.Values {
			if b = append(b, ','); n != report.None {
				b = strconv.AppendInt(b, n, 10)
			}
		}
		b = append(b, '\n')
	}
	return b
}
