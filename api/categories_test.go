package api

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/kopilka/kopilka"
	"github.com/kopilka/kopilka/engine"
)

// naiveSale is a receipt as the twin remembers it.
type naiveSale struct {
	id    string
	owner string // who the buyer was then
	day   int
	lines []naiveLine
}

type naiveLine struct {
	category string
	left     int
	told     bool // false: of a receipt without lines
}

// naiveShop is what was bought, kept as a list.
type naiveShop struct {
	sales []*naiveSale
	into  map[string]string
}

func (n *naiveShop) who(card string) string {
	for n.into[card] != "" {
		card = n.into[card]
	}
	return card
}

// categories adds up by hand what a card's member has, as the answer writes it.
func (n *naiveShop) categories(card string, from, to int) string {
	var rows []string
	for _, name := range []string{"", "caps", "shoes", "socks, warm"} {
		receipts, lines, amount, last := 0, 0, 0, 0
		for _, x := range n.sales {
			if n.who(x.owner) != n.who(card) || x.day < from || x.day > to {
				continue
			}
			has := 0
			for _, l := range x.lines {
				if l.category == name && l.left > 0 {
					has, amount = 1, amount+l.left
					if l.told {
						lines++
					}
				}
			}
			receipts += has
			if has == 1 {
				last = max(last, x.day)
			}
		}
		if receipts == 0 {
			continue
		}
		word := fmt.Sprintf("%q", name)
		if name == "" {
			word = "null"
		}
		rows = append(rows, fmt.Sprintf(`{"category":%s,"receipts":%d,"lines":%d,"amount":%d,"last_bought":%q}`, word, receipts, lines, amount, dayAfter(last)))
	}
	return "[" + strings.Join(rows, ",") + "]"
}

func dayAfter(n int) kopilka.Day {
	return kopilka.DayOfDate(2026, time.March, 2) + kopilka.Day(n)
}

// TestCategoriesAgainstTwin asks what everybody has bought, and who has bought what,
// after days of sales, returns, merges and merges undone, and counts both by hand.
func TestCategoriesAgainstTwin(t *testing.T) {
	for seed := range uint64(3) {
		rnd := rand.New(rand.NewPCG(seed, 77))
		s := open(t)
		var cards, merges []string
		for i := range 12 {
			cards = append(cards, fmt.Sprintf("c%02d", i))
			s.enrol(cards[i])
		}
		n := naiveShop{into: map[string]string{}}
		merged := map[string]string{} // who a merge made part of another
		for day := range 25 {
			s.clock(testStart.Add(time.Duration(day) * 24 * time.Hour))
			for step := range 8 {
				id := fmt.Sprintf("x%d-%d", day, step)
				card := cards[rnd.IntN(len(cards))]
				switch r := rnd.IntN(10); {
				case r < 5:
					n.sells(s, rnd, id, card, day)
				case r < 8 && len(n.sales) > 0:
					n.takesBack(s, rnd, id)
				case r == 8:
					from := cards[rnd.IntN(len(cards))]
					body := fmt.Sprintf(`{"id":%q,"from":%q,"reason":"one person","actor":"zoe"}`, id, from)
					if s.as("admin", "POST", "/v1/members/"+card+"/merge", body).status == 201 {
						merges = append(merges, id)
						merged[id] = n.who(from)
						n.into[n.who(from)] = n.who(card)
					}
				case len(merges) > 0:
					m := merges[rnd.IntN(len(merges))]
					if s.as("admin", "POST", "/v1/merges/"+m+"/undo", fmt.Sprintf(`{"id":%q,"reason":"two","actor":"zoe"}`, id)).status == 201 {
						delete(n.into, merged[m])
					}
				}
			}
			n.compare(s, rnd, cards, day)
		}
	}
}

func (n *naiveShop) sells(s *shop, rnd *rand.Rand, id, card string, day int) {
	x := &naiveSale{id: id, owner: n.who(card), day: max(0, day-rnd.IntN(3)*rnd.IntN(2))}
	amount := 0
	var lines []string
	for range rnd.IntN(4) {
		l := naiveLine{[]string{"", "caps", "shoes", "socks, warm"}[rnd.IntN(4)], rnd.IntN(3) * 100, true}
		lines = append(lines, fmt.Sprintf(`{"category":%q,"amount":%d}`, l.category, l.left))
		if l.category == "" {
			lines[len(lines)-1] = fmt.Sprintf(`{"amount":%d}`, l.left)
		}
		amount += l.left
		x.lines = append(x.lines, l)
	}
	more := fmt.Sprintf(`,"lines":[%s]`, strings.Join(lines, ","))
	if len(lines) == 0 {
		amount = 100 * rnd.IntN(3)
		x.lines = []naiveLine{{left: amount}}
		more = ""
	}
	s.post("/v1/receipts", fmt.Sprintf(`{"id":%q,"card":%q,"amount":%d,"occurred_at":%q%s}`, id, card, amount,
		kopilka.TimeOf(testStart.Add(time.Duration(x.day)*24*time.Hour)), more)).is(201)
	n.sales = append(n.sales, x)
}

