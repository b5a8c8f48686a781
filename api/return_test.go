package api

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/kopilka/kopilka"
)

func TestReturn(t *testing.T) {
	s := open(t)
	s.enrol("c1")
	s.sell("c1", 20000) // 1000 points
	s.post("/v1/receipts", `{"id":"r","card":"c1","amount":1000,"redeem":500,"lines":[
		{"sku":"a","amount":600,"qty":3},{"sku":"b","amount":400}]}`).is(201, "earned", 25, "balance", 525)

	s.post("/v1/receipts/r/returns", `{"id":"t1","lines":[{"sku":"a","qty":1}]}`).is(201,
		"id", "t1", "receipt", "r", "goods", 200, "points_restored", 100, "cash_refund", 100, "points_taken", 5, "debt", 0, "balance", 620)
	s.post("/v1/receipts/r/returns", `{"id":"t2","lines":[{"line":2,"amount":100},{"line":1}]}`).is(201,
		"goods", 500, "balance", 858)
	s.get("/v1/receipts/r").is(200, "left", 300, "lines.0.left", 0, "lines.1.left", 300, "lines.0.qty", "3",
		"returns.0.id", "t1", "returns.1.id", "t2", "returns.1.goods", 500)
	s.post("/v1/receipts/r/returns", `{"id":"t3"}`).is(201, "goods", 300, "balance", 1000)
	s.post("/v1/receipts/r/returns", `{"id":"t4"}`).refused(codeAlreadyReturned, "")
	// The answers are there for ever.
	s.post("/v1/receipts/r/returns", `{"id":"t1","lines":[{"sku":"a","qty":1}]}`).is(200, "goods", 200, "balance", 620)
	s.post("/v1/receipts/r/returns", `{"id":"t1","lines":[{"sku":"a","qty":2}]}`).refused(codeIdempotencyMismatch, "")
}

func TestReturnRefusals(t *testing.T) {
	s := open(t)
	s.enrol("c1")
	s.enrol("c2")
	s.post("/v1/receipts", `{"id":"r","card":"c1","amount":1000,"lines":[{"sku":"a","amount":600,"qty":3},{"sku":"b","amount":400}]}`).is(201)
	s.post("/v1/receipts", `{"id":"plain","card":"c1","amount":1000}`).is(201)
	s.as("admin", "POST", "/v1/accruals", `{"id":"g","card":"c1","points":5,"reason":"gift"}`).is(201)
	n := 0
	f := func(receipt, body string, code code, pointer string) {
		t.Helper()
		n++
		s.post("/v1/receipts/"+receipt+"/returns", fmt.Sprintf(`{"id":"x%d"%s}`, n, body)).refused(code, pointer)
	}
	f("none", ``, codeNotFound, "")
	f("g", ``, codeNotFound, "")
	f("r", `,"amount":0`, codeMalformed, "/amount")
	f("r", `,"amount":1001`, codeReturnExceeds, "")
	f("r", `,"amount":1,"lines":[{"line":1}]`, codeMalformed, "/lines")
	f("r", `,"lines":[]`, codeMalformed, "/lines")
	f("r", `,"lines":[{"amount":5}]`, codeMalformed, "/lines/0")
	f("r", `,"lines":[{"line":3}]`, codeMalformed, "/lines/0")
	f("r", `,"lines":[{"line":0}]`, codeMalformed, "/lines/0/line")
	f("r", `,"lines":[{"sku":"z"}]`, codeMalformed, "/lines/0")
	f("r", `,"lines":[{"line":1,"amount":601}]`, codeReturnExceeds, "/lines/0")
	f("r", `,"lines":[{"line":2,"amount":1},{"line":1,"sku":"b"}]`, codeMalformed, "/lines/1/sku")
	f("r", `,"lines":[{"line":1,"amount":1},{"line":2},{"line":1,"amount":2}]`, codeMalformed, "/lines/2")
	f("r", `,"lines":[{"sku":"a","qty":1},{"sku":"a","qty":1}]`, codeMalformed, "/lines/1")
	f("r", `,"lines":[{"line":1},{"sku":"a","amount":1}]`, codeMalformed, "/lines/1")
	f("r", `,"lines":[{"sku":"a","qty":4}]`, codeReturnExceeds, "/lines/0")
	f("r", `,"lines":[{"line":1,"amount":0}]`, codeMalformed, "/lines")
	f("plain", `,"lines":[{"line":1}]`, codeMalformed, "/lines")
	f("r", `,"card":"c2"`, codeMemberNotFound, "")
	f("r", `,"card":"nobody"`, codeMemberNotFound, "")
	f("r", `,"receipt":"r"`, codeMalformed, "/receipt")
	s.get("/v1/receipts/r").is(200, "left", 1000)
	s.post("/v1/receipts/r/returns", `{"id":"ok","card":"c1","lines":[{"sku":"b","category":"c","qty":1,"amount":400,"flags":["no_earn"]}]}`).is(201, "goods", 400)
}

// TestReturnOfRedemption gives points back that were spent without a sale.
func TestReturnOfRedemption(t *testing.T) {
	s := open(t)
	s.enrol("c1")
	s.sell("c1", 20000)
	s.post("/v1/redemptions", `{"id":"d","card":"c1","points":700}`).is(201, "redeemed", 700, "balance", 300)
	s.post("/v1/receipts/d/returns", `{"id":"b1","amount":200}`).is(201, "points_restored", 200, "cash_refund", 0, "balance", 500)
	s.post("/v1/receipts/d/returns", `{"id":"b2"}`).is(201, "points_restored", 500, "balance", 1000)
}

