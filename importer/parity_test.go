package importer

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/kopilka/kopilka"
	"github.com/kopilka/kopilka/api"
)

// serve puts a server before the books and gives the sink that reaches it.
func (b *books) serve(t *testing.T, earn bool) *HTTP {
	t.Helper()
	key, err := api.NewKey("admin")
	if err != nil {
		t.Fatal(err)
	}
	_, hash, _ := api.ParseKey(key)
	a, err := b.queue.Submit(&kopilka.CreateKey{KeyID: "admin", Hash: hash, Role: kopilka.RoleAdmin})
	if err != nil || a.Outcome.Refusal != kopilka.Accepted {
		t.Fatalf("make a key: %+v, %v", a, err)
	}
	server, err := api.New(api.Options{Log: discard()}, b.queue, b.vault)
	if err != nil {
		t.Fatal(err)
	}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	served := make(chan error, 1)
	go func() { served <- server.Serve(ln) }()
	sink := NewHTTP("http://"+ln.Addr().String(), key, earn)
	t.Cleanup(func() {
		sink.client.CloseIdleConnections()
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		if err := server.Shutdown(ctx); err != nil {
			t.Error(err)
		}
		if err := <-served; err != nil {
			t.Error(err)
		}
	})
	return sink
}

// Files with every column, filled and empty, and rows of every fate. Each names
// what it needs before it does, so that one run settles all rows.
const (
	parityMembers = `card,phone,name,birth_date,sex,store,registered_at,referrer,source,balance
anna,+7 900 123-45-67,"Анна ""Ани"" Ким",1985-02-28,female,S1,2020-01-02,,flyer,150
boris,,Boris,,m,,2021-05-06 12:30:00,anna,,
vera k,,,,,,,,,20
dina,,,1990-01-01,x,,,,"a, b",
gleb,+79001234567,,,,,,,,
egor,,,,,,2027-01-01,,,
`
	parityReceipts = `receipt_id,member,timestamp,amount,store,till,cashier,receipt_no,points_redeemed,return_of
r1,anna,2026-03-05 10:00:00,100.00,S1,T1,k1,1,0.50,
r2,zoya,2026-02-01T10:00:00+05:00,50,"S,1","T ""1""",,,,
r3,,2026-03-05,7.00,S1,,,,,
r4,vera k,2026-04-02 10:00:00,0,,,,,,
x1,anna,2026-03-06 10:00:00,-40.00,S1,,,,,r1
x2,,2026-03-07 10:00:00,-60.00,,,,,,r1
x3,boris,2026-04-01 10:00:00,-9.00,,,,,,
x4,boris,2026-04-01T10:00:00.250Z,-9.00,,,,,,
x5,,2026-03-05 10:00:00,-3.00,,,k2,,,
d1,anna,2026-03-05 11:00:00,100.00,S1,T1,k1,1,,
d2,anna,2026-03-08 10:00:00,-0.01,,,,,,r1
d3,anna,2026-11-23 10:00:00,50,,,,,,
r2,zoya,2026-02-01T10:00:00+05:00,51,"S,1","T ""1""",,,,
r3,,2026-03-05,7.00,S1,,,,,
`
)

// TestBothWays imports files into a folder and again through a server before
// it, and the other way round: what the first run took, the second finds in the
// books, row by row, and changes nothing.
func TestBothWays(t *testing.T) {
	f := func(what string, earn, serverFirst bool) {
		t.Helper()
		b := openBooks(t)
		var first, second Sink = b.sink(earn), b.serve(t, earn)
		if serverFirst {
			first, second = second, first
		}
		for _, file := range []struct {
			kind    Kind
			text    string
			taken   int64
			differs int // rows that name an id of other content
		}{{Members, parityMembers, 4, 0}, {Receipts, parityReceipts, 9, 1}} {
			opts := Options{Kind: file.kind, Decimals: 2, File: write(t, "f.csv", file.text)}
			one := mustRun(t, opts, first)
			set := readRejected(t, opts.File)
			if taken := one.Members + one.Receipts + one.Returns; taken != file.taken {
				t.Fatalf("%s, %s: %+v\n%s", what, file.kind, one, set)
			}
			hash, _, err := b.queue.Hash()
			if err != nil {
				t.Fatal(err)
			}
			two := mustRun(t, opts, second)
			if two.Members+two.Receipts+two.Returns+two.Enrolled != 0 || two.Replayed != one.Rows-one.SetAside || two.SetAside != one.SetAside {
				t.Fatalf("%s, %s again: %+v; first %+v\n%s", what, file.kind, two, one, readRejected(t, opts.File))
			}
			if now, _, err := b.queue.Hash(); err != nil || now != hash {
				t.Fatalf("%s, %s again: the books have changed, %v", what, file.kind, err)
			}
			for _, rows := range [...]string{set, readRejected(t, opts.File)} {
				if n := strings.Count(rows, "idempotency-mismatch"); n != file.differs {
					t.Fatalf("%s, %s: %d rows are refused for their content\n%s", what, file.kind, n, rows)
				}
			}
		}
	}
	f("folder first", false, false)
	f("server first", false, true)
	f("folder first, earning", true, false)
	f("server first, earning", true, true)
}

