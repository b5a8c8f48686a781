package api

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/kopilka/kopilka/limit"
)

// watched is a guarded shop whose limits go by a watch that the test sets.
type watched struct {
	*guarded
	mu     sync.Mutex
	now    time.Time
	always time.Duration // by which the watch goes on whenever it is looked at
}

// newWatched makes a shop with limits. While it is furnished a day goes by at every
// look at the watch, and then the watch stands.
func newWatched(t testing.TB, l Limits) *watched {
	w := &watched{now: testStart, always: 24 * time.Hour}
	w.guarded = newGuarded(t, Options{Limits: l, now: func() time.Time {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.now = w.now.Add(w.always)
		return w.now
	}})
	w.wait(24 * time.Hour)
	w.always = 0
	return w
}

func (w *watched) wait(d time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.now = w.now.Add(d)
}

// turnedAway checks that a request has to wait for so many seconds, and moved nothing.
func (w *watched) turnedAway(r *reply, seconds int, why string) {
	w.t.Helper()
	r.refused(codeRateLimited, "")
	if got := r.header.Get("Retry-After"); got != fmt.Sprint(seconds) {
		w.t.Fatalf("Retry-After %s; want %d: %s", got, seconds, r.text)
	}
	if detail := r.at("detail").(string); !strings.Contains(detail, why) {
		w.t.Fatalf("the detail %q does not say %q", detail, why)
	}
}

const minute = time.Minute

// TestLimitKey: a key has its requests, each key its own, and an admin's as many as he likes.
func TestLimitKey(t *testing.T) {
	w := newWatched(t, Limits{Key: limit.Rate{Count: 3, Per: minute}})
	ask := func(who string) *reply { return w.as(who, "GET", "/v1/program", "") }
	for range 3 {
		ask("till").is(200)
	}
	want := w.hash()
	w.turnedAway(ask("till"), 20, "the key")
	w.turnedAway(w.post("/v1/batch", strings.Repeat("\n", readMax/2)), 20, "the key") // read, so that it hears
	w.turnedAway(w.post("/v1/accruals", `{"id":"x","card":"buyer","amount":1000}`), 20, "the key")
	w.turnedAway(w.as("till", "PUT", "/v1/members/new", `{}`), 20, "the key")
	w.turnedAway(w.as("till", "GET", "/v1/keys", ""), 20, "the key") // before it hears that it may not
	if now := w.hash(); now != want {
		t.Fatalf("the books moved from %s to %s", want, now)
	}
	w.wait(20*time.Second - time.Millisecond)
	w.turnedAway(ask("till"), 1, "the key")
	w.wait(time.Millisecond)
	w.as("till", "GET", "/v1/keys", "").refused(codeForbidden, "") // counts like any other
	w.turnedAway(ask("till"), 20, "the key")

	for range 3 {
		ask("s1").is(200)
		ask("analyst").is(200)
	}
	w.turnedAway(ask("s1"), 20, "the key")
	w.turnedAway(ask("analyst"), 20, "the key")
	for range 20 {
		ask("admin").is(200)
		w.as("", "GET", "/healthz", "").is(200)
	}
}

// TestLimitCard: a member has his requests, whatever he is named by and whoever names him.
func TestLimitCard(t *testing.T) {
	w := newWatched(t, Limits{Card: limit.Rate{Count: 8, Per: 8 * minute}})
	w.as("admin", "PUT", "/v1/members/buyer", `{"phone":"+79161234567"}`).is(200)
	w.as("admin", "PUT", "/v1/members/buyer/cards/second", `{}`).is(201)
	code := w.as("admin", "POST", "/v1/members/buyer/codes", "").is(200).at("code").(string)
	quote := func(who, name, value string) *reply {
		return w.as(who, "POST", "/v1/quotes", fmt.Sprintf(`{%q:%q,"amount":100}`, name, value))
	}
	quote("till", "card", "buyer").is(200)
	quote("s1", "card", "second").is(200)
	quote("till", "card", "twin").is(200) // who is part of him
	quote("till", "phone", "+79161234567").is(200)
	quote("till", "code", code).is(200)
	quote("till", "member_id", w.member).is(200)
	w.as("analyst", "GET", "/v1/members/second/ledger", "").is(200)
	sale := `{"id":"limited","card":"buyer","amount":100}`
	w.post("/v1/receipts", sale).is(201)
	want := w.hash()
	over := func() {
		t.Helper()
		w.turnedAway(quote("till", "card", "buyer"), 60, "the member")
		w.turnedAway(quote("s1", "card", "twin"), 60, "the member")
		w.turnedAway(quote("till", "phone", "+79161234567"), 60, "the member")
		w.turnedAway(quote("till", "code", code), 60, "the member")
		w.turnedAway(quote("till", "member_id", w.member), 60, "the member")
		w.turnedAway(w.post("/v1/redemptions", `{"id":"r","card":"second","points":1}`), 60, "the member")
		w.turnedAway(w.as("till", "PUT", "/v1/members/buyer", `{"name":"X"}`), 60, "the member")
		w.turnedAway(w.as("till", "POST", "/v1/members/twin/codes", ""), 60, "the member")
		w.turnedAway(w.as("analyst", "GET", "/v1/members/buyer", ""), 60, "the member")
		w.turnedAway(w.as("till", "GET", "/v1/members?q=%2B79161234567", ""), 60, "the member")
		for _, line := range []string{`{"op":"accrual","id":"l","card":"buyer","amount":5}`, `{"op":"member","card":"second","name":"Y"}`} {
			if status, code := w.as("till", "POST", "/v1/batch", line+"\n").outcome(); status != 429 || code != "rate-limited" {
				t.Fatalf("%s: %d %s", line, status, code)
			}
		}
		if now := w.hash(); now != want {
			t.Fatalf("the books moved from %s to %s", want, now)
		}
	}
	over()
	// A retry asks for nothing new, and others are others.
	w.post("/v1/receipts", sale).is(200)
	quote("till", "card", "part").is(200)
	w.post("/v1/receipts", `{"id":"nobody","amount":100}`).is(201)
	for range 20 {
		quote("admin", "card", "buyer").is(200)
	}
	want = w.hash()
	w.wait(minute - time.Millisecond)
	w.turnedAway(quote("till", "card", "buyer"), 1, "the member")
	w.wait(time.Millisecond)
	quote("till", "card", "buyer").is(200)
	over()
}

