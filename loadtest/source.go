package main

import (
	"iter"
	"math/rand/v2"
	"strconv"
	"sync"
	"time"

	"github.com/kopilka/kopilka"
	"github.com/kopilka/kopilka/bench/workload"
)

// source gives commands to one connection. An event is the receiver's.
type source interface {
	next() *workload.Event
}

// till makes up accruals or receipts as fast as they are asked for.
type till struct {
	rnd     *rand.Rand
	shop    *workload.Shop
	members int
	lines   bool
	prefix  string
	store   string
	made    int
}

func newTill(o *options, shop *workload.Shop, run, connection int) *till {
	return &till{rnd: rand.New(rand.NewPCG(o.seed, uint64(run)<<32|uint64(connection))), shop: shop, members: o.members, lines: o.mix == "receipt",
		prefix: o.prefix + strconv.Itoa(run) + "." + strconv.Itoa(connection) + ".",
		store:  "S" + strconv.Itoa(connection%40+1)}
}

var goods = [...]string{"bread", "milk", "apples", "tea", "candles", "batteries"}

func (t *till) next() *workload.Event {
	t.made++
	e := &workload.Event{Op: workload.Accrual, Buyer: t.rnd.IntN(t.members), ID: t.prefix + strconv.Itoa(t.made),
		Store: t.store, Till: "T1", Cashier: "C1"}
	e.Card = t.shop.Card(e.Buyer)
	if !t.lines {
		e.Amount = kopilka.Money(100 + t.rnd.Int64N(1_000_000))
		return e
	}
	e.Op = workload.Receipt
	e.ReceiptNo = e.ID
	for range 3 {
		l := kopilka.Line{SKU: strconv.Itoa(10000 + t.rnd.IntN(5000)), Category: goods[t.rnd.IntN(len(goods))], Qty: "1",
			Amount: kopilka.Money(100 + t.rnd.Int64N(300_000))}
		e.Lines, e.Amount = append(e.Lines, l), e.Amount+l.Amount
	}
	if t.rnd.IntN(10) == 0 {
		e.Redeem = kopilka.RedeemMax
	}
	return e
}

// street is shops whose events all connections share, in their order, one shop
// after another. What a shop did at some time happens now: occurred_at is left out.
type street struct {
	o     *options
	run   int
	mu    sync.Mutex
	shops int
	pull  func() (*workload.Event, bool)
	stop  func()
}

func (s *street) next() *workload.Event {
	s.mu.Lock()
	defer s.mu.Unlock()
	for {
		if s.pull != nil {
			if e, ok := s.pull(); ok {
				c := e.Clone()
				c.Occurred = 0
				// All days of the shop are one day here, so numbers that begin
				// anew with every shop would come twice.
				if c.Op != workload.Member {
					c.ReceiptNo = c.ID
				}
				return c
			}
		}
		shop := shopOf(s.o)
		shop.Seed += uint64(s.shops)
		shop.Prefix += strconv.Itoa(s.run) + "." + strconv.Itoa(s.shops) + "."
		s.shops++
		s.pull, s.stop = iter.Pull(shop.Events())
	}
}

func (s *street) close() {
	if s.stop != nil {
		s.stop()
	}
}

// shopOf is the chain that the members belong to.
func shopOf(o *options) *workload.Shop {
	s := workload.Typical(o.seed, kopilka.DayOfDate(2026, time.January, 5))
	s.To = s.From + 100
	s.Prefix = o.prefix
	s.Members, s.NewPerDay, s.Enrolled = o.members, 20, true
	return s
}
