package api

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/kopilka/kopilka"
)

// handed are the members whom a dispatch has given, by a field.
func (r *reply) handed(field string) (all []string) {
	for _, x := range r.json["members"].([]any) {
		text, _ := x.(map[string]any)[field].(string)
		all = append(all, text)
	}
	return all
}

// Many gateways that ask at once are never given the same member, and each is given the
// same again; those held out are given to nobody.
func TestDispatchOnce(t *testing.T) {
	s := open(t)
	for i := range 60 {
		s.enrol(fmt.Sprintf("card-%02d", i))
	}
	s.as("admin", "POST", "/v1/audiences", `{"id":"half","expr":"!blocked","control_bp":5000}`).is(201)
	s.as("admin", "POST", "/v1/mailings", `{"id":"m","audience":"half","channels":[{"channel":"push","timeout_minutes":5}]}`).is(201)
	answers := make(chan *reply)
	for i := range 8 {
		go func() {
			answers <- s.as("admin", "POST", "/v1/mailings/m/dispatches", fmt.Sprintf(`{"id":"d%d","channel":"push","limit":7}`, i))
		}()
	}
	var all []string
	for range 8 {
		all = append(all, (<-answers).is(201).handed("card")...)
	}
	slices.Sort(all)
	if want := s.everyone("half", "addressed", 1000); !slices.Equal(all, want) {
		t.Fatalf("handed out are %q; want %q", all, want)
	}
	for i := range 8 {
		body := fmt.Sprintf(`{"id":"d%d","channel":"push","limit":7}`, i)
		first, again := s.as("admin", "POST", "/v1/mailings/m/dispatches", body).is(200), s.as("admin", "POST", "/v1/mailings/m/dispatches", body).is(200)
		if first.text != again.text {
			t.Fatalf("%s, then %s", first.text, again.text)
		}
	}
	r := s.get("/v1/mailings/m").is(200)
	if ch := r.json["channels"].([]any)[0].(map[string]any); fmt.Sprintf("%v %v", ch["dispatched"], ch["due"]) != fmt.Sprintf("%d 0", len(all)) {
		t.Fatal(r.text)
	}
}

// Who is one of two numbers is given once, and heard of by the number that was given;
// of one who was forgotten since only that is left.
func TestDispatchMerged(t *testing.T) {
	s := open(t)
	for _, name := range []string{"anna", "ania", "boris"} {
		s.as("till", "PUT", "/v1/members/"+name, `{"name":"`+name+`"}`).is(201)
	}
	s.as("admin", "POST", "/v1/audiences", `{"id":"all","expr":"!blocked"}`).is(201)
	s.as("admin", "POST", "/v1/mailings", `{"id":"m","audience":"all","channels":[{"channel":"push","timeout_minutes":5}]}`).is(201)
	s.as("admin", "POST", "/v1/members/ania/merge", `{"id":"merge","from":"anna","reason":"r","actor":"a"}`).is(201)
	const body = `{"id":"d","channel":"push"}`
	r := s.as("admin", "POST", "/v1/mailings/m/dispatches", body).is(201)
	if names := r.handed("name"); !slices.Equal(names, []string{"ania", "boris"}) {
		t.Fatal(r.text)
	}
	ids := r.handed("member_id")
	s.as("admin", "POST", "/v1/members/ania/erase", `{"id":"e","reason":"r","actor":"a"}`).is(201)
	again := s.as("admin", "POST", "/v1/mailings/m/dispatches", body).is(200)
	if !slices.Equal(again.handed("member_id"), ids) || strings.Contains(again.text, "ania") || !slices.Equal(again.handed("card"), []string{"", "boris"}) {
		t.Fatal(again.text)
	}
	for i, id := range ids {
		s.as("admin", "POST", "/v1/mailings/m/deliveries", fmt.Sprintf(`{"id":"h%d","channel":"push","results":[{"member_id":%q,"status":"delivered"}]}`, i, id)).is(201)
	}
}

