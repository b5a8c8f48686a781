package client_test

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/kopilka/kopilka"
	"github.com/kopilka/kopilka/client"
)

// shopOfFive serves a shop in which C1 to C4 bought, and C0 took something for nothing.
func shopOfFive(t *testing.T) *client.Client {
	t.Helper()
	c := serve(t)
	for i := range 5 {
		card := fmt.Sprintf("C%d", i)
		if _, err := c.PutMember(client.PutMember{ID: "m" + card, Card: card}); err != nil {
			t.Fatal(err)
		}
		r := client.Receipt{ID: "r" + card, Buyer: client.ByCard(card), Deed: client.Deed{Store: "S01"}, Amount: kopilka.Money(i) * 100_000}
		if _, err := c.Receipt(r); err != nil {
			t.Fatal(err)
		}
	}
	return c
}

// TestQuery turns the pages of whom an expression means.
func TestQuery(t *testing.T) {
	c := shopOfFive(t)
	selected := must[*client.Selection](t)
	if s := selected(c.Query(client.Query{Expr: "monetary>150000"})); s.Count != 3 || s.Data != nil || s.AsOf != "2026-06-01" || s.Seq == 0 {
		t.Fatalf("%+v", s)
	}
	var cards []string
	q := client.Query{Expr: "monetary > 150000 & !blocked", Limit: 2}
	for {
		s := selected(c.Query(q))
		if s.Expr != "monetary>=150001 & !blocked" {
			t.Fatalf("%+v", s)
		}
		for _, m := range s.Data {
			if m.RecencyDays == nil || *m.RecencyDays != 0 || m.F != 1 || m.Frequency != 1 {
				t.Fatalf("%+v", m)
			}
			cards = append(cards, m.Card)
		}
		if q.Cursor = s.NextCursor; q.Cursor == "" {
			break
		}
	}
	if fmt.Sprint(cards) != "[C2 C3 C4]" {
		t.Fatal(cards)
	}
	// Who took something for nothing has never bought.
	if s := selected(c.Query(client.Query{Expr: "segment:none", Limit: 5})); len(s.Data) != 1 || s.Data[0].RecencyDays != nil || s.Data[0].R != 0 {
		t.Fatalf("%+v", s)
	}
	var b bytes.Buffer
	if err := c.QueryCSV(&b, "monetary>150000"); err != nil || strings.Count(b.String(), "\n") != 1+3 {
		t.Fatalf("%v\n%s", err, b.String())
	}
	_, err := c.Query(client.Query{Expr: "monetery>5"})
	if p := code(t, err, "malformed"); !strings.Contains(p.Detail, "monetary") {
		t.Fatalf("%+v", p)
	}
}

// TestReport reads figures and tables of reports of several forms.
func TestReport(t *testing.T) {
	c := shopOfFive(t)
	report := must[*client.Report](t)
	r := report(c.Report("program", client.Period{From: "2026-06-01", To: "2026-06-01"}))
	if r.Name != "program" || r.From != "2026-06-01" || r.To != "2026-06-01" || r.Seq == 0 || *r.Figures["turnover"] != 1_000_000 || *r.Figures["contacts"] != 5 {
		t.Fatalf("%+v", r)
	}
	if by := r.Tables["naming"][0]; by.Words["by"] != "card" || *by.Figures["receipts"] != 5 {
		t.Fatalf("%+v", by)
	}
	r = report(c.Report("program", client.Period{To: "2026-05-01"}))
	if n, told := r.Figures["average_receipt_members"]; n != nil || !told {
		t.Fatalf("an average of nothing: %+v", r.Figures)
	}
	if r = report(c.Report("stores", client.Period{})); r.Tables["stores"][0].Words["store"] != "S01" || len(r.Figures) != 0 {
		t.Fatalf("%+v", r)
	}
	if r = report(c.Report("liability", client.Period{})); r.AsOf != "2026-06-01" || *r.Figures["balance"] != 10_000 || *r.Tables["owed"][0].Figures["members"] != 4 {
		t.Fatalf("%+v", r)
	}
	f := func(table, want string) {
		t.Helper()
		var b bytes.Buffer
		if err := c.ReportCSV(&b, "program", table, client.Period{}); err != nil || !strings.HasPrefix(b.String(), want) {
			t.Fatalf("%v\n%s", err, b.String())
		}
	}
	f("", "figure,value\ncontacts,5\n")
	f("naming", "by,receipts,share_bp\ncard,5,10000\n")
	code(t, c.ReportCSV(&bytes.Buffer{}, "program", "zz", client.Period{}), "malformed")
	_, err := c.Report("zz", client.Period{})
	code(t, err, "not-found")
}

// TestScheduledProgram has programs come by themselves and be withdrawn.
func TestScheduledProgram(t *testing.T) {
	c := serve(t)
	program := must[*client.Program](t)
	first := program(c.Program())
	if first.Scheduled != nil {
		t.Fatalf("%+v", first.Scheduled)
	}
	second := bytes.Replace(first.Program, []byte(`"pending_days":0`), []byte(`"pending_days":1`), 1)
	noon := time.Date(2026, 6, 3, 12, 0, 0, 0, time.FixedZone("", 3*3600))
	if err := c.ScheduleProgram("p2", second, noon); err != nil {
		t.Fatal(err)
	}
	if p := program(c.Program()); p.Version != 1 || p.Scheduled == nil || !p.Scheduled.InForceFrom.Equal(noon) || !bytes.Equal(p.Scheduled.Program, second) {
		t.Fatalf("%+v", p)
	}
	if err := c.WithdrawProgram("w1"); err != nil {
		t.Fatal(err)
	}
	if p := program(c.Program()); p.Scheduled != nil {
		t.Fatalf("%+v", p.Scheduled)
	}
	if err := c.ScheduleProgram("p3", second, noon); err != nil {
		t.Fatal(err)
	}
	if _, err := c.SetClock(noon.Add(time.Minute)); err != nil {
		t.Fatal(err)
	}
	versions, next, err := c.ProgramHistory(1, "")
	if err != nil || len(versions) != 1 || versions[0].Version != 2 || !versions[0].InForceSince.Equal(noon) || !bytes.Equal(versions[0].Program, second) || next == "" {
		t.Fatalf("%+v, %q, %v", versions, next, err)
	}
	versions, next, err = c.ProgramHistory(0, next)
	if err != nil || len(versions) != 1 || versions[0].Version != 1 || !bytes.Equal(versions[0].Program, first.Program) || next != "" {
		t.Fatalf("%+v, %q, %v", versions, next, err)
	}
}