// takesBack has a line come back, or a part of one, or the whole receipt.
func (n *naiveShop) takesBack(s *shop, rnd *rand.Rand, id string) {
	x := n.sales[rnd.IntN(len(n.sales))]
	i := rnd.IntN(len(x.lines))
	if l := &x.lines[i]; l.told && rnd.IntN(4) > 0 {
		back := min(l.left, 50*(1+rnd.IntN(4)))
		if s.post("/v1/receipts/"+x.id+"/returns", fmt.Sprintf(`{"id":%q,"lines":[{"line":%d,"amount":%d}]}`, id, i+1, back)).status == 201 {
			l.left -= back
		}
		return
	}
	if s.post("/v1/receipts/"+x.id+"/returns", fmt.Sprintf(`{"id":%q}`, id)).status == 201 {
		for i := range x.lines {
			x.lines[i].left = 0
		}
	}
}

func (n *naiveShop) compare(s *shop, rnd *rand.Rand, cards []string, day int) {
	s.t.Helper()
	from, to := rnd.IntN(day+1), day
	if rnd.IntN(2) == 0 {
		to = from + rnd.IntN(day-from+1)
	}
	for _, card := range cards {
		r := s.as("till", "GET", fmt.Sprintf("/v1/members/%s/categories?from=%s&to=%s", card, dayAfter(from), dayAfter(to)), "").is(200)
		got, _, _ := strings.Cut(strings.TrimPrefix(r.text, `{"data":`), `,"seq":`)
		if want := n.categories(card, from, to); got != want {
			s.t.Fatalf("day %d: %s has from day %d to %d\n%s\nwant\n%s", day, card, from, to, got, want)
		}
	}
	for _, name := range []string{"caps", "shoes", "socks, warm"} {
		var who []string
		for _, card := range cards {
			if n.who(card) == card && strings.Contains(n.categories(card, from, to), `"`+name+`"`) {
				who = append(who, card)
			}
		}
		s.means(fmt.Sprintf(`bought_in:"%s",%s..%s`, name, dayAfter(from), dayAfter(to)), who...)
	}
}

// TestCategoriesBound reads as many entries as it may, and no more.
func TestCategoriesBound(t *testing.T) {
	s := open(t)
	s.enrol("anna")
	for range 4 {
		s.sell("anna", 100)
	}
	s.clock(testStart.Add(24 * time.Hour))
	s.sell("anna", 100)
	var row engine.Member
	var seq kopilka.Seq
	var today kopilka.Day
	s.queue.View(func(b *engine.State) {
		no, _ := b.ByCard("anna")
		row, seq, today = b.Row(no, s.queue.Now()), b.Seq(), b.Day()
	})
	read := func(from kopilka.Day, most int) (int64, *problem) {
		f := basketFold{s: s.server, from: from, to: today, seq: seq, of: map[string]*basket{}}
		p := f.read([]engine.Member{row}, most)
		if f.of[""] == nil {
			return 0, p
		}
		return f.of[""].receipts, p
	}
	if n, p := read(0, 5); p != nil || n != 5 {
		t.Fatalf("%d receipts, %v", n, p)
	}
	if _, p := read(0, 4); p == nil || p.code != codeMalformed {
		t.Fatalf("five entries of four: %v", p)
	}
	if n, p := read(today, 2); p != nil || n != 1 {
		t.Fatalf("of today: %d receipts, %v", n, p)
	}
	// A return that is newer than the position is not seen.
	s.post("/v1/receipts/sale-5/returns", `{"id":"b1","amount":40}`).is(201)
	s.post("/v1/receipts/sale-5/returns", `{"id":"b2"}`).is(201)
	if n, p := read(today, 2); p != nil || n != 1 {
		t.Fatalf("at an earlier position: %d receipts, %v", n, p)
	}
	s.as("till", "GET", "/v1/members/anna/categories?from=2026-03-03", "").is(200, "data", "[]")
	s.as("till", "GET", "/v1/members/anna/categories?from=2026-03-32", "").refused(codeMalformed, "")
	s.as("till", "GET", "/v1/members/anna/categories?since=2026-03-03", "").refused(codeMalformed, "")
	s.as("till", "GET", "/v1/members/zoe/categories", "").refused(codeMemberNotFound, "")
}
