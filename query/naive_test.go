package query

import (
	"encoding/json"
	"fmt"
	"math/big"
	"math/rand/v2"
	"slices"
	"strings"

	"github.com/kopilka/kopilka"
)

// person is a member as the plain twin keeps him: whole, with a list of what he bought.
type person struct {
	gone              bool
	segment, tier     int
	scores            [3]int // r, f, m
	recency, age      int    // -1 = never, not told
	registered        int
	frequency         int
	monetary, balance int64
	bought            []buy
	text              map[Field]string // sex, store, source, state
	has               map[string]bool
	attributes        map[string]any
	blocked, referred bool
	contacted         []kopilka.Day
}

type buy struct {
	day             kopilka.Day
	amount          int64
	store, category string
}

const today = kopilka.Day(20_000)

var shopWords = Words{
	Segments: []string{"none", "core", "loyal", "new"},
	Tiers:    []string{"silver", "gold"},
}

var (
	stores = []string{"S1", "S12", "Москва, Арбат", `the "big" one`, "a|b"}
	cities = []string{"Нижний Новгород", "Omsk", "true", "38", "1..2", ""}
	shoes  = []string{"38", "38.0", "38.5", "-1", "0", "0.000000000000001", "41"}
)

func one(rnd *rand.Rand, of []string) string { return of[rnd.IntN(len(of))] }

func randomPerson(rnd *rand.Rand) person {
	p := person{
		gone:    rnd.IntN(10) == 0,
		segment: rnd.IntN(4), tier: rnd.IntN(2),
		scores:  [3]int{rnd.IntN(6), rnd.IntN(6), rnd.IntN(6)},
		recency: rnd.IntN(12) - 1, age: rnd.IntN(12) - 1, registered: rnd.IntN(12),
		frequency: rnd.IntN(5), monetary: rnd.Int64N(20) - 5, balance: rnd.Int64N(10),
		text: map[Field]string{State: one(rnd, words[State])}, has: map[string]bool{}, attributes: map[string]any{},
		blocked: rnd.IntN(4) == 0, referred: rnd.IntN(4) == 0,
	}
	for range rnd.IntN(4) {
		p.bought = append(p.bought, buy{today - kopilka.Day(rnd.IntN(12)), rnd.Int64N(10) - 2, one(rnd, stores), one(rnd, stores)})
	}
	for range max(0, rnd.IntN(4)-1) {
		p.contacted = append(p.contacted, today-kopilka.Day(rnd.IntN(12)))
	}
	for _, f := range []Field{Sex, Store, Source} {
		if rnd.IntN(4) > 0 {
			p.text[f] = one(rnd, map[Field][]string{Sex: words[Sex], Store: stores, Source: cities}[f])
		}
	}
	for _, w := range words[Has] {
		p.has[w] = rnd.IntN(2) == 0
	}
	if rnd.IntN(3) > 0 {
		p.attributes["shoe"] = json.Number(one(rnd, shoes))
	}
	if rnd.IntN(3) > 0 {
		p.attributes["home town"] = one(rnd, cities)
	}
	if rnd.IntN(3) > 0 {
		p.attributes["mail"] = rnd.IntN(2) == 0
	}
	return p
}

// people are the facts of the twin's members, as Select asks for them.
type people []person

func (all people) Members() int { return len(all) }

func (all people) Present(block int, to *Bits) {
	for i := block * BlockLen; i < min(len(all), (block+1)*BlockLen); i++ {
		if !all[i].gone {
			to.Set(i % BlockLen)
		}
	}
}

func (all people) Column(t *Term, block int, among *Bits, to []int64) {
	if want := min(BlockLen, len(all)-block*BlockLen); len(to) != want {
		panic(fmt.Sprintf("a column of %d for %d members", len(to), want))
	}
	for i := range to {
		to[i] = 1 << 40 // must not be looked at where nobody asked
	}
	among.Each(func(i int) { to[i] = all[block*BlockLen+i].fact(t) })
}

func truth(b bool) int64 {
	if b {
		return 1
	}
	return 0
}

func (p *person) fact(t *Term) int64 {
	switch t.Field {
	case Segment:
		return int64(p.segment)
	case Tier:
		return int64(p.tier)
	case R, F, M:
		return int64(p.scores[t.Field-R])
	case Recency:
		return int64(p.recency)
	case Registered:
		return int64(p.registered)
	case Frequency:
		return int64(p.frequency)
	case Monetary:
		return p.monetary
	case Balance:
		return p.balance
	case Age:
		return int64(p.age)
	case Purchases, Spent:
		first, last := t.Period.On(today)
		n, sum := p.in(first, last)
		if t.Field == Spent {
			return sum
		}
		return n
	case BoughtAt:
		return truth(p.bought1(t.Text, t.Period, func(b *buy) string { return b.store }))
	case BoughtIn:
		return truth(p.bought1(t.Text, t.Period, func(b *buy) string { return b.category }))
	case Has:
		return truth(p.has[t.Text])
	case Attr:
		v, ok := p.attributes[t.Text]
		return truth(ok && t.Is(v))
	case Blocked:
		return truth(p.blocked)
	case Referred:
		return truth(p.referred)
	case Contacted:
		if len(p.contacted) == 0 {
			return -1
		}
		return int64(today - slices.Max(p.contacted))
	}
	return truth(p.text[t.Field] == t.Text)
}