// TestLimitMisses: whatever is asked for and not there counts, what is there does not,
// and with none left a hit is told from a miss no more.
func TestLimitMisses(t *testing.T) {
	const most = 4
	w := newWatched(t, Limits{Misses: limit.Rate{Count: most, Per: most * minute}})
	w.as("admin", "PUT", "/v1/members/part", `{"phone":"+79161234567"}`).is(200)
	n := 0
	guess := func(who, method, path, body string) {
		t.Helper()
		ask := func() *reply {
			n++
			fill := strings.NewReplacer("$N", fmt.Sprintf("%07d", n))
			return w.as(who, method, fill.Replace(path), fill.Replace(body))
		}
		hit := func() *reply { return w.as(who, "GET", "/v1/members/buyer", "") }
		w.wait(time.Hour)
		for range most + 1 {
			hit().is(200)
		}
		// A refusal of the books takes a position of the log, and changes nothing else.
		want, _, _ := strings.Cut(w.hash(), " at ")
		for range most {
			status, word := ask().outcome()
			if status == 429 || word != "" && !slices.Contains(telling, code(word)) {
				t.Fatalf("%s %s %s: %d %s", method, path, body, status, word)
			}
		}
		if status, code := ask().outcome(); status != 429 || code != string(codeRateLimited) {
			t.Fatalf("%s %s %s with nothing left: %d %s", method, path, body, status, code)
		}
		w.turnedAway(hit(), 60, "not there")
		w.as("admin", "GET", "/v1/members/nobody", "").refused(codeMemberNotFound, "")
		if now := w.hash(); !strings.HasPrefix(now, want) {
			t.Fatalf("%s %s %s: the books moved from %s to %s", method, path, body, want, now)
		}
		w.wait(minute - time.Millisecond)
		w.turnedAway(hit(), 1, "not there")
		w.wait(time.Millisecond)
		hit().is(200)
		ask()
		w.turnedAway(hit(), 60, "not there")
	}
	guess("analyst", "GET", "/v1/members/77$N", "")
	guess("analyst", "GET", "/v1/receipts/none$N", "")
	guess("s1", "GET", "/v1/members/77$N", "")
	for _, path := range []string{
		"/v1/members/77$N", "/v1/members/77$N/ledger", "/v1/members/77$N/categories", "/v1/members/77$N/consents",
		"/v1/members?q=77$N", "/v1/members?q=Somebody%20$N", "/v1/members?q=%2B7916$N",
		"/v1/receipts/none$N", "/v1/receipts/none$N/explain", "/v1/receipts?store=S1&till=1&receipt_no=$N&day=2026-03-02",
		"/v1/holds/none$N", "/v1/numbers/2200$N",
	} {
		guess("till", "GET", path, "")
	}
	guess("till", "POST", "/v1/members/77$N/codes", "")
	guess("till", "POST", "/v1/receipts/none$N/returns", `{"id":"x","amount":1}`)
	guess("till", "POST", "/v1/holds/none$N/capture", `{"id":"x","points":1}`)
	guess("till", "POST", "/v1/holds/none$N/void", `{"id":"x"}`)
	guess("till", "PUT", "/v1/receipts/none$N/rating", `{"stars":1}`)
	for _, who := range []string{`"card":"77$N"`, `"phone":"+7916$N"`, `"code":"000000000$N"`, `"member_id":"maaaaaa$N"`} {
		guess("till", "POST", "/v1/quotes", `{`+who+`,"amount":100}`)
		guess("till", "POST", "/v1/receipts", `{"id":"x",`+who+`,"amount":100}`)
		guess("till", "POST", "/v1/batch", `{"op":"receipt","id":"x",`+who+`,"amount":100}`+"\n")
	}
	guess("till", "POST", "/v1/accruals", `{"id":"x","card":"77$N","amount":100}`)
	guess("till", "POST", "/v1/redemptions", `{"id":"x","card":"77$N","points":1}`)
	guess("till", "POST", "/v1/holds", `{"id":"x","card":"77$N","points":1,"expires_at":"2026-03-04T00:00:00Z"}`)
	guess("till", "POST", "/v1/quotes", `{"amount":100,"coupons":["2200$N"]}`)
	guess("till", "POST", "/v1/batch", `{"op":"receipt","id":"x","amount":100,"coupons":["2200$N"]}`+"\n")
	guess("till", "POST", "/v1/batch", `{"op":"return","id":"x","receipt":"none$N","amount":1}`+"\n")
	guess("till", "PUT", "/v1/members/77$N", `{"phone":"+79161234567"}`) // taken: somebody has it
	guess("till", "PUT", "/v1/members/77$N", `{"referrer":"88$N"}`)
	guess("till", "PUT", "/v1/members/77$N/cards/88$N", `{}`)
	guess("till", "PUT", "/v1/members/buyer/cards/part", `{}`) // another's
}

