package api

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/kopilka/kopilka"
)

// operationOf is what openapi.yaml says of one route about keys.
type operationOf struct {
	id, method, path string
	open             bool     // needs no key
	roles            []string // x-roles
	// store is x-store, what a key that is bound to a store may do: "own" names no
	// other store, "none" is refused altogether, "" is a key like others.
	store string
}

// operations reads all of openapi.yaml, in the order of paths.
func operations(t testing.TB) (all []operationOf) {
	t.Helper()
	for path, item := range contractDoc().doc["paths"].(map[string]any) {
		for method, v := range item.(map[string]any) {
			op := v.(map[string]any)
			o := operationOf{id: op["operationId"].(string), method: strings.ToUpper(method), path: path}
			o.store, _ = op["x-store"].(string)
			security, given := op["security"].([]any)
			o.open = given && len(security) == 0
			roles, _ := op["x-roles"].([]any)
			for _, r := range roles {
				o.roles = append(o.roles, r.(string))
			}
			if o.open != (len(o.roles) == 0) {
				t.Fatalf("%s: either x-roles or an empty security", o.id)
			}
			all = append(all, o)
		}
	}
	slices.SortFunc(all, func(a, b operationOf) int { return strings.Compare(a.path+a.method, b.path+b.method) })
	return all
}

// TestContractRoles holds the roles of openapi.yaml against the table of routes.
func TestContractRoles(t *testing.T) {
	described := map[string]roles{}
	for _, o := range operations(t) {
		var set roles
		for _, name := range o.roles {
			role, ok := kopilka.ParseRole(name)
			if !ok {
				t.Fatalf("%s: x-roles has %q", o.id, name)
			}
			set |= 1 << role
		}
		described[o.method+" "+o.path] = set
	}
	for _, r := range (&Server{}).table() {
		if at := r.method + " " + r.path; described[at] != r.roles {
			t.Errorf("%s: x-roles say %03b; the table has %03b", at, described[at], r.roles)
		}
	}
}