// bought1 tells whether one thing was bought in a period that is of this name.
func (p *person) bought1(name string, in Period, of func(*buy) string) bool {
	first, last := in.On(today)
	for _, b := range p.bought {
		if of(&b) == name && first <= b.day && b.day <= last {
			return true
		}
	}
	return false
}

func (p *person) in(first, last kopilka.Day) (n, sum int64) {
	for _, b := range p.bought {
		if first <= b.day && b.day <= last {
			n, sum = n+1, sum+b.amount
		}
	}
	return n, sum
}

// meaning is what a text means, member by member, in plain code.
type meaning func(*person) bool

// randomText writes an expression, and beside it what it means.
func randomText(rnd *rand.Rand, depth int) (string, meaning) {
	space := func() string { return strings.Repeat(" ", rnd.IntN(2)) }
	switch k := rnd.IntN(10); {
	case depth == 0 || k < 3:
		return randomTerm(rnd)
	case k < 5:
		s, m := randomText(rnd, depth-1)
		return "!" + space() + "(" + space() + s + space() + ")", func(p *person) bool { return !m(p) }
	}
	// a & b | c & d, without parentheses where none are needed.
	var ors []meaning
	var text []string
	for range 1 + rnd.IntN(3) {
		var ands []meaning
		var part []string
		for range 1 + rnd.IntN(3) {
			s, m := randomText(rnd, depth-1)
			ands, part = append(ands, m), append(part, "("+s+")")
		}
		text = append(text, strings.Join(part, space()+"&"+space()))
		ors = append(ors, func(p *person) bool {
			for _, m := range ands {
				if !m(p) {
					return false
				}
			}
			return true
		})
	}
	return strings.Join(text, space()+"|"+space()), func(p *person) bool {
		for _, m := range ors {
			if m(p) {
				return true
			}
		}
		return false
	}
}

func randomTerm(rnd *rand.Rand) (string, meaning) {
	not, negated := "", rnd.IntN(4) == 0
	if negated {
		not = strings.Repeat("!", 1+2*rnd.IntN(2))
	}
	s, m := randomPlainTerm(rnd)
	return not + s, func(p *person) bool { return m(p) != negated }
}

func randomPlainTerm(rnd *rand.Rand) (string, meaning) {
	switch rnd.IntN(11) {
	case 0:
		i := rnd.IntN(len(shopWords.Segments))
		return one(rnd, []string{"", "segment:", "segment="}) + shopWords.Segments[i], func(p *person) bool { return p.segment == i }
	case 1:
		i := rnd.IntN(len(shopWords.Tiers))
		return "tier:" + shopWords.Tiers[i], func(p *person) bool { return p.tier == i }
	case 2:
		if rnd.IntN(2) == 0 {
			return "blocked", func(p *person) bool { return p.blocked }
		}
		return "referred", func(p *person) bool { return p.referred }
	case 8:
		if rnd.IntN(3) == 0 {
			return "contacted", func(p *person) bool { return len(p.contacted) > 0 }
		}
		days := 1 + rnd.IntN(12)
		return fmt.Sprintf("contacted%s%dd", one(rnd, []string{":", " : ", "="}), days), func(p *person) bool {
			return slices.ContainsFunc(p.contacted, func(d kopilka.Day) bool { return d > today-kopilka.Day(days) })
		}
	case 3:
		f := []Field{Sex, Store, Source, State}[rnd.IntN(4)]
		v := one(rnd, map[Field][]string{Sex: words[Sex], Store: stores, Source: cities[:5], State: words[State]}[f])
		return f.String() + ":" + written(rnd, v), func(p *person) bool { return p.text[f] == v }
	case 4:
		v := one(rnd, words[Has])
		return "has:" + v, func(p *person) bool { return p.has[v] }
	case 5:
		return randomAttribute(rnd)
	case 7:
		store, within, period := one(rnd, stores), "", Period{}
		text := written(rnd, store)
		switch rnd.IntN(3) {
		case 0:
			period.Days = 1 + rnd.IntN(12)
			within = fmt.Sprintf(",%dd", period.Days)
		case 1:
			period.First = today - kopilka.Day(rnd.IntN(12))
			period.Last = period.First + kopilka.Day(rnd.IntN(4))
			within = fmt.Sprintf(",%s..%s", period.First, period.Last)
		}
		if strings.Contains(store, ",") {
			text = quote(store)
		}
		if rnd.IntN(2) == 0 {
			return "bought_in:" + text + within, func(p *person) bool {
				return p.bought1(store, period, func(b *buy) string { return b.category })
			}
		}
		return "bought_at:" + text + within, func(p *person) bool {
			return p.bought1(store, period, func(b *buy) string { return b.store })
		}
	case 6:
		name, first, last := "spent", kopilka.Day(0), today
		if days := rnd.IntN(12); days > 6 {
			name, first = fmt.Sprintf("spent:%dd", days), today-kopilka.Day(days)+1
		} else if days > 2 {
			first, last = today-kopilka.Day(days), today-kopilka.Day(rnd.IntN(days+1))
			name = fmt.Sprintf("spent : %s..%s", first, last)
		}
		s, within := randomBounds(rnd, -3)
		spent := func(p *person) int64 { _, sum := p.in(first, last); return sum }
		if rnd.IntN(2) == 0 {
			s, within = randomBounds(rnd, 0)
			name = strings.Replace(name, "spent", "purchases", 1)
			spent = func(p *person) int64 { n, _ := p.in(first, last); return n }
		}
		return name + s, func(p *person) bool { return within(spent(p)) }
	}
	fs := []struct {
		name string
		of   func(p *person) int64
		min  int64
	}{
		{"recency", func(p *person) int64 { return int64(p.recency) }, 0},
		{"age", func(p *person) int64 { return int64(p.age) }, 0},
		{"registered", func(p *person) int64 { return int64(p.registered) }, 0},
		{"frequency", func(p *person) int64 { return int64(p.frequency) }, 0},
		{"monetary", func(p *person) int64 { return p.monetary }, -3},
		{"balance", func(p *person) int64 { return p.balance }, 0},
	}
	f := fs[rnd.IntN(len(fs))]
	s, within := randomBounds(rnd, f.min)
	// Who has none is within no bounds.
	return f.name + s, func(p *person) bool { return (f.min < 0 || f.of(p) >= 0) && within(f.of(p)) }
}

