package importer

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/kopilka/kopilka"
	"github.com/kopilka/kopilka/commit"
	"github.com/kopilka/kopilka/engine"
	"github.com/kopilka/kopilka/outcomes"
	"github.com/kopilka/kopilka/people"
	"github.com/kopilka/kopilka/program"
	"github.com/kopilka/kopilka/wal"
)

// books are real ones in a folder of their own, at noon of 2026-11-22.
type books struct {
	queue *commit.Queue
	vault *people.Vault
}

func openBooks(t testing.TB) *books {
	t.Helper()
	dir := t.TempDir()
	log, err := wal.Open(wal.Options{Dir: filepath.Join(dir, "data"), Logger: discard()})
	if err != nil {
		t.Fatal(err)
	}
	runs, err := outcomes.Open(filepath.Join(dir, "data", "ids"), nil)
	if err != nil {
		t.Fatal(err)
	}
	// All books of the tests have one master key, so that their contents compare.
	master := filepath.Join(dir, "master.key")
	if err := os.WriteFile(master, []byte("a29waWxrYSBrb3BpbGthIGtvcGlsa2Ega29waWxrYSA=\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	vault, err := people.Open(filepath.Join(dir, "data"), master)
	if err != nil {
		t.Fatal(err)
	}
	queue, err := commit.Open(log, runs, commit.Options{Program: program.Builtin(),
		TestClock: kopilka.TimeOf(time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC))})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := queue.Check(); err != nil {
			t.Error(err)
		}
		if err := queue.Close(); err != nil {
			t.Error(err)
		}
		vault.Close()
	})
	return &books{queue, vault}
}

func (b *books) sink(earn bool) *Direct { return NewDirect(b.queue, b.vault, earn) }

// member is how a member stands; false when there is none.
func (b *books) member(card string) (m engine.Member, monetary kopilka.Money, frequency uint32, ok bool) {
	b.queue.View(func(s *engine.State) {
		var no kopilka.MemberNo
		if no, ok = s.ByCard(card); ok {
			m = s.Member(no, s.Now())
			at := s.Index().Standing(no)
			monetary, frequency = at.Monetary, at.Frequency
		}
	})
	return m, monetary, frequency, ok
}