// works are requests that are done when the right key sends them, by operationId. So
// whoever is turned away is turned away by his key, and not by what he asks.
// $ID is a new id each time; $STORE is a store, where the body may name one.
var works = map[string]struct{ path, body string }{
	"quote":          {"/v1/quotes", `{"card":"buyer","amount":1000,"store":"$STORE"}`},
	"postReceipt":    {"/v1/receipts", `{"id":"$ID","card":"buyer","amount":1000,"store":"$STORE"}`},
	"findReceipt":    {"/v1/receipts?store=S1&till=1&receipt_no=1&day=2026-03-02", ""},
	"getReceipt":     {"/v1/receipts/sale", ""},
	"postReturn":     {"/v1/receipts/sale/returns", `{"id":"$ID","amount":10,"store":"$STORE"}`},
	"putRating":      {"/v1/receipts/sale/rating", `{"stars":5}`},
	"explain":        {"/v1/receipts/sale/explain", ""},
	"postHold":       {"/v1/holds", `{"id":"$ID","card":"buyer","points":1,"expires_at":"2026-03-03T00:00:00Z","store":"$STORE"}`},
	"getHold":        {"/v1/holds/hold", ""},
	"postCapture":    {"/v1/holds/hold/capture", `{"id":"$ID","points":1,"store":"$STORE"}`},
	"postVoid":       {"/v1/holds/other/void", `{"id":"$ID","store":"$STORE"}`},
	"postAccrual":    {"/v1/accruals", `{"id":"$ID","card":"buyer","amount":1000,"store":"$STORE"}`},
	"postRedemption": {"/v1/redemptions", `{"id":"$ID","card":"buyer","points":1,"store":"$STORE"}`},
	"postAdjustment": {"/v1/adjustments", `{"id":"$ID","card":"buyer","points":100,"reason":"r","actor":"a"}`},
	"batch":          {"/v1/batch", `{"op":"accrual","id":"$ID","card":"buyer","amount":1000,"store":"$STORE"}` + "\n"},
	"import":         {"/v1/import", `{"op":"accrual","id":"$ID","card":"buyer","amount":1000}` + "\n"},

	"findMembers":       {"/v1/members?q=buyer", ""},
	"putMember":         {"/v1/members/fresh", `{"id":"$ID","store":"$STORE","name":"Somebody"}`},
	"getMember":         {"/v1/members/buyer", ""},
	"ledger":            {"/v1/members/buyer/ledger", ""},
	"categories":        {"/v1/members/buyer/categories", ""},
	"consents":          {"/v1/members/buyer/consents", ""},
	"exportMember":      {"/v1/members/buyer/export", ""},
	"notes":             {"/v1/members/buyer/notes", ""},
	"postNote":          {"/v1/members/buyer/notes", `{"id":"$ID","text":"t","actor":"a"}`},
	"postCode":          {"/v1/members/buyer/codes", ""},
	"putCard":           {"/v1/members/buyer/cards/second", `{"carrier":"plastic"}`},
	"postMerge":         {"/v1/members/buyer/merge", `{"id":"$ID","from":"part","reason":"r","actor":"a"}`},
	"postUnmerge":       {"/v1/merges/merged/undo", `{"id":"$ID","reason":"r","actor":"a"}`},
	"postErase":         {"/v1/members/gone/erase", `{"id":"$ID","reason":"r","actor":"a"}`},
	"givenCertificates": {"/v1/members/buyer/certificates", ""},
	"postCertificate":   {"/v1/members/buyer/certificates", `{"id":"$ID","certificate":"sorry","reason":"r","actor":"a"}`},

	"instruments":  {"/v1/instruments", ""},
	"emissions":    {"/v1/instruments/gift/emissions", ""},
	"postEmission": {"/v1/instruments/gift/emissions", `{"id":"$ID","count":1}`},
	"numbers":      {"/v1/instruments/gift/numbers?emission=gifts", ""},
	"getNumber":    {"/v1/numbers/$NUMBER", ""},

	"events":            {"/v1/events?after=0", ""},
	"segments":          {"/v1/segments", ""},
	"segmentMembers":    {"/v1/segments/new/members", ""},
	"querySegments":     {"/v1/segments/query", `{"expr":"new"}`},
	"audiences":         {"/v1/audiences", ""},
	"postAudience":      {"/v1/audiences", `{"id":"$ID","expr":"!blocked"}`},
	"getAudience":       {"/v1/audiences/all", ""},
	"audienceMembers":   {"/v1/audiences/all/members?group=addressed", ""},
	"postAudienceGrant": {"/v1/audiences/all/grants", `{"id":"$ID","points":1,"reason":"r","actor":"a"}`},
	"mailings":          {"/v1/mailings", ""},
	"postMailing":       {"/v1/mailings", `{"id":"$ID","audience":"all","channels":[{"channel":"push","timeout_minutes":5}]}`},
	"getMailing":        {"/v1/mailings/mail", ""},
	"postDispatch":      {"/v1/mailings/mail/dispatches", `{"id":"$ID","channel":"push"}`},
	"postDelivery":      {"/v1/mailings/mail/deliveries", `{"id":"$ID","channel":"push","results":[{"member_id":"$MEMBER","status":"delivered"}]}`},
	"rfm":               {"/v1/rfm", ""},
	"rfmMembers":        {"/v1/rfm/members", ""},
	"rfmNumbers":        {"/v1/rfm/numbers", ""},
	"postRefresh":       {"/v1/rfm/refresh", `{"id":"$ID"}`},
	"report":            {"/v1/reports/program", ""},
	"simulateProgram":   {"/v1/simulations/program", strangersProgram},
	"payback":           {"/v1/simulations/roi", `{"cost_per_month":1000,"margin_bp":4000}`},

	"getProgram":      {"/v1/program", ""},
	"putProgram":      {"/v1/program?at=2027-01-01T00:00:00Z", strangersProgram},
	"deleteScheduled": {"/v1/program/scheduled", ""},
	"programHistory":  {"/v1/program/history", ""},
	"audits":          {"/v1/audit?list=refusals", ""},
	"backup":          {"/v1/backup?people_keys=apart", ""},
	"getKeys":         {"/v1/keys", ""},
	"postKey":         {"/v1/keys", `{"id":"$ID","role":"admin"}`},
	"deleteKey":       {"/v1/keys/spare", ""},
	"getClock":        {"/v1/clock", ""},
	"postClock":       {"/v1/clock", `{"now":"2026-03-02T11:00:00Z"}`},
	"books":           {"/v1/books", ""},

	"healthz": {"/healthz", ""},
	"readyz":  {"/readyz", ""},
	"metrics": {"/metrics", ""},
	"openapi": {"/openapi.yaml", ""},
}

const strangersProgram = testProgram + `
certificates: [{id: sorry, points: 1000, valid_days: 10, max_redeem_bp: 5000}]
instruments: [{id: gift, kind: gift_certificate, value: 4000, valid_days: 90, prefix: "22"}]
`

// guarded is a shop in which everything that works asks for is there.
type guarded struct {
	*shop
	n              int
	number, member string
}