// randomBounds are bounds of a number that is nowhere less than least.
func randomBounds(rnd *rand.Rand, least int64) (string, func(int64) bool) {
	a := least + rnd.Int64N(10)
	b := a + rnd.Int64N(6)
	switch rnd.IntN(6) {
	case 0:
		return fmt.Sprint(":", a, "..", b), func(v int64) bool { return a <= v && v <= b }
	case 1:
		return fmt.Sprint(" >= ", a), func(v int64) bool { return v >= a }
	case 2:
		return fmt.Sprint(">", a), func(v int64) bool { return v > a }
	case 3:
		return fmt.Sprint("<=", a), func(v int64) bool { return v <= a }
	case 4:
		return fmt.Sprint("<", a+1), func(v int64) bool { return v < a+1 }
	}
	return fmt.Sprint("=", a), func(v int64) bool { return v == a }
}

// written is a text as an analyst may write it: in quotes at least where it must.
func written(rnd *rand.Rand, s string) string {
	if rnd.IntN(2) == 0 && !strings.ContainsAny(s, ` |,"`) && s != "" {
		return s
	}
	return `"` + strings.ReplaceAll(s, `"`, `\"`) + `"`
}

func randomAttribute(rnd *rand.Rand) (string, meaning) {
	rat := func(s string) *big.Rat { r, _ := new(big.Rat).SetString(s); return r }
	switch rnd.IntN(4) {
	case 0:
		v := one(rnd, cities)
		return `attr."home town":` + quote(v), func(p *person) bool { return p.attributes["home town"] == v }
	case 1:
		v := rnd.IntN(2) == 0
		return fmt.Sprint("attr.mail:", v), func(p *person) bool { return p.attributes["mail"] == v }
	case 2:
		// A word without quotes finds strings too.
		v := one(rnd, []string{"true", "38", "Omsk"})
		return `attr."home town"=` + v, func(p *person) bool { return p.attributes["home town"] == v }
	}
	a, b := one(rnd, shoes), one(rnd, shoes)
	if rat(a).Cmp(rat(b)) > 0 {
		a, b = b, a
	}
	low, high := -1, 1 // what Cmp with a and b may give
	s := ""
	switch rnd.IntN(4) {
	case 0:
		s, low, high = ":"+a+".."+b, 0, 0
	case 1:
		s, low = ">"+a, 1
	case 2:
		s, high = "<="+b, 0
	case 3:
		s, low, high, b = ":"+a, 0, 0, a
	}
	return "attr.shoe" + s, func(p *person) bool {
		n, ok := p.attributes["shoe"].(json.Number)
		return ok && rat(string(n)).Cmp(rat(a)) >= low && rat(string(n)).Cmp(rat(b)) <= high
	}
}