// TestDirectReceipts plays a small history into real books, and again.
func TestDirectReceipts(t *testing.T) {
	b := openBooks(t)
	path := write(t, "r.csv", `receipt_id,member,timestamp,amount,store,till,receipt_no,points_redeemed,return_of
r1,anna,2026-03-05 10:00:00,10000,S1,T1,1,50,
r2,anna,2026-02-01 10:00:00,5000,S1,T1,2,,
x1,anna,2026-03-06 10:00:00,-4000,,,,,r1
x2,anna,2026-03-07 10:00:00,-6000,,,,,r1
x3,anna,2026-03-08 10:00:00,-1,,,,,r1
r3,,2026-03-05 10:00:00,700,,,,,
x4,,2026-03-05 10:00:00,-300,,,,,
x5,boris,2026-04-01 10:00:00,-900,,,,,
r4,vera,2026-04-02 10:00:00,0,,,,,
r5,anna,2026-03-05 11:00:00,10000,S1,T1,1,,
r2,anna,2026-02-01 10:00:00,5000,S1,T1,2,,
r2,anna,2026-02-01 10:00:00,5001,S1,T1,2,,
r6,anna,2026-11-23 10:00:00,5000,,,,,
x6,boris,2026-04-03 10:00:00,-100,,,,,r2
x7,,2026-04-03 10:00:00,-500,,,,,r2
x8,anna,2026-04-03 10:00:00,-500,,,,,nothing
x9,anna,2026-04-03 10:00:00,-500,,,,,x1
`)
	opts := Options{Kind: Receipts, File: path}
	s := mustRun(t, opts, b.sink(false))
	if s.Rows != 17 || s.Enrolled != 3 || s.Receipts != 4 || s.Returns != 5 || s.Anonymous != 3 || s.Replayed != 1 || s.SetAside != 7 {
		t.Fatalf("%+v\n%s", s, readRejected(t, path))
	}
	rejected := readRejected(t, path)
	for _, want := range []string{"5,already-returned,x3", "10,duplicate-receipt,r5", "12,idempotency-mismatch: r2", "13,timestamp has not come yet,r6",
		"14,return_of names a receipt of another member,x6", "16,return_of names a receipt that is not in the books: nothing,x8", "17,return_of names no receipt: x1,x9"} {
		if !strings.Contains(rejected, "\n"+want) {
			t.Fatalf("rejected is\n%s; want %q in it", rejected, want)
		}
	}
	anna, monetary, frequency, ok := b.member("anna")
	if !ok || monetary != 4500 || frequency != 1 || anna.Balance != 0 || anna.Registered.String() != "2026-02-01" || anna.State != kopilka.StateRegistered {
		t.Fatalf("anna has M %d, F %d, %+v", monetary, frequency, anna)
	}
	boris, monetary, frequency, ok := b.member("boris")
	if !ok || monetary != -900 || frequency != 0 || boris.Registered.String() != "2026-04-01" {
		t.Fatalf("boris has M %d, F %d, %+v", monetary, frequency, boris)
	}
	if vera, _, frequency, ok := b.member("vera"); !ok || frequency != 0 || vera.Registered.String() != "2026-04-02" {
		t.Fatalf("vera has F %d, %+v", frequency, vera)
	}

	hash, _, err := b.queue.Hash()
	if err != nil {
		t.Fatal(err)
	}
	again := mustRun(t, opts, b.sink(false))
	if again.Replayed != 10 || again.Receipts+again.Returns+again.Enrolled != 0 || again.SetAside != 7 || readRejected(t, path) != rejected {
		t.Fatalf("again: %+v\n%s", again, readRejected(t, path))
	}
	if now, _, err := b.queue.Hash(); err != nil || now != hash {
		t.Fatalf("the books have changed: %v", err)
	}
}

// TestDirectEarlierFile moves a member back whom a later file had brought.
func TestDirectEarlierFile(t *testing.T) {
	b := openBooks(t)
	f := func(name, day, want string) {
		t.Helper()
		path := write(t, name, "member,timestamp,amount\nanna,"+day+",500\n")
		mustRun(t, Options{Kind: Receipts, File: path}, b.sink(false))
		if m, _, _, _ := b.member("anna"); m.Registered.String() != want {
			t.Fatalf("after %s: registered %s; want %s", name, m.Registered, want)
		}
	}
	f("2025.csv", "2025-05-01", "2025-05-01")
	f("2024.csv", "2024-05-01", "2024-05-01")
	f("2026.csv", "2026-05-01", "2024-05-01")
}

// TestDirectEarn imports sales that earn under the program.
func TestDirectEarn(t *testing.T) {
	b := openBooks(t)
	path := write(t, "r.csv", "receipt_id,member,timestamp,amount\nr1,anna,2026-11-20,100000\n")
	mustRun(t, Options{Kind: Receipts, File: path}, b.sink(true))
	if m, _, _, _ := b.member("anna"); m.Balance+m.Pending <= 0 {
		t.Fatalf("earned nothing: %+v", m)
	}
}