// TestPiecesComeBackWhole returns lines piece by piece, in any sizes: the last
// piece brings what is left, and no piece brings more than its share rounded up.
func TestPiecesComeBackWhole(t *testing.T) {
	const seed = 7
	rnd := rand.New(rand.NewPCG(seed, 0))
	for range 20_000 {
		pieces := 1 + rnd.Int64N(12)
		amount := kopilka.Money(pieces + rnd.Int64N(50)) // each is worth something
		line := kopilka.Line{Amount: amount, Qty: fmt.Sprint(pieces)}
		left, still := amount, pieces
		for still > 0 {
			n := 1 + rnd.Int64N(still)
			before := left
			if took := takePieces(line, n*1_000_000, &left); took != n*1_000_000 && before > 0 {
				t.Fatalf("seed %d: %d pieces for %d: took %d of %d millionths", seed, pieces, amount, took, n*1_000_000)
			}
			still -= n
			if gave := int64(before - left); gave < 0 || gave > (int64(amount)*n+pieces-1)/pieces {
				t.Fatalf("seed %d: %d of %d pieces for %d gave %d", seed, n, pieces, amount, gave)
			}
		}
		if left != 0 {
			t.Fatalf("seed %d: %d pieces for %d: %d is left", seed, pieces, amount, left)
		}
	}
}

// TestSplitReturnsEndAlike returns one receipt in random parts and another at
// once: the member ends with the same points.
func TestSplitReturnsEndAlike(t *testing.T) {
	const seed = 11
	rnd := rand.New(rand.NewPCG(seed, 0))
	s := open(t)
	for round := range 15 {
		var lines string
		total := 0
		qtys := make([]int, 1+rnd.IntN(4))
		for i := range qtys {
			qtys[i] = 1 + rnd.IntN(5)
			amount := 10 + rnd.IntN(990)
			total += amount
			if i > 0 {
				lines += ","
			}
			lines += fmt.Sprintf(`{"sku":"s%d","qty":%d,"amount":%d}`, i, qtys[i], amount)
		}
		var balances [2]int
		for k := range 2 {
			card := fmt.Sprintf("c%d-%d", round, k)
			s.enrol(card)
			s.sell(card, 3000)
			sale := s.sell(card, total, `,"redeem":"max","lines":[`+lines+`]`)
			if k == 0 {
				s.post("/v1/receipts/"+sale+"/returns", fmt.Sprintf(`{"id":"all%d"}`, round)).is(201, "goods", total)
			} else {
				var pieces []int
				for i, q := range qtys {
					for range q {
						pieces = append(pieces, i)
					}
				}
				rnd.Shuffle(len(pieces), func(i, j int) { pieces[i], pieces[j] = pieces[j], pieces[i] })
				for n, i := range pieces {
					s.post("/v1/receipts/"+sale+"/returns", fmt.Sprintf(`{"id":"p%d-%d","lines":[{"sku":"s%d","qty":1}]}`, round, n, i)).is(201)
				}
				s.get("/v1/receipts/"+sale).is(200, "left", 0)
			}
			balances[k] = s.get("/v1/members/" + card).int("balance")
		}
		if balances[0] != balances[1] {
			t.Fatalf("seed %d, round %d: at once %d points, in parts %d", seed, round, balances[0], balances[1])
		}
	}
}

// TestManyReturnsAtOnce brings one receipt back from a hundred tills at once:
// what was sold comes back once, and nobody hears that the server is busy.
func TestManyReturnsAtOnce(t *testing.T) {
	s := open(t)
	s.enrol("c1")
	sale := s.sell("c1", 1000)
	var wg sync.WaitGroup
	var done, over atomic.Int64
	for i := range 100 {
		wg.Go(func() {
			switch r := s.post("/v1/receipts/"+sale+"/returns", fmt.Sprintf(`{"id":"x%d","amount":20}`, i)); r.status {
			case 201:
				done.Add(1)
			case 409:
				over.Add(1)
			default:
				t.Errorf("status %d: %s", r.status, r.text)
			}
		})
	}
	wg.Wait()
	if done.Load() != 50 || over.Load() != 50 {
		t.Fatalf("%d returns and %d refusals; want 50 and 50", done.Load(), over.Load())
	}
	s.get("/v1/members/c1").is(200, "balance", 0)
}

// TestReturnsInManyBatches does the same with batches, each of which returns
// pieces of the receipt between sales of its own.
func TestReturnsInManyBatches(t *testing.T) {
	s := open(t)
	s.enrol("c1")
	sale := s.sell("c1", 1000)
	var wg sync.WaitGroup
	var done, over atomic.Int64
	for i := range 30 {
		wg.Go(func() {
			var b strings.Builder
			for k := range 10 {
				fmt.Fprintf(&b, `{"op":"receipt","id":"s%d-%d","amount":5}`+"\n", i, k)
				fmt.Fprintf(&b, `{"op":"return","id":"x%d-%d","receipt":%q,"amount":5}`+"\n", i, k, sale)
			}
			for _, r := range s.lines("till", "/v1/batch", b.String()) {
				switch {
				case r.status == 201 && r.json["receipt"] == sale:
					done.Add(1)
				case r.status == 409:
					over.Add(1)
				case r.status != 201:
					t.Errorf("status %d: %s", r.status, r.text)
				}
			}
		})
	}
	wg.Wait()
	if done.Load() != 200 || over.Load() != 100 {
		t.Fatalf("%d returns and %d refusals; want 200 and 100", done.Load(), over.Load())
	}
}
