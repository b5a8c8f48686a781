package api

import (
	"fmt"
	"slices"
	"sync"
	"testing"

	"github.com/kopilka/kopilka"
	"github.com/kopilka/kopilka/engine"
	"github.com/kopilka/kopilka/people"
)

// no is the number behind a card.
func (s *shop) no(card string) (no kopilka.MemberNo) {
	s.queue.View(func(b *engine.State) { no, _ = b.ByCard(card) })
	return no
}

// learnt is what the indexes in memory know of a member: the sex, and which of some
// names find him.
func (s *shop) learnt(no kopilka.MemberNo, names ...string) string {
	text := ""
	for _, sex := range []string{"m", "f", "x"} {
		is := make([]int64, 1)
		if s.server.facets.Sex(sex, no, is); is[0] == 1 {
			text += sex
		}
	}
	for _, name := range names {
		if slices.Contains(slices.Collect(s.server.names.Candidates(name)), no) {
			text += " " + name
		}
	}
	for d := range s.server.dates.All(people.BirthDate) {
		if d.Member == no {
			text += fmt.Sprintf(" %02d-%02d", d.Month, d.Day)
		}
	}
	return text
}

// TestLearnsInOrderOfLog settles changes of one member in other orders than that of the
// log, as the lines of a batch may be, and after he was forgotten.
func TestLearnsInOrderOfLog(t *testing.T) {
	s := openWith(t, birthdayProgram, Options{})
	versions := []people.Profile{
		{Name: "Anna Berg", Sex: "f", BirthDate: "1990-01-01"},
		{Name: "Boris Berg", Sex: "m", BirthDate: "1990-05-20"},
		{Name: "Clara Berg", Sex: "x", BirthDate: "1990-08-10"},
	}
	names := []string{"Anna", "Boris", "Clara", "Berg"}
	order := [][]int{{0, 1, 2}, {0, 2, 1}, {2, 0, 1}, {2, 1, 0}, {1, 0, 2}, {1, 2, 0}, {0, 1, 2, 1, 0}}
	for k, turns := range order {
		card := fmt.Sprintf("c%d", k)
		var seqs []kopilka.Seq
		for _, v := range versions {
			r := s.as("till", "PUT", "/v1/members/"+card, fmt.Sprintf(`{"name":%q,"sex":%q,"birth_date":%q}`, v.Name, v.Sex, v.BirthDate))
			seqs = append(seqs, kopilka.Seq(r.int("seq")))
		}
		no := s.no(card)
		late := func() {
			for _, v := range turns {
				m := memberChange{merged: versions[v]}
				if v > 0 {
					m.before = versions[v-1]
				}
				s.server.learn(&m, no, seqs[v])
			}
		}
		s.server.names.Forget([]kopilka.MemberNo{no})
		late()
		if got, want := s.learnt(no, names...), "x Clara Berg 08-10"; got != want {
			t.Fatalf("learnt in the order %v: %q; want %q", turns, got, want)
		}
		s.as("admin", "POST", "/v1/members/"+card+"/erase", fmt.Sprintf(`{"id":"x%d","reason":"r","actor":"o"}`, k)).is(201)
		late()
		if got := s.learnt(no, names...); got != "" {
			t.Fatalf("learnt in the order %v after he was forgotten: %q", turns, got)
		}
	}
}

// TestForgottenWhilePut erases members by one card while they are changed by another.
func TestForgottenWhilePut(t *testing.T) {
	s := open(t)
	for k := range 40 {
		a, b := fmt.Sprintf("A%d", k), fmt.Sprintf("B%d", k)
		s.as("till", "PUT", "/v1/members/"+a, `{"name":"Erika","sex":"f"}`).is(201)
		s.as("till", "PUT", "/v1/members/"+a+"/cards/"+b, `{}`).is(201)
		no := s.no(a)
		var both sync.WaitGroup
		both.Go(func() {
			for i := range 4 {
				r := s.as("till", "PUT", "/v1/members/"+a, fmt.Sprintf(`{"name":"Zoe%d","sex":"m"}`, i))
				if r.status != 200 && r.status != 201 {
					t.Errorf("%d %s", r.status, r.text)
				}
			}
		})
		both.Go(func() {
			s.as("admin", "POST", "/v1/members/"+b+"/erase", fmt.Sprintf(`{"id":"x%d","reason":"r","actor":"o"}`, k)).is(201)
		})
		both.Wait()
		if got := s.learnt(no, "Erika", "Zoe"); got != "" {
			t.Fatalf("round %d: %q is known of a member who was forgotten", k, got)
		}
	}
}

// TestContentSaysNothing tries the phone of a member who was forgotten against the
// fingerprint of his receipt, as whoever has the log and no master key would.
func TestContentSaysNothing(t *testing.T) {
	s := open(t)
	s.as("till", "PUT", "/v1/members/c1", `{"phone":"+79001234567"}`).is(201)
	sale := `{"id":"r1","phone":"+79001234567","amount":1000,"store":"S1","till":"T1"}`
	s.post("/v1/receipts", sale).is(201)
	s.as("admin", "POST", "/v1/members/c1/erase", `{"id":"x","reason":"r","actor":"o"}`).is(201)
	s.post("/v1/receipts", sale).is(200)
	found, err := s.queue.FindID("r1")
	if err != nil {
		t.Fatal(err)
	}
	record, err := s.queue.Command(found.Seq)
	if err != nil {
		t.Fatal(err)
	}
	c := *record.Command.(*kopilka.Receipt)
	want := c.Content
	c.At = 0 // was not said
	print := func(secret kopilka.ContentSecret) uint64 {
		var p kopilka.ContentPrint
		p.SetSecret(secret)
		p.Receipt(kopilka.ByPhone, "+79001234567", &c)
		return p.Sum()
	}
	if got := print(s.server.vault.ContentSecret()); got != want {
		t.Fatalf("the content was %#x and is %#x", want, got)
	}
	if print(kopilka.ContentSecret{1}) == want {
		t.Fatal("the fingerprint does not depend on the secret")
	}
}

// TestAttributesSayWhatTheyDo changes nothing by {} and clears by null, which is not the
// same content.
func TestAttributesSayWhatTheyDo(t *testing.T) {
	s := open(t)
	s.as("till", "PUT", "/v1/members/c", `{"attributes":{"a":"1"}}`).is(201)
	s.as("till", "PUT", "/v1/members/c", `{"id":"x","attributes":{}}`).is(200)
	s.get("/v1/members/c").is(200, "attributes.a", "1")
	s.as("till", "PUT", "/v1/members/c", `{"id":"x","attributes":null}`).refused(codeIdempotencyMismatch, "")
	s.as("till", "PUT", "/v1/members/c", `{"id":"y","attributes":null}`).is(200)
	if got := s.get("/v1/members/c").at("attributes"); len(got.(map[string]any)) != 0 {
		t.Fatal(got)
	}
}