// TestDirectMembers enrols, changes, invites and opens balances.
func TestDirectMembers(t *testing.T) {
	b := openBooks(t)
	mustRun(t, Options{Kind: Receipts, File: write(t, "r.csv", "member,timestamp,amount\nanna,2026-05-05,500\n")}, b.sink(false))
	const header = "card,phone,name,birth_date,sex,store,registered_at,referrer,source,balance\n"
	path := write(t, "m.csv", header+
		"anna,+7 900 123-45-67,Анна Ким,1985-02-28,female,S1,2020-01-02,,flyer,150\n"+
		"boris,,Boris,,m,,2021-05-06,anna,,\n"+
		"vera,+79001234567,,,,,,,,10\n"+
		"gleb,,,,,,,dina,,20\n"+
		"dina,,,,,,2026-12-01,,,\n"+
		"egor,,,2027-01-01,,,,,,\n"+
		"zoya,,,,,,,,,\n"+
		"zoya,,Zoya,,,,,,,5\n")
	opts := Options{Kind: Members, File: path}
	s := mustRun(t, opts, b.sink(false))
	rejected := readRejected(t, path)
	if s.Rows != 8 || s.Members != 4 || s.Enrolled != 2 || s.SetAside != 4 {
		t.Fatalf("%+v\n%s", s, rejected)
	}
	for _, want := range []string{"3,phone-taken,vera", "4,referrer is not a member: dina,gleb", "5,registered_at has not come yet,dina", "6,birth_date"} {
		if !strings.Contains(rejected, "\n"+want) {
			t.Fatalf("rejected is\n%s; want %q in it", rejected, want)
		}
	}
	anna, _, frequency, _ := b.member("anna")
	if anna.Balance != 150 || frequency != 1 || anna.Registered.String() != "2020-01-02" || anna.PhoneTag != b.vault.PhoneTag("+79001234567") {
		t.Fatalf("anna: %+v", anna)
	}
	profile, err := b.sink(false).profile(anna.ProfileAt, anna.KeySlot)
	if err != nil || profile.Name != "Анна Ким" || profile.Sex != "f" || profile.Store != "S1" || profile.Source != "flyer" || profile.BirthDate != "1985-02-28" ||
		b.queue.Calendar().DayOf(profile.RegisteredAt).String() != "2020-01-02" {
		t.Fatalf("%+v, %v", profile, err)
	}
	slot := anna.KeySlot
	if boris, _, _, _ := b.member("boris"); boris.Referrer != anna.No || boris.Registered.String() != "2021-05-06" {
		t.Fatalf("boris: %+v", boris)
	}
	if zoya, _, _, _ := b.member("zoya"); zoya.Balance != 5 {
		t.Fatalf("zoya: %+v", zoya)
	}

	again := mustRun(t, opts, b.sink(false))
	if again.Replayed != 4 || again.Members != 0 || again.SetAside != 4 {
		t.Fatalf("again: %+v\n%s", again, readRejected(t, path))
	}
	// A corrected row is a change; what it leaves empty stays; a balance is
	// opened once.
	path = write(t, "m2.csv", "card,name,balance\nanna,Anna Kim,150\nboris,Boris B,30\nzoya,,6\n")
	s = mustRun(t, Options{Kind: Members, File: path}, b.sink(false))
	if s.Members != 2 || s.SetAside != 1 || !strings.Contains(readRejected(t, path), "3,idempotency-mismatch: opening-balance-zoya") {
		t.Fatalf("%+v\n%s", s, readRejected(t, path))
	}
	anna, _, _, _ = b.member("anna")
	profile, err = b.sink(false).profile(anna.ProfileAt, anna.KeySlot)
	if err != nil || profile.Name != "Anna Kim" || profile.Sex != "f" || anna.Balance != 150 || anna.PhoneTag == 0 {
		t.Fatalf("%+v %+v, %v", anna, profile, err)
	}
	if boris, _, _, _ := b.member("boris"); boris.Balance != 30 || boris.Referrer != anna.No {
		t.Fatalf("boris: %+v", boris)
	}
	// A change is sealed under the key that the member has: with a second key,
	// to erase one would leave what the other sealed.
	if anna.KeySlot != slot {
		t.Fatalf("the key slot went from %d to %d", slot, anna.KeySlot)
	}
	// Earlier receipts do not touch a member of whom more is known.
	mustRun(t, Options{Kind: Receipts, File: write(t, "old.csv", "member,timestamp,amount\nanna,2019-01-01,500\n")}, b.sink(false))
	after, _, _, _ := b.member("anna")
	if after.Registered != anna.Registered || after.ProfileAt != anna.ProfileAt || after.KeySlot != slot {
		t.Fatalf("anna: %+v; was %+v", after, anna)
	}
}