func newGuarded(t testing.TB, opts Options) *guarded {
	g := &guarded{shop: openWith(t, strangersProgram, opts)}
	for _, card := range []string{"buyer", "part", "twin", "gone"} {
		g.enrol(card)
	}
	g.member = g.get("/v1/members/buyer").at("member_id").(string)
	g.post("/v1/receipts", `{"id":"sale","card":"buyer","amount":100000,"store":"S1","till":"1","receipt_no":"1"}`).is(201)
	for _, id := range []string{"hold", "other"} {
		g.post("/v1/holds", `{"id":"`+id+`","card":"buyer","points":10,"expires_at":"2026-03-04T00:00:00Z"}`).is(201)
	}
	admin := func(path, body string) *reply { return g.as("admin", "POST", path, body).is(201) }
	admin("/v1/members/buyer/merge", `{"id":"merged","from":"twin","reason":"r","actor":"a"}`)
	admin("/v1/instruments/gift/emissions", `{"id":"gifts","count":1}`)
	csv := g.as("admin", "GET", "/v1/instruments/gift/numbers?emission=gifts", "").is(200)
	g.number, _, _ = strings.Cut(strings.Split(csv.text, "\n")[1], ",")
	admin("/v1/audiences", `{"id":"all","expr":"!blocked"}`)
	admin("/v1/mailings", `{"id":"mail","audience":"all","channels":[{"channel":"push","timeout_minutes":5}]}`)
	admin("/v1/mailings/mail/dispatches", `{"id":"handed","channel":"push","limit":1}`)
	g.as("admin", "PUT", "/v1/program?at=2027-01-01T00:00:00Z", strangersProgram).is(200)
	g.keys["revoked"] = g.newKey("old", kopilka.RoleAdmin, "")
	g.as("admin", "DELETE", "/v1/keys/old", "").is(200)
	g.newKey("spare", kopilka.RoleAdmin, "")
	g.keys["s2"] = g.newKey("s2", kopilka.RoleTill, "S2")
	return g
}

// request fills a request in.
func (g *guarded) request(op, store string) (path, body string) {
	g.t.Helper()
	w, ok := works[op]
	if !ok {
		g.t.Fatalf("%s is in openapi.yaml and not among the requests that work: add it, so that it is proved to be guarded", op)
	}
	g.n++
	fill := strings.NewReplacer("$ID", fmt.Sprintf("w%d", g.n), "$STORE", store, "$NUMBER", g.number, "$MEMBER", g.member)
	return fill.Replace(w.path), fill.Replace(w.body)
}

// hash is the hash of all books, and the position that they stand at.
func (g *guarded) hash() string {
	g.t.Helper()
	hash, at, err := g.queue.Hash()
	if err != nil {
		g.t.Fatal(err)
	}
	return fmt.Sprintf("%s at %d", hex.EncodeToString(hash[:]), at)
}

// outcome is what became of a request: that of its only line, where it is a batch.
func (r *reply) outcome() (status int, code string) {
	status = r.status
	if n, ok := r.json["status"]; ok && r.status == 200 && fmt.Sprint(n) != "ok" && fmt.Sprint(n) != "ready" {
		fmt.Sscan(fmt.Sprint(n), &status)
	}
	code, _ = r.json["code"].(string)
	if inner, ok := r.json["problem"].(map[string]any); ok {
		code, _ = inner["code"].(string)
	}
	return status, code
}

// TestStrangers sends a request that works to every route of openapi.yaml with every
// kind of wrong key. Each is answered as the document says, and leaves the log at
// the same position and the books with the same hash. Then whoever may sends it, and is let in.
func TestStrangers(t *testing.T) {
	g := newGuarded(t, Options{})
	till := g.keys["till"]
	last := byte('A')
	if till[len(till)-1] == last {
		last = 'B'
	}
	bad := map[string]string{
		"no key":       "",
		"malformed":    "kpk_till_short",
		"unknown id":   "kpk_nobody_" + strings.Repeat("A", 43),
		"wrong secret": till[:len(till)-1] + string(last),
		"revoked":      g.keys["revoked"],
	}
	want, at, n := g.hash(), g.queue.Seq(), 0
	check := func(o operationOf, method, who, store string, status int, code code) {
		t.Helper()
		n++
		path, body := g.request(o.id, store)
		r := g.as(who, method, path, body)
		got, word := r.outcome()
		if got != status || method != "HEAD" && word != string(code) {
			t.Errorf("%s %s with %s: %d %s; want %d %s\n%s", method, path, who, got, word, status, code, r.text)
		}
		// Nothing moves the books but what takes a position of the log; that they are the
		// same to the last byte is looked at after every route.
		if now := g.queue.Seq(); now != at {
			t.Fatalf("%s %s with %s moved the log from %d to %d", method, path, who, at, now)
		}
	}
	for name, key := range bad {
		g.keys[name] = key
	}
	all := operations(t)
	for _, o := range all {
		methods := []string{o.method}
		if o.method == "GET" {
			methods = append(methods, "HEAD")
		}
		for _, method := range methods {
			if o.open {
				continue
			}
			for name := range bad {
				check(o, method, name, "S1", 401, codeUnauthorized)
			}
			for _, role := range []string{"till", "analyst", "admin"} {
				if !slices.Contains(o.roles, role) {
					check(o, method, role, "S1", 403, codeForbidden)
				}
			}
			if o.store != "" {
				check(o, method, "s2", "S1", 403, codeForbidden)
			}
			if o.store == "own" != strings.Contains(works[o.id].body, "$STORE") {
				t.Errorf("%s: x-store is %q, and the body that works is %s", o.id, o.store, works[o.id].body)
			}
		}
		if now := g.hash(); now != want {
			t.Fatalf("strangers at %s %s moved the books from %s to %s", o.method, o.path, want, now)
		}
	}
	t.Logf("%d requests of strangers left the books at %s", n, want)

	for _, o := range all {
		done := false
		keys := slices.Clone(o.roles)
		if o.open {
			keys = []string{"", "revoked"}
		}
		if o.store == "own" {
			keys = append(keys, "s2")
		}
		for _, who := range keys {
			path, body := g.request(o.id, map[string]string{"s2": "S2"}[who])
			status, code := g.as(who, o.method, path, body).outcome()
			if status == 401 || status == 403 {
				t.Errorf("%s %s with %q is not let in: %d %s", o.method, path, who, status, code)
			}
			done = done || status < 300
		}
		if !done {
			t.Errorf("%s %s does not work with any key, so turning strangers away from it proves nothing", o.method, o.path)
		}
	}
}

