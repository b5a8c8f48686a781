package report

import (
	"fmt"
	"maps"
	"reflect"
	"slices"
	"sort"
	"strconv"
	"testing"

	"github.com/kopilka/kopilka"
)

// TestAgainstTwin makes every report over random periods of made-up logs, and
// counts every figure again by hand. Few look-ups wait for each other, so that there
// are several rounds of them.
func TestAgainstTwin(t *testing.T) {
	defer func(max int) { laterMax = max }(laterMax)
	for seed := range uint64(25) {
		y := newYear(seed)
		laterMax = 1 + y.IntN(30)
		for range 8 {
			set := y.set
			set.From = y.today - kopilka.Day(y.IntN(75))
			set.To = set.From + kopilka.Day(y.IntN(40))
			w := &twin{y: y, set: &set}
			addressed, held := w.drawn()
			mail := &Mailing{Seq: mailingA, Time: y.set.Calendar.Start(y.today - 70), Now: y.set.Calendar.Start(y.today) - kopilka.Time(y.IntN(30)*8*3_600_000),
				Channels: []kopilka.Channel{{Name: "push", Timeout: 1440, Cost: 3}, {Name: "sms", Timeout: 10_000, Cost: 250}}}
			if y.odds(50) {
				mail.Of = bitsOfPeople(filter(w.everybody(), func(int) bool { return y.odds(60) }))
			}
			for name, r := range map[string]struct {
				fold Fold
				want Report
			}{
				"program":     {Program(&set), w.program()},
				"staff":       {Staff(&set), w.staff()},
				"stores":      {Stores(&set), w.stores()},
				"cards":       {Cards(&set), w.cards()},
				"instruments": {Instruments(&set, []NumbersLeft{{"gift", 3, 400}}), w.instruments()},
				"campaigns":   {Campaigns(&set, []CampaignBudget{{"double", 900, 30}, {"new", None, None}}), w.campaigns()},
				"ratings":     {Ratings(&set), w.ratings()},
				"sources":     {Sources(&set), w.sources()},
				"flags":       {Flags(&set), w.flags()},
				"service":     {Service(&set), w.service()},
				"categories":  {Categories(&set), w.categories()},
				"effect":      {Effect(&set, drawnAs("addressed", addressed), drawnAs("held_out", held)), w.effect(addressed, held)},
				"mailing": {EffectOfMailing(&set, drawnAs("addressed", addressed), drawnAs("held_out", held), mail),
					w.effectOfMailing(addressed, held, mail)},
			} {
				got := y.report(t, &set, r.fold)
				if err := same(&got, &r.want); err != nil {
					t.Fatalf("seed %d, %s of %s to %s: %v", seed, name, set.From, set.To, err)
				}
			}
		}
	}
}