// TestLimitWrongKeys: an address without a valid key is told so a number of times, and
// then to wait; valid keys pass.
func TestLimitWrongKeys(t *testing.T) {
	w := newWatched(t, Limits{WrongKeys: limit.Rate{Count: 5, Per: 5 * minute}})
	w.keys["bad"] = "kpk_nobody_" + strings.Repeat("A", 43)
	for i := range 5 {
		w.as([]string{"", "bad", "revoked"}[i%3], "GET", "/v1/members/buyer", "").refused(codeUnauthorized, "")
	}
	w.turnedAway(w.as("", "GET", "/v1/members/buyer", ""), 60, "this address")
	w.turnedAway(w.as("bad", "GET", "/v1/members/buyer", ""), 60, "this address")
	for _, who := range []string{"till", "analyst", "admin"} {
		w.as(who, "GET", "/v1/members/buyer", "").is(200)
	}
	w.as("", "GET", "/healthz", "").is(200)
	w.wait(minute)
	w.as("bad", "GET", "/v1/members/buyer", "").refused(codeUnauthorized, "")
	w.turnedAway(w.as("bad", "GET", "/v1/members/buyer", ""), 60, "this address")
}

// TestNeighbourhood: who shares an allowance of addresses.
func TestNeighbourhood(t *testing.T) {
	f := func(a, b string, same bool) {
		t.Helper()
		x, y := neighbourhood(netip.MustParseAddr(a)), neighbourhood(netip.MustParseAddr(b))
		if (x == y) != same {
			t.Fatalf("%s is of %s, %s of %s", a, x, b, y)
		}
	}
	f("192.0.2.1", "192.0.2.1", true)
	f("192.0.2.1", "192.0.2.2", false)
	f("2001:db8::1", "2001:db8::ffff:1:2:3", true)
	f("2001:db8::1", "2001:db8:0:1::1", false)
	neighbourhood(netip.Addr{}) // of a connection that has none
}

// TestLimitAtOnce: many guesses at once, by many connections and in batches, are no
// more in the long run.
func TestLimitAtOnce(t *testing.T) {
	w := newWatched(t, Limits{Misses: limit.Rate{Count: 10, Per: 10 * minute}})
	var lines strings.Builder
	for i := range 2000 {
		fmt.Fprintf(&lines, `{"op":"accrual","id":"g%d","card":"77%08d","amount":100}`+"\n", i, i)
	}
	r := w.as("till", "POST", "/v1/batch", lines.String()).is(200)
	if told, away := strings.Count(r.text, `"code":"member-not-found"`), strings.Count(r.text, `"code":"rate-limited"`); told != 10 || away != 1990 {
		t.Fatalf("of 2000 guesses %d were answered and %d turned away", told, away)
	}
	w.wait(10 * minute)
	var all sync.WaitGroup
	var mu sync.Mutex
	told := 0
	for i := range 200 {
		all.Go(func() {
			if w.as("till", "GET", fmt.Sprintf("/v1/members/88%08d", i), "").status == 404 {
				mu.Lock()
				told++
				mu.Unlock()
			}
		})
	}
	all.Wait()
	if told < 10 {
		t.Fatalf("%d of 200 guesses were answered; 10 are allowed", told)
	}
	// What was overdrawn is waited for.
	w.wait(time.Duration(told-9)*minute - time.Millisecond)
	w.turnedAway(w.as("till", "GET", "/v1/members/buyer", ""), 1, "not there")
	w.wait(time.Millisecond)
	w.as("till", "GET", "/v1/members/buyer", "").is(200)
}
