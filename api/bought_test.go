package api

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/kopilka/kopilka"
)

func TestBoughtAt(t *testing.T) {
	s := open(t)
	for _, card := range []string{"anna", "boris", "clara", "denis"} {
		s.enrol(card)
	}
	s.as("till", "PUT", "/v1/members/denis", `{"store":"S1"}`).is(200) // his profile's, where he never bought
	s.sell("anna", 1000, `,"store":"S1"`)
	s.sell("boris", 1000, `,"store":"Moscow, Arbat"`)
	s.clock(testStart.Add(40 * 24 * time.Hour)) // 11 April
	s.sell("anna", 1000, `,"store":"S2"`)
	back := s.sell("clara", 1000, `,"store":"S1"`)
	s.post("/v1/redemptions", `{"id":"rd","card":"boris","points":10,"store":"S1"}`).is(201)
	s.post("/v1/receipts/rd/returns", `{"id":"rb"}`).is(201)
	s.post("/v1/receipts", `{"id":"nobody","amount":100,"store":"S1"}`).is(201)

	s.means("store:S1", "denis")
	s.means("bought_at:S1", "anna", "clara")
	s.means("bought_at:S1,30d", "clara")
	s.means("bought_at:S1,2026-03-01..2026-03-31", "anna")
	s.means(`bought_at:"Moscow, Arbat" & !bought_at:"Moscow, Arbat",7d`, "boris")
	s.means("bought_at:S2 & bought_at:S1,2026-03-02", "anna")
	s.means("bought_at:S3")
	s.post("/v1/receipts/"+back+"/returns", `{"id":"b1","amount":400}`).is(201)
	s.means("bought_at:S1,30d", "clara")
	s.post("/v1/receipts/"+back+"/returns", `{"id":"b2"}`).is(201) // all of it has come back, at whichever store
	s.means("bought_at:S1,30d")
	s.as("admin", "POST", "/v1/members/denis/merge", `{"id":"m1","from":"anna","reason":"one person","actor":"zoe"}`)
	s.means("bought_at:S1", "denis")
	s.ask("bought_at:S1,month").refused(codeMalformed, "/expr")
}

// TestBoughtAtAgainstPurchases: whoever has a live receipt has it of some store, so
// that all stores together are what the books count as purchases.
func TestBoughtAtAgainstPurchases(t *testing.T) {
	const seed = 29
	rnd := rand.New(rand.NewPCG(seed, 1))
	s := open(t)
	var sales []string
	card := func() string { return fmt.Sprintf("c%d", rnd.IntN(30)) }
	for n := range 30 {
		s.enrol(fmt.Sprintf("c%d", n))
	}
	for day := range 40 {
		s.clock(testStart.Add(time.Duration(day) * 24 * time.Hour))
		for range rnd.IntN(4) {
			late := kopilka.TimeOf(testStart.Add(time.Duration(max(0, day-rnd.IntN(4))) * 24 * time.Hour))
			sales = append(sales, s.sell(card(), rnd.IntN(3)*100, fmt.Sprintf(`,"store":"S%d","occurred_at":%q`, 1+rnd.IntN(3), late)))
		}
		if len(sales) > 0 && rnd.IntN(2) == 0 {
			i := rnd.IntN(len(sales))
			s.post("/v1/receipts/"+sales[i]+"/returns", fmt.Sprintf(`{"id":"back%d"}`, day))
			sales = append(sales[:i], sales[i+1:]...)
		}
		if rnd.IntN(8) == 0 {
			s.as("admin", "POST", "/v1/members/"+card()+"/merge", fmt.Sprintf(`{"id":"m%d","from":%q,"reason":"one person","actor":"zoe"}`, day, card()))
		}
		for _, in := range []string{"7d", "2026-03-10..2026-03-20"} {
			stores := fmt.Sprintf("(bought_at:S1,%[1]s | bought_at:S2,%[1]s | bought_at:S3,%[1]s)", in)
			for _, odd := range []string{stores + " & !purchases:" + in + ">=1", "!" + stores + " & purchases:" + in + ">=1"} {
				if r := s.ask(odd).is(200); r.int("count") != 0 {
					t.Fatalf("seed %d, day %d: %s holds for %d", seed, day, odd, r.int("count"))
				}
			}
		}
	}
	if n := s.ask("purchases:7d>=1").is(200).int("count"); n == 0 {
		t.Fatal("nobody bought in the last days")
	}
}