// TestStrangersPowers: what only an admin may say on a route that tills have.
func TestStrangersPowers(t *testing.T) {
	g := newGuarded(t, Options{})
	want := g.hash()
	f := func(method, path, body string) {
		t.Helper()
		for _, who := range []string{"till", "s1"} {
			if status, code := g.as(who, method, path, body).outcome(); status != 403 || code != string(codeForbidden) {
				t.Errorf("%s %s %s with %s: %d %s", method, path, body, who, status, code)
			}
			if now := g.hash(); now != want {
				t.Fatalf("%s %s %s with %s moved the books", method, path, body, who)
			}
		}
	}
	f("POST", "/v1/accruals", `{"id":"x","card":"buyer","points":1,"reason":"r"}`)
	f("POST", "/v1/batch", `{"op":"accrual","id":"x","card":"buyer","points":1,"reason":"r"}`+"\n")
	f("POST", "/v1/batch", `{"op":"adjustment","id":"x","card":"buyer","points":1,"reason":"r","actor":"a"}`+"\n")
	f("POST", "/v1/batch", `{"op":"member","card":"buyer","blocked":true}`+"\n")
	f("POST", "/v1/batch", `{"op":"member","card":"buyer","tier":"gold"}`+"\n")
	f("PUT", "/v1/members/buyer", `{"blocked":true}`)
	f("PUT", "/v1/members/buyer", `{"blocked":false}`)
	f("PUT", "/v1/members/buyer", `{"tier":"gold"}`)
	f("PUT", "/v1/members/buyer/cards/buyer", `{"blocked":true}`)
	f("PUT", "/v1/members/buyer/cards/buyer", `{"blocked":false}`)
}

// TestStrangersHeaders: what else may look like a key to somebody is none, and opens nothing.
func TestStrangersHeaders(t *testing.T) {
	g := newGuarded(t, Options{})
	want, key := g.hash(), g.keys["admin"]
	f := func(path string, headers ...string) {
		t.Helper()
		req, err := http.NewRequest("POST", "http://shop"+path, bytes.NewReader([]byte(`{"id":"x","card":"buyer","points":1,"reason":"r","actor":"a"}`)))
		if err != nil {
			t.Fatal(err)
		}
		for i := 0; i < len(headers); i += 2 {
			req.Header.Set(headers[i], headers[i+1])
		}
		resp, err := g.client.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		text, _ := io.ReadAll(resp.Body)
		if resp.StatusCode != 401 || g.hash() != want {
			t.Errorf("%s with %q: %d %s", path, headers, resp.StatusCode, text)
		}
	}
	f("/v1/adjustments", "Authorization", key)
	f("/v1/adjustments", "Authorization", "Basic "+key)
	f("/v1/adjustments", "Authorization", "Bearer"+key)
	f("/v1/adjustments", "Authorization", "Bearer "+key+" "+key)
	f("/v1/adjustments", "Authorization", "Bearer "+strings.ToUpper(key))
	f("/v1/adjustments", "X-Api-Key", key)
	f("/v1/adjustments", "Cookie", "Authorization=Bearer "+key)
	f("/v1/adjustments", "X-Forwarded-User", "admin")
	f("/v1/adjustments?key=" + key)
	f("/v1/adjustments?Authorization=Bearer%20" + key)
}