// TestRowsSetAsideEnrolNobody imports rows of unknown cards that repeat a number or an
// id, or have not come yet, both ways: whose rows are all set aside is no member.
func TestRowsSetAsideEnrolNobody(t *testing.T) {
	const text = `receipt_id,member,timestamp,amount,store,till,receipt_no,return_of
d1,z1,2026-03-05 10:00:00,100,S9,T1,1,
d2,z2,2026-03-05 11:00:00,100,S9,T1,1,
d1,z3,2026-03-05 12:00:00,100,S9,T1,2,
d4,z4,2031-03-05 12:00:00,100,S9,T1,3,
d5,z5,2026-03-05 12:00:00,-100,S9,T1,,d1
d6,z6,2026-03-05 12:00:00,100,S9,T1,3,
d7,z6,2026-03-06 12:00:00,100,S9,T1,3,
d8,z7,2026-03-05 12:00:00,-100,S9,T1,,
d9,z8,2031-03-05 12:00:00,100,S9,T1,9,
d9,z9,2026-03-05 12:00:00,100,S9,T1,9,
`
	for _, way := range []string{"folder", "server"} {
		b := openBooks(t)
		var sink Sink = b.sink(false)
		if way == "server" {
			sink = b.serve(t, false)
		}
		sum := mustRun(t, Options{Kind: Receipts, File: write(t, "r.csv", text)}, sink)
		if sum.Enrolled != 4 || sum.SetAside != 5 {
			t.Errorf("%s: %+v", way, sum)
		}
		for card, want := range map[string]bool{"z1": true, "z2": false, "z3": false, "z4": false, "z5": false, "z6": true, "z7": true, "z8": false, "z9": true} {
			if _, _, _, ok := b.member(card); ok != want {
				t.Errorf("%s: %s is a member: %v", way, card, ok)
			}
		}
	}
}

// TestFirstDayOfBothWays: what is refused, and goods that come back to a receipt, move
// nobody's first day, though they be the earliest of a card; a row further down does.
func TestFirstDayOfBothWays(t *testing.T) {
	const text = `receipt_id,member,timestamp,amount,store,till,receipt_no,return_of
d0,z0,2026-02-05 10:00:00,100,S9,T1,1,
d1,z1,2026-02-05 09:00:00,100,S9,T1,1,
d2,z1,2026-03-07 09:00:00,100,S9,T1,2,
d0,z2,2026-01-05 09:00:00,100,S9,T1,3,
d3,z2,2026-03-08 09:00:00,100,S9,T1,4,
d4,z3,2026-03-09 09:00:00,100,S9,T1,5,
d5,z3,2026-03-08 09:00:00,-100,S9,T1,,d4
d6,z4,2026-02-08 09:00:00,-100,S9,T1,,nothing
d7,z4,2026-03-10 09:00:00,0,S9,T1,,
d8,z5,2026-03-12 09:00:00,100,S9,T1,6,
d9,z5,2026-03-11 09:00:00,-5,S9,T1,,
`
	for _, way := range []string{"folder", "server"} {
		for _, rows := range []int{1, 2, 5, 100} {
			b := openBooks(t)
			var sink Sink = b.sink(false)
			if way == "server" {
				sink = b.serve(t, false)
			}
			mustRun(t, Options{Kind: Receipts, File: write(t, "r.csv", text), BatchRows: rows}, sink)
			for card, want := range map[string]string{"z0": "2026-02-05", "z1": "2026-03-07", "z2": "2026-03-08", "z3": "2026-03-09", "z4": "2026-03-10", "z5": "2026-03-11"} {
				if m, _, _, ok := b.member(card); !ok || m.Registered.String() != want {
					t.Errorf("%s, %d rows at once: %s since %s; want %s", way, rows, card, m.Registered, want)
				}
			}
		}
	}
}