// A mailing that asks for consent goes to those who have given it, and have not taken
// it back.
func TestDispatchConsent(t *testing.T) {
	s := open(t)
	const consent = `{"consent":{"text_version":"v1","at":"2026-03-01T12:00:00Z"}}`
	s.as("till", "PUT", "/v1/members/anna", consent).is(201)
	s.as("till", "PUT", "/v1/members/boris", `{}`).is(201)
	s.as("till", "PUT", "/v1/members/vera", consent).is(201)
	s.as("admin", "POST", "/v1/audiences", `{"id":"all","expr":"!blocked"}`).is(201)
	s.as("admin", "POST", "/v1/mailings", `{"id":"m","audience":"all","channels":[{"channel":"push","timeout_minutes":5}],"requires_consent":true}`).is(201)
	s.as("till", "PUT", "/v1/members/vera", `{"consent":null}`).is(200)
	if due := s.get("/v1/mailings/m").is(200).json["channels"].([]any)[0].(map[string]any)["due"]; fmt.Sprint(due) != "1" {
		t.Fatalf("%v are due", due)
	}
	r := s.as("admin", "POST", "/v1/mailings/m/dispatches", `{"id":"d","channel":"push"}`).is(201)
	if cards := r.handed("card"); !slices.Equal(cards, []string{"anna"}) {
		t.Fatal(r.text)
	}
}

// The list of mailings goes on where a page ends, the newest first.
func TestMailings(t *testing.T) {
	s := open(t)
	s.enrol("anna")
	s.as("admin", "POST", "/v1/audiences", `{"id":"all","expr":"!blocked"}`).is(201)
	for i := range 5 {
		s.as("admin", "POST", "/v1/mailings", fmt.Sprintf(`{"id":"m%d","audience":"all","channels":[{"channel":"push","timeout_minutes":5}]}`, i)).is(201)
	}
	var got []string
	for cursor := ""; ; {
		r := s.get("/v1/mailings?limit=2" + cursor).is(200)
		for _, x := range r.json["data"].([]any) {
			got = append(got, x.(map[string]any)["id"].(string))
		}
		next, more := r.json["next_cursor"].(string)
		if !more {
			break
		}
		cursor = "&cursor=" + next
	}
	if strings.Join(got, " ") != "m4 m3 m2 m1 m0" {
		t.Fatalf("%q", got)
	}
}

