package workload

import (
	"math/rand/v2"
	"strconv"

	"github.com/kopilka/kopilka"
)

// good is an article on the shelf.
type good struct {
	sku      string
	category string
	price    kopilka.Money // a piece, or a kilogram
	weighed  bool
	noEarn   bool
	noRedeem bool
}

// categories with the prices they lie between, in minor units.
var categories = [...]struct {
	name     string
	from, to kopilka.Money
	weighed  bool
	noEarn   bool
}{
	{name: "bakery", from: 3990, to: 24990},
	{name: "dairy", from: 5990, to: 49990},
	{name: "fruit", from: 7990, to: 59990, weighed: true},
	{name: "grocery", from: 4990, to: 89990},
	{name: "household", from: 9990, to: 249990},
	{name: "toys", from: 19990, to: 499990},
	{name: "electronics", from: 99990, to: 9999990},
	{name: "tobacco", from: 14990, to: 29990, noEarn: true},
}

// shelf makes up n articles. Cheap ones are many and dear ones few.
func shelf(rnd *rand.Rand, n int) []good {
	goods := make([]good, n)
	for i := range goods {
		c := &categories[rnd.IntN(len(categories))]
		u := rnd.Int64N(1000)
		price := c.from + (c.to-c.from)*kopilka.Money(u*u*u)/1_000_000_000
		price = price/1000*1000 + 990 // prices end in nine roubles ninety
		goods[i] = good{sku: "A" + strconv.Itoa(10000+i), category: c.name, price: price,
			weighed: c.weighed, noEarn: c.noEarn, noRedeem: rnd.IntN(50) == 0}
	}
	return goods
}

// line puts some of an article on a receipt.
func (g *good) line(rnd *rand.Rand) kopilka.Line {
	l := kopilka.Line{SKU: g.sku, Category: g.category, Qty: "1", Amount: g.price, NoEarn: g.noEarn, NoRedeem: g.noRedeem}
	switch {
	case g.weighed:
		grams := 80 + rnd.Int64N(2400)
		l.Qty = strconv.FormatInt(grams/1000, 10) + "." + strconv.FormatInt(1000+grams%1000, 10)[1:]
		l.Amount = (g.price*kopilka.Money(grams) + 500) / 1000
	case rnd.IntN(5) == 0:
		n := 2 + rnd.Int64N(3)
		l.Qty = strconv.FormatInt(n, 10)
		l.Amount = g.price * kopilka.Money(n)
	}
	return l
}