// TestMembersOfBothWays imports random files both ways, in pieces of any length: full of
// ids and numbers that repeat, days that have not come and returns of anything. The same
// rows are taken, and the same members made, as of the same days.
func TestMembersOfBothWays(t *testing.T) {
	for seed := range uint64(6) {
		rng := rand.New(rand.NewPCG(seed, 5))
		var text strings.Builder
		text.WriteString("receipt_id,member,timestamp,amount,store,till,receipt_no,return_of\n")
		const cards = 25
		for range 150 {
			id, card := rng.IntN(120), fmt.Sprintf("c%d", rng.IntN(cards))
			day := kopilka.DayOfDate(2026, 11, 24) - kopilka.Day(rng.IntN(60))
			amount, number, of := rng.IntN(900), "", ""
			switch rng.IntN(5) {
			case 0:
				amount, of = -1-amount, fmt.Sprintf("r%d", rng.IntN(120))
			case 1:
				amount = -1 - amount
			case 2:
				number = fmt.Sprint(rng.IntN(3))
				day = kopilka.DayOfDate(2026, 11, 1) + kopilka.Day(rng.IntN(5))
			}
			if rng.IntN(12) == 0 {
				card = ""
			}
			fmt.Fprintf(&text, "r%d,%s,%s 10:00:00,%d,S1,T1,%s,%s\n", id, card, day, amount, number, of)
		}
		type member struct {
			known      bool
			registered kopilka.Day
			monetary   kopilka.Money
			frequency  uint32
			balance    kopilka.Points
		}
		var taken [2]Summary
		var made [2][cards]member
		var rejected [2]int
		opts := Options{Kind: Receipts, BatchRows: 1 + rng.IntN(60)}
		for way := range 2 {
			b := openBooks(t)
			var sink Sink = b.sink(seed%2 == 0)
			if way == 1 {
				sink = b.serve(t, seed%2 == 0)
			}
			opts.File = write(t, "r.csv", text.String())
			taken[way] = mustRun(t, opts, sink)
			taken[way].Took, taken[way].RejectedFile = 0, ""
			rejected[way] = strings.Count(readRejected(t, opts.File), "\n")
			for i := range cards {
				m, monetary, frequency, ok := b.member(fmt.Sprintf("c%d", i))
				made[way][i] = member{ok, m.Registered, monetary, frequency, m.Balance + m.Pending}
			}
		}
		if taken[0] != taken[1] || made[0] != made[1] || rejected[0] != rejected[1] {
			t.Fatalf("seed %d, %d rows at once: through the folder\n%+v\n%+v\nthrough the server\n%+v\n%+v\n%s",
				seed, opts.BatchRows, taken[0], made[0], taken[1], made[1], text.String())
		}
	}
}

// TestSaidOfBothWays holds the fingerprints themselves against each other: the
// same files in two books, and equal contents under each id.
func TestSaidOfBothWays(t *testing.T) {
	direct, served := openBooks(t), openBooks(t)
	sinks := []Sink{direct.sink(false), served.serve(t, false)}
	for _, file := range []struct {
		kind Kind
		text string
	}{{Members, parityMembers}, {Receipts, parityReceipts}} {
		x := newRecorder()
		path := write(t, "f.csv", file.text)
		opts := Options{Kind: file.kind, Decimals: 2, File: path, Zone: time.UTC}
		mustRun(t, opts, x)
		for _, sink := range sinks {
			mustRun(t, opts, sink)
		}
		compared, brought := 0, 0
		for i := range x.rows {
			row := &x.rows[i]
			ids := []string{row.ID}
			if row.Profile.Balance > 0 {
				ids = append(ids, row.balanceID())
			}
			for _, id := range ids {
				a, b := direct.content(t, id), served.content(t, id)
				if a != b {
					t.Fatalf("%s: content %#x of the folder, %#x of the server", id, a, b)
				}
				if a != 0 {
					compared++
				}
				one, another := direct.brought(t, id), served.brought(t, id)
				if one != another {
					t.Fatalf("%s: enrolled at %q of the folder, %q of the server", id, one, another)
				}
				if one != "" {
					brought++
				}
			}
		}
		if compared < 5 {
			t.Fatalf("%s: only %d commands to compare", file.kind, compared)
		}
		if file.kind == Members && brought < 2 {
			t.Fatalf("only %d members have a store or a source", brought)
		}
	}
}

// brought is the store and the source that a member under an id was enrolled with,
// which reports of enrolment count by.
func (b *books) brought(t *testing.T, id string) string {
	t.Helper()
	found, err := b.queue.FindID(id)
	if err != nil {
		t.Fatal(err)
	}
	if found.Seq == 0 {
		return ""
	}
	record, err := b.queue.Record(found.Seq)
	if err != nil {
		t.Fatal(err)
	}
	c, is := record.Command.(*kopilka.PutMember)
	if !is || c.Store+c.Source == "" {
		return ""
	}
	return c.Store + " by " + c.Source
}

// content is the fingerprint of what the books have under an id; 0 when they
// have nothing.
func (b *books) content(t *testing.T, id string) uint64 {
	t.Helper()
	found, err := b.queue.FindID(id)
	if err != nil {
		t.Fatal(err)
	}
	if found.Seq == 0 {
		return 0
	}
	record, err := b.queue.Record(found.Seq)
	if err != nil {
		t.Fatal(err)
	}
	return kopilka.HeadOf(record.Command).Content
}