// What cannot be read is named, and changes nothing.
func TestMailingBad(t *testing.T) {
	s := open(t)
	s.enrol("anna")
	s.as("admin", "POST", "/v1/audiences", `{"id":"all","expr":"!blocked"}`).is(201)
	s.as("admin", "POST", "/v1/mailings", `{"id":"m","audience":"all","channels":[{"channel":"push","timeout_minutes":5}]}`).is(201)
	anna := s.as("admin", "POST", "/v1/mailings/m/dispatches", `{"id":"d","channel":"push"}`).is(201).handed("member_id")[0]
	s.enrol("late")
	late := s.get("/v1/members/late").is(200).json["member_id"].(string)
	seq := s.queue.Seq()
	channel := `{"channel":"push","timeout_minutes":5}`
	many := strings.TrimSuffix(strings.Repeat(`{"member_id":"x","status":"failed"},`, dispatchMax+1), ",")
	for _, bad := range []struct{ path, body, at string }{
		{"", `{"id":"a","channels":[` + channel + `]}`, "/audience"},
		{"", `{"id":"a","audience":"all"}`, "/channels"},
		{"", `{"id":"a","audience":"all","channels":[]}`, "/channels"},
		{"", `{"id":"a","audience":"all","channels":[` + channel + `,` + channel + `]}`, "/channels/1/channel"},
		{"", `{"id":"a","audience":"all","channels":[{"channel":"push","timeout_minutes":0}]}`, "/channels/0/timeout_minutes"},
		{"", `{"id":"a","audience":"all","channels":[{"channel":"push","timeout_minutes":43201}]}`, "/channels/0/timeout_minutes"},
		{"", `{"id":"a","audience":"all","channels":[{"channel":"push"}]}`, "/channels/0"},
		{"", `{"id":"a","audience":"all","channels":[{"timeout_minutes":1}]}`, "/channels/0"},
		{"", `{"id":"a","audience":"all","channels":[{"channel":"Push","timeout_minutes":1}]}`, "/channels/0/channel"},
		{"", `{"id":"a","audience":"all","channels":[{"channel":"push","timeout_minutes":1,"cost":1000001}]}`, "/channels/0/cost"},
		{"", `{"id":"a","audience":"all","channels":[` + channel + `],"starts_at":"2026-03-02T12:00:00Z","ends_at":"2026-03-02T12:00:00Z"}`, "/ends_at"},
		{"/m/dispatches", `{"id":"a"}`, "/channel"},
		{"/m/dispatches", `{"id":"a","channel":"sms"}`, "/channel"},
		{"/m/dispatches", `{"id":"a","channel":"push","limit":0}`, "/limit"},
		{"/m/dispatches", `{"id":"a","channel":"push","limit":1001}`, "/limit"},
		{"/m/deliveries", `{"id":"a","results":[]}`, "/channel"},
		{"/m/deliveries", `{"id":"a","channel":"push","results":[]}`, "/results"},
		{"/m/deliveries", `{"id":"a","channel":"push","results":[{"member_id":"x"}]}`, "/results/0"},
		{"/m/deliveries", `{"id":"a","channel":"push","results":[{"status":"failed"}]}`, "/results/0"},
		{"/m/deliveries", `{"id":"a","channel":"push","results":[{"member_id":"x","status":"read"}]}`, "/results/0/status"},
		{"/m/deliveries", `{"id":"a","channel":"push","results":[{"member_id":"` + anna + `","status":"failed"},{"member_id":"` + late + `","status":"failed"}]}`, "/results/1/member_id"},
		{"/m/deliveries", `{"id":"a","channel":"push","results":[{"member_id":"nobody","status":"failed"}]}`, "/results/0/member_id"},
		{"/m/deliveries", `{"id":"a","channel":"sms","results":[{"member_id":"` + anna + `","status":"failed"}]}`, "/channel"},
		{"/m/deliveries", `{"id":"a","channel":"push","results":[` + many + `]}`, "/results"},
	} {
		r := s.as("admin", "POST", "/v1/mailings"+bad.path, bad.body).is(400)
		if at := r.json["errors"].([]any)[0].(map[string]any)["pointer"]; at != bad.at {
			t.Errorf("%.200s: the fault is at %s; want %s", bad.body, at, bad.at)
		}
	}
	s.as("admin", "POST", "/v1/mailings", `{"id":"a","audience":"m","channels":[`+channel+`]}`).is(404)
	s.as("admin", "POST", "/v1/mailings/all/dispatches", `{"id":"a","channel":"push"}`).is(404)
	s.as("admin", "POST", "/v1/mailings/none/deliveries", `{"id":"a","channel":"push","results":[{"member_id":"x","status":"failed"}]}`).is(404)
	s.as("analyst", "GET", "/v1/mailings/all", "").is(404)
	for _, path := range []string{"", "/m/dispatches", "/m/deliveries"} {
		s.as("analyst", "POST", "/v1/mailings"+path, `{}`).is(403)
		s.as("till", "POST", "/v1/mailings"+path, `{}`).is(403)
	}
	s.as("till", "GET", "/v1/mailings", "").is(403)
	s.as("admin", "POST", "/v1/mailings/m/dispatches", `{"id":"d","channel":"push","limit":3}`).is(422)
	if s.queue.Seq() != seq {
		t.Fatalf("the log went on from %d to %d", seq, s.queue.Seq())
	}
}

// The feed, the reports and another program's cost pass over what mailings have left
// in the log.
func TestMailingPassedOver(t *testing.T) {
	s := open(t)
	s.enrol("anna")
	s.as("admin", "POST", "/v1/audiences", `{"id":"all","expr":"!blocked"}`).is(201)
	s.as("admin", "POST", "/v1/mailings", `{"id":"m","audience":"all","channels":[{"channel":"push","timeout_minutes":5}]}`).is(201)
	id := s.as("admin", "POST", "/v1/mailings/m/dispatches", `{"id":"d","channel":"push"}`).is(201).handed("member_id")[0]
	s.as("admin", "POST", "/v1/mailings/m/deliveries", `{"id":"h","channel":"push","results":[{"member_id":"`+id+`","status":"delivered"}]}`).is(201)
	last := s.post("/v1/receipts", `{"id":"r","card":"anna","amount":1000}`).is(201)
	if r := s.get("/v1/events").is(200); r.int("next_after") != last.int("seq") {
		t.Fatal(r.text)
	}
	now := s.queue.Now() + kopilka.Time(time.Hour.Milliseconds())
	s.as("admin", "POST", "/v1/clock", fmt.Sprintf(`{"now":%q}`, now.Std().Format(time.RFC3339))).is(200)
	s.as("admin", "GET", "/v1/books", "").is(200)
}