// report gives a fold the records that it asks for, each in memory that is used
// for the next one too: what it keeps of them is overwritten.
func (y *year) report(t *testing.T, set *Setting, f Fold) Report {
	t.Helper()
	since, before, kinds := f.Reads()
	var d kopilka.Decoder
	var out kopilka.Outcome
	var memory []byte
	for _, r := range y.records {
		wanted := kinds
		if r.day < since {
			wanted = before
		}
		if !wanted.Has(kopilka.Kind(r.command[0])) {
			continue
		}
		for i := range memory {
			memory[i] = '!'
		}
		memory = append(memory[:0], r.command...)
		c, _, err := d.Next(memory)
		if err == nil {
			err = out.Read(r.outcome)
		}
		if err != nil {
			t.Fatal(err)
		}
		f.Add(&Record{r.seq, c, &out})
	}
	for i := range memory {
		memory[i] = '!'
	}
	v, err := f.Report()
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// same tells the first difference. Tables of the twin are unordered but where it
// says how they are.
func same(got, want *Report) error {
	if !reflect.DeepEqual(got.Figures, want.Figures) {
		return fmt.Errorf("figures\n%v\nwant\n%v", got.Figures, want.Figures)
	}
	if len(got.Tables) != len(want.Tables) {
		return fmt.Errorf("%d tables; want %d", len(got.Tables), len(want.Tables))
	}
	for i := range got.Tables {
		g, w := got.Tables[i], want.Tables[i]
		if g.Name != w.Name || len(g.Rows) != len(w.Rows) {
			return fmt.Errorf("table %s\n%v\nwant %s\n%v", g.Name, g.Rows, w.Name, w.Rows)
		}
		for k := range g.Rows {
			if !slices.Equal(g.Rows[k].Keys, w.Rows[k].Keys) || !slices.Equal(g.Rows[k].Values, w.Rows[k].Values) {
				return fmt.Errorf("row %d of table %s\n%v\nwant\n%v", k, g.Name, g.Rows[k], w.Rows[k])
			}
			if len(g.Keys) != len(g.Rows[k].Keys) || len(g.Columns) != len(g.Rows[k].Values) {
				return fmt.Errorf("table %s: %v and %v over %v", g.Name, g.Keys, g.Columns, g.Rows[k])
			}
		}
	}
	return nil
}

// twin counts by hand: for every figure it goes over everything that happened.
type twin struct {
	y   *year
	set *Setting
}

// happened are the events of some kinds that belong to the period.
func (w *twin) happened(kinds ...string) (all []*event) {
	for i := range w.y.events {
		if e := &w.y.events[i]; slices.Contains(kinds, e.kind) && w.set.From <= e.day && e.day <= w.set.To {
			all = append(all, e)
		}
	}
	return all
}

func sum[T any](all []T, f func(T) int64) (n int64) {
	for _, x := range all {
		n += f(x)
	}
	return n
}

func number[T any](all []T, is func(T) bool) int64 {
	return sum(all, func(x T) int64 {
		if is(x) {
			return 1
		}
		return 0
	})
}

// different counts the different answers, -1 left out.
func different[T any](all []T, f func(T) int) int64 {
	seen := map[int]bool{}
	for _, x := range all {
		if n := f(x); n >= 0 {
			seen[n] = true
		}
	}
	return int64(len(seen))
}

// grouped parts events by words, and gives the words in their order.
func grouped[T any](all []T, by func(T) []string) (keys [][]string, groups [][]T) {
	at := map[string]int{}
	for _, x := range all {
		k := by(x)
		i, ok := at[fmt.Sprint(k)]
		if !ok {
			i = len(keys)
			at[fmt.Sprint(k)] = i
			keys, groups = append(keys, k), append(groups, nil)
		}
		groups[i] = append(groups[i], x)
	}
	sort.Sort(&rows[T]{keys, groups})
	return keys, groups
}

type rows[T any] struct {
	keys   [][]string
	groups [][]T
}

func (r *rows[T]) Len() int           { return len(r.keys) }
func (r *rows[T]) Less(i, j int) bool { return slices.Compare(r.keys[i], r.keys[j]) < 0 }
func (r *rows[T]) Swap(i, j int) {
	r.keys[i], r.keys[j] = r.keys[j], r.keys[i]
	r.groups[i], r.groups[j] = r.groups[j], r.groups[i]
}

func table[T any](name string, all []T, by func(T) []string, row func([]T) []int64) Table {
	t := Table{Name: name}
	keys, groups := grouped(all, by)
	for i := range keys {
		t.Rows = append(t.Rows, Row{keys[i], row(groups[i])})
	}
	return t
}

func over(part, whole int64) int64 {
	if whole == 0 {
		return None
	}
	return part / whole
}

func (w *twin) person(e *event) int { return w.y.resolve(e.member) }

func net(e *event) int64 {
	if e.kind == "return" {
		return -e.amount
	}
	return e.amount
}

func isMember(e *event) bool    { return e.member >= 0 }
func isAnonymous(e *event) bool { return e.member < 0 }
func amount(e *event) int64     { return e.amount }

func filter[T any](all []T, is func(T) bool) (some []T) {
	for _, x := range all {
		if is(x) {
			some = append(some, x)
		}
	}
	return some
}

// contacts are the members by the end of the period.
func (w *twin) contacts() (all []int) {
	for m, p := range w.y.people {
		if p.into < 0 && !p.erased && w.since(m) <= w.set.To {
			all = append(all, m)
		}
	}
	return all
}

func (w *twin) invitedBy(m int) int { return w.y.resolve(w.y.people[m].referrer) }

func (w *twin) invitations(m int) int64 {
	n := int64(0)
	for ; w.invitedBy(m) >= 0; m = w.invitedBy(m) {
		n++
	}
	return n
}

// since is when the first part of a member was registered.
func (w *twin) since(m int) kopilka.Day {
	first := w.y.people[m].registered
	for i, p := range w.y.people {
		if w.y.resolve(i) == m {
			first = min(first, p.registered)
		}
	}
	return first
}

func (w *twin) program() Report {
	sales, returns, deals := w.happened("sale"), w.happened("return"), w.happened("sale", "return")
	contacts := w.contacts()
	now := func(m int) bool { return w.since(m) >= w.set.From }
	imported := func(m int) bool { return w.y.people[m].imported }
	friend := func(m int) bool { return w.invitedBy(m) >= 0 }
	live := filter(sales, func(e *event) bool { return e.amount > 0 })
	bought := func(m int) bool {
		return slices.ContainsFunc(live, func(e *event) bool { return w.person(e) == m && e.member >= 0 })
	}
	mine, others := filter(live, isMember), filter(live, isAnonymous)
	buyers := different(mine, w.person)
	ofMembers := sum(filter(deals, isMember), net)
	spent := sum(w.happened("sale", "return", "spend"), func(e *event) int64 { return e.spent })
	named := filter(sales, func(e *event) bool { return e.member >= 0 && !e.imported })
	var naming []int64
	for by := kopilka.ByCard; by <= kopilka.ByMemberID; by++ {
		naming = append(naming, number(named, func(e *event) bool { return e.by == by }))
	}
	naming = append(naming, number(named, func(e *event) bool { return e.by == kopilka.ByNobody }))
	parts := shares(naming)
	depth := int64(0)
	for _, m := range contacts {
		depth = max(depth, w.invitations(m))
	}
	var v Report
	v.figure("contacts", int64(len(contacts)))
	v.figure("contacts_imported", number(contacts, imported))
	v.figure("enrolled", number(contacts, func(m int) bool { return now(m) && !imported(m) }))
	v.figure("imported", number(contacts, func(m int) bool { return now(m) && imported(m) }))
	v.figure("buyers", buyers)
	v.figure("buyers_share_bp", over(10_000*number(contacts, bought), int64(len(contacts))))
	v.figure("purchases", int64(len(mine)))
	v.figure("purchases_per_buyer_x100", over(100*int64(len(mine)), buyers))
	byPhone := parts[1]
	if len(named) == 0 {
		byPhone = None
	}
	v.figure("found_by_phone_share_bp", byPhone)
	v.figure("turnover", sum(deals, net))
	v.figure("sold", sum(sales, amount))
	v.figure("returned", sum(returns, amount))
	v.figure("turnover_members", ofMembers)
	v.figure("turnover_anonymous", sum(filter(deals, isAnonymous), net))
	v.figure("receipts_members", int64(len(mine)))
	v.figure("receipts_anonymous", int64(len(others)))
	v.figure("average_receipt_members", over(sum(mine, amount), int64(len(mine))))
	v.figure("average_receipt_anonymous", over(sum(others, amount), int64(len(others))))
	v.figure("points_earned", sum(w.happened("sale", "return"), func(e *event) int64 { return e.earned }))
	v.figure("points_spent", spent)
	v.figure("discount_bp", over(10_000*spent, max(ofMembers, 0)))
	v.figure("referred", number(contacts, func(m int) bool { return friend(m) && now(m) }))
	v.figure("referred_ever", number(contacts, friend))
	v.figure("referred_buyers", number(contacts, func(m int) bool { return friend(m) && bought(m) }))
	v.figure("referral_depth", depth)
	w.stars(&v)
	certs := filter(w.y.certs, func(k *cert) bool { return w.set.In(k.day) })
	v.figure("certificates_issued", int64(len(certs)))
	v.figure("certificates_issued_value", sum(certs, func(k *cert) int64 { return k.points }))
	withCert := func(e *event) int64 {
		return sum(e.uses, func(x used) int64 {
			if x.cert == nil {
				return 0
			}
			return x.value
		})
	}
	paid := filter(sales, func(e *event) bool { return withCert(e) > 0 })
	v.figure("certificates_used", sum(paid, withCert))
	v.figure("certificate_receipts", int64(len(paid)))
	v.figure("certificate_turnover", sum(paid, amount))

	by := Table{Name: "naming"}
	for i, n := range naming {
		by.Rows = append(by.Rows, Row{[]string{[]string{"card", "phone", "code", "member_id", "hold"}[i]}, []int64{n, parts[i]}})
	}
	v.Tables = []Table{by,
		w.parted("sources", deals, func(e *event) []string {
			return []string{"members", w.y.people[w.person(e)].source}
		}, []string{"anonymous", ""}, nil),
		w.parted("referral", deals, func(e *event) []string {
			if friend(w.person(e)) {
				return []string{"referred"}
			}
			return []string{"others"}
		}, []string{"anonymous"}, []string{"others", "referred"})}
	return v
}

// parted is turnover by groups of members, and the anonymous behind them.
func (w *twin) parted(name string, deals []*event, by func(*event) []string, last, always []string) Table {
	row := func(all []*event) []int64 {
		live := filter(all, func(e *event) bool { return e.kind == "sale" && e.amount > 0 })
		return []int64{different(live, w.person), sum(all, net), 0}
	}
	// Members whose deals come to nothing are no row.
	moved := filter(filter(deals, isMember), func(e *event) bool {
		his := filter(deals, func(d *event) bool { return d.member >= 0 && w.person(d) == w.person(e) })
		return always != nil || sum(his, net) != 0 || row(his)[0] > 0
	})
	t := table(name, moved, by, row)
	for _, word := range always {
		if !slices.ContainsFunc(t.Rows, func(r Row) bool { return r.Keys[0] == word }) {
			t.Rows = append(t.Rows, Row{[]string{word}, []int64{0, 0, 0}})
		}
	}
	slices.SortFunc(t.Rows, func(a, b Row) int { return slices.Compare(a.Keys, b.Keys) })
	t.Rows = append(t.Rows, Row{last, []int64{None, sum(filter(deals, isAnonymous), net), 0}})
	var parts []int64
	for _, r := range t.Rows {
		parts = append(parts, r.Values[1])
	}
	for i, share := range shares(parts) {
		t.Rows[i].Values[2] = share
	}
	return t
}

// rated are the newest ratings of the period, one a receipt.
func (w *twin) rated() []*event {
	newest := map[kopilka.Seq]*event{}
	for _, e := range w.happened("rating") {
		newest[e.sale.seq] = e
	}
	return slices.Collect(maps.Values(newest))
}

func stars100(all []*event) []int64 {
	n := int64(len(all))
	return []int64{n, over(100*sum(all, func(e *event) int64 { return int64(e.stars) }), n), number(all, func(e *event) bool { return e.words })}
}

func (w *twin) stars(v *Report) {
	row := stars100(w.rated())
	v.figure("ratings", row[0])
	v.figure("average_stars_x100", row[1])
	v.figure("reviews", row[2])
}

func (w *twin) ratings() Report {
	var v Report
	w.stars(&v)
	rated := w.rated()
	var by []int64
	for stars := 1; stars <= 5; stars++ {
		by = append(by, number(rated, func(e *event) bool { return e.stars == stars }))
	}
	t := Table{Name: "stars"}
	for i, share := range shares(by) {
		t.Rows = append(t.Rows, Row{[]string{strconv.Itoa(i + 1)}, []int64{by[i], share}})
	}
	v.Tables = []Table{t,
		table("stores", rated, func(e *event) []string { return []string{e.sale.event.store} }, stars100),
		table("cashiers", rated, func(e *event) []string { return []string{e.sale.event.store, e.sale.event.cashier} }, stars100)}
	return v
}

func (w *twin) categories() Report {
	type moved struct {
		event *event
		goods
	}
	var all []moved
	for _, e := range w.happened("sale", "return") {
		for _, g := range e.goods {
			if g.amount > 0 {
				all = append(all, moved{e, g})
			}
		}
	}
	amount := func(m moved) int64 { return m.amount }
	t := table("categories", all, func(m moved) []string { return []string{m.category} }, func(all []moved) []int64 {
		sold := filter(all, func(m moved) bool { return m.event.kind == "sale" })
		back := filter(all, func(m moved) bool { return m.event.kind == "return" })
		receipts := map[*event]bool{}
		for _, m := range sold {
			receipts[m.event] = true
		}
		buyers := different(sold, func(m moved) int { return w.person(m.event) })
		return []int64{int64(len(receipts)), buyers, sum(sold, amount), sum(back, amount), sum(sold, amount) - sum(back, amount), 0}
	})
	var parts []int64
	for _, r := range t.Rows {
		parts = append(parts, r.Values[4])
	}
	for i, share := range shares(parts) {
		t.Rows[i].Values[5] = share
	}
	return Report{Tables: []Table{t}}
}

func (w *twin) stores() Report {
	share := func(all []*event) (n, known, bp int64) {
		sales := filter(all, func(e *event) bool { return e.kind == "sale" })
		n, known = int64(len(sales)), number(sales, isMember)
		return n, known, over(10_000*known, n)
	}
	sold := func(all []*event) int64 {
		return sum(filter(all, func(e *event) bool { return e.kind == "sale" }), amount)
	}
	return Report{Tables: []Table{
		table("stores", w.happened("sale", "return", "spend"), func(e *event) []string { return []string{e.store} }, func(all []*event) []int64 {
			n, known, bp := share(all)
			deals := filter(all, func(e *event) bool { return e.kind != "spend" })
			return []int64{n, known, bp, sum(deals, net), sum(filter(deals, isMember), net), sold(all), sold(all) - sum(deals, net),
				sum(all, func(e *event) int64 { return e.earned }), sum(all, func(e *event) int64 { return e.spent })}
		}),
		table("cashiers", w.happened("sale"), func(e *event) []string { return []string{e.store, e.cashier} }, func(all []*event) []int64 {
			n, known, bp := share(all)
			return []int64{n, known, bp, sold(all)}
		}),
	}}
}

func (w *twin) service() Report {
	return Report{Tables: []Table{table("stores", w.happened("sale"), func(e *event) []string { return []string{e.store} }, func(all []*event) []int64 {
		timed := filter(all, func(e *event) bool { return e.took >= 0 })
		longest := int64(None)
		for _, e := range timed {
			longest = max(longest, e.took/1000)
		}
		return []int64{int64(len(all)), number(all, isMember), int64(len(timed)),
			over(sum(timed, func(e *event) int64 { return e.took }), 1000*int64(len(timed))), longest}
	})}}
}

func (w *twin) cards() Report {
	var all []*event
	for i := range w.y.events {
		if e := &w.y.events[i]; (e.kind == "enrol" || e.kind == "card") && e.day <= w.set.To {
			all = append(all, e)
		}
	}
	now := func(e *event) bool { return e.day >= w.set.From }
	return Report{Tables: []Table{
		table("carriers", all, func(e *event) []string { return []string{e.carrier} }, func(all []*event) []int64 {
			return []int64{int64(len(all)), number(all, now)}
		}),
		table("months", filter(all, now), func(e *event) []string {
			year, month, _ := e.day.Date()
			return []string{fmt.Sprintf("%04d-%02d", year, month), e.carrier}
		}, func(all []*event) []int64 { return []int64{int64(len(all))} }),
	}}
}

func (w *twin) sources() Report {
	deals := w.happened("sale", "return")
	type origin struct {
		source string
		values [4]int64
	}
	var all []origin
	contacts := w.contacts()
	for m, p := range w.y.people {
		his := filter(deals, func(e *event) bool { return e.member >= 0 && w.person(e) == m })
		o := origin{source: p.source}
		if slices.Contains(contacts, m) {
			o.values[0] = 1
			if w.since(m) >= w.set.From && !p.imported {
				o.values[1] = 1
			}
		}
		if number(his, func(e *event) bool { return e.kind == "sale" && e.amount > 0 }) > 0 {
			o.values[2] = 1
		}
		if o.values[3] = sum(his, net); o.values != [4]int64{} {
			all = append(all, o)
		}
	}
	return Report{Tables: []Table{
		table("members", all, func(o origin) []string { return []string{o.source} }, func(all []origin) []int64 {
			values := make([]int64, 4)
			for i := range values {
				values[i] = sum(all, func(o origin) int64 { return o.values[i] })
			}
			return values
		}),
		table("receipts", deals, func(e *event) []string {
			if e.sale != nil {
				e = e.sale.event
			}
			return []string{e.source}
		}, func(all []*event) []int64 {
			return []int64{number(all, func(e *event) bool { return e.kind == "sale" }), sum(all, net)}
		}),
	}}
}