// TestDirectFindsReferrerInItsGroup: who is invited by a member of the same
// call need not wait for the end of the file.
func TestDirectFindsReferrerInItsGroup(t *testing.T) {
	b := openBooks(t)
	sink := b.sink(false)
	if _, err := sink.Open(t.Context()); err != nil {
		t.Fatal(err)
	}
	anna := &Row{No: 1, Deed: Person, Card: "anna"}
	boris := &Row{No: 2, Deed: Person, Card: "boris", Profile: Profile{Referrer: "anna"}}
	anna.ID, boris.ID = anna.profileID(), boris.profileID()
	results := make([]Result, 2)
	if err := sink.Submit(t.Context(), []*Row{anna, boris}, results); err != nil {
		t.Fatal(err)
	}
	if results[0].Fate != Done || results[1].Fate != Done {
		t.Fatalf("%+v", results)
	}
}

// TestDirectAgainstSums holds the standing of every member against sums made
// of the same rows by hand.
func TestDirectAgainstSums(t *testing.T) {
	for seed := range uint64(3) {
		rnd := rand.New(rand.NewPCG(seed, 11))
		var text strings.Builder
		text.WriteString("receipt_id,member,timestamp,amount,return_of\n")
		monetary, frequency := map[string]kopilka.Money{}, map[string]uint32{}
		left, owner := map[string]kopilka.Money{}, map[string]string{}
		var sales []string
		for i := range 600 {
			card := fmt.Sprint("m", rnd.IntN(40))
			day := fmt.Sprintf("2026-%02d-%02d", 3+rnd.IntN(8), 1+rnd.IntN(28))
			switch rnd.IntN(5) {
			case 0:
				v := kopilka.Money(rnd.IntN(50) + 1)
				fmt.Fprintf(&text, "i%d,%s,%s,-%d,\n", i, card, day, v)
				monetary[card] -= v
			case 1:
				if len(sales) == 0 {
					continue
				}
				of := sales[rnd.IntN(len(sales))]
				v := kopilka.Money(rnd.IntN(400) + 1)
				fmt.Fprintf(&text, "i%d,%s,%s,-%d,%s\n", i, owner[of], day, v, of)
				if v <= left[of] {
					monetary[owner[of]] -= v
					if left[of] -= v; left[of] == 0 {
						frequency[owner[of]]--
					}
				}
			default:
				id, v := fmt.Sprint("i", i), kopilka.Money(rnd.IntN(300))
				fmt.Fprintf(&text, "%s,%s,%s,%d,\n", id, card, day, v)
				sales, left[id], owner[id] = append(sales, id), v, card
				monetary[card] += v
				if v > 0 {
					frequency[card]++
				}
			}
		}
		b := openBooks(t)
		path := write(t, "r.csv", text.String())
		mustRun(t, Options{Kind: Receipts, File: path, BatchRows: 1 + rnd.IntN(100)}, b.sink(false))
		for card, want := range monetary {
			_, m, f, ok := b.member(card)
			if !ok || m != want || f != frequency[card] {
				t.Fatalf("seed %d: %s has M %d, F %d; want %d, %d", seed, card, m, f, want, frequency[card])
			}
		}
		if err := b.queue.Check(); err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
	}
}

// TestDirectOnlineRetail imports the real data into real books, twice.
func TestDirectOnlineRetail(t *testing.T) {
	opts := retailOptions(t)
	b := openBooks(t)
	zone, err := time.LoadLocation("Europe/London")
	if err != nil {
		t.Fatal(err)
	}
	opts.Zone = zone
	s := mustRun(t, opts, b.sink(false))
	if s.Rows != 25_900 || s.Enrolled != 4_372 || s.Anonymous != 3_710 || s.SetAside != 0 {
		t.Fatalf("%+v", s)
	}
	t.Logf("\n%s", s)
	books := func() (members int, receipts int64) {
		b.queue.View(func(s *engine.State) { members, receipts = s.Members(), int64(s.Books().Receipts) })
		return members, receipts
	}
	if members, receipts := books(); members != 4_372 || receipts != 18_536 {
		t.Fatalf("%d members, %d receipts of members", members, receipts)
	}
	again := mustRun(t, opts, b.sink(false))
	if again.Replayed != 25_900 || again.Enrolled != 0 {
		t.Fatalf("again: %+v", again)
	}
	t.Logf("again:\n%s", again)
}
