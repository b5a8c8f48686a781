package commit

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/kopilka/kopilka"
	"github.com/kopilka/kopilka/engine"
	"github.com/kopilka/kopilka/outcomes"
	"github.com/kopilka/kopilka/wal"
)

const testProgram = `
program: corner-shop
currency: EUR
time_zone: Europe/Berlin
tiers:
  - {id: base, name: {en: Base}, earn_bp: 500, max_redeem_bp: 5000, threshold: 0}
expiry: {policy: lots, months: 12}
`

var testStart = kopilka.TimeOf(time.Date(2026, 3, 1, 9, 0, 0, 0, time.UTC))

// openAt opens the books of a folder on a test clock.
func openAt(t testing.TB, dir string, at kopilka.Time) *Queue {
	t.Helper()
	return openOn(t, dir, wal.Options{}, Options{TestClock: at}, func(l wal.Log) wal.Log { return l })
}

// openOn opens the books of a folder on a log that stands over the real one.
func openOn(t testing.TB, dir string, w wal.Options, o Options, over func(wal.Log) wal.Log) *Queue {
	t.Helper()
	w.Dir = dir
	log, err := wal.Open(w)
	if err != nil {
		t.Fatal(err)
	}
	runs, err := outcomes.Open(filepath.Join(dir, "ids"), nil)
	if err != nil {
		t.Fatal(err)
	}
	o.Program = []byte(testProgram)
	q, err := Open(over(log), runs, o)
	if err != nil {
		t.Fatal(err)
	}
	return q
}

func shut(t testing.TB, q *Queue) {
	t.Helper()
	if err := q.Close(); err != nil {
		t.Fatal(err)
	}
}

func hashOf(t testing.TB, q *Queue) [32]byte {
	t.Helper()
	h, _, err := q.Hash()
	if err != nil {
		t.Fatal(err)
	}
	return h
}

// must submits a command that is to succeed.
func must(t testing.TB, q *Queue, c kopilka.Command) Answer {
	t.Helper()
	a, err := q.Submit(c)
	if err != nil {
		t.Fatal(err)
	}
	if a.Outcome.Refusal != kopilka.Accepted {
		t.Fatalf("%s: refused: %s", c.Kind(), a.Outcome.Refusal)
	}
	return a
}

func enrol(t testing.TB, q *Queue, card string) kopilka.MemberNo {
	t.Helper()
	return must(t, q, &kopilka.PutMember{Card: card, Registered: q.Calendar().DayOf(q.Now()), Referrer: kopilka.NoMember}).Outcome.Member
}

// receipt is a sale of amount to a member, made now.
func receipt(q *Queue, id string, m kopilka.MemberNo, amount kopilka.Money) *kopilka.Receipt {
	now := q.Now()
	c := &kopilka.Receipt{Amount: amount}
	c.ID, c.Content = id, 1
	c.Looked = q.Seq()
	c.Member, c.NamedBy, c.At, c.Day = m, kopilka.ByCard, now, q.Calendar().DayOf(now)
	return c
}

func balance(q *Queue, m kopilka.MemberNo) (b kopilka.Points) {
	q.View(func(s *engine.State) { b = s.Member(m, s.Now()).Balance })
	return b
}

func TestFiftyTillsOnOneCard(t *testing.T) {
	q := openAt(t, t.TempDir(), testStart)
	defer shut(t, q)
	m := enrol(t, q, "4006381333931")
	must(t, q, receipt(q, "seed", m, 100_000)) // earns 5 000
	var wg sync.WaitGroup
	var mu sync.Mutex
	taken := kopilka.Points(0)
	for till := range 50 {
		wg.Go(func() {
			for n := range 20 {
				c := &kopilka.Redemption{Points: 100}
				c.ID, c.Looked = fmt.Sprintf("t%d-%d", till, n), q.Seq()
				c.Member, c.NamedBy, c.At, c.Day = m, kopilka.ByCard, q.Now(), q.Calendar().DayOf(q.Now())
				a, err := q.Submit(c)
				if err != nil {
					t.Error(err)
					return
				}
				switch a.Outcome.Refusal {
				case kopilka.Accepted:
					mu.Lock()
					taken += a.Outcome.Redeemed
					mu.Unlock()
				case kopilka.InsufficientPoints:
				default:
					t.Errorf("refused: %s", a.Outcome.Refusal)
				}
			}
		})
	}
	wg.Wait()
	if taken != 5000 || balance(q, m) != 0 {
		t.Fatalf("1 000 wishes for 100 of 5 000 points: %d were given, %d are left", taken, balance(q, m))
	}
	if err := q.Check(); err != nil {
		t.Fatal(err)
	}
}

func TestSameIDTwiceInOneFrame(t *testing.T) {
	q := openAt(t, t.TempDir(), testStart)
	defer shut(t, q)
	m := enrol(t, q, "card-1")
	c := receipt(q, "once", m, 10_000)
	answers, err := q.SubmitAll([]kopilka.Command{c, c, receipt(q, "other", m, 10_000)})
	if err != nil {
		t.Fatal(err)
	}
	if answers[0].Outcome.Refusal != kopilka.Accepted || answers[1].Outcome.Refusal != kopilka.Replayed || answers[1].Outcome.Prior != answers[0].Seq {
		t.Fatalf("first %s at %d; second %s of %d", answers[0].Outcome.Refusal, answers[0].Seq, answers[1].Outcome.Refusal, answers[1].Outcome.Prior)
	}
	if b := balance(q, m); b != 1000 {
		t.Fatalf("two receipts of 100.00 at 5 %% and a retry: balance %d; want 1000", b)
	}
	f, err := q.FindID("once")
	if err != nil || f.Seq != answers[0].Seq {
		t.Fatalf("the id is found at %d, %v; want %d", f.Seq, err, answers[0].Seq)
	}
	r, err := q.Record(f.Seq)
	if err != nil {
		t.Fatal(err)
	}
	if got := r.Command.(*kopilka.Receipt); got.Amount != 10_000 || r.Outcome.Earned != 500 || r.Outcome.Balance != 500 {
		t.Fatalf("read back: amount %d, earned %d, balance %d", got.Amount, r.Outcome.Earned, r.Outcome.Balance)
	}
}

// TestRestart goes on where it stopped, with and without a snapshot, and with
// the runs of ids gone.
func TestRestart(t *testing.T) {
	dir := t.TempDir()
	q := openAt(t, dir, testStart)
	m := enrol(t, q, "card-1")
	for i := range 100 {
		must(t, q, receipt(q, fmt.Sprintf("r%d", i), m, 1000))
	}
	if err := q.Checkpoint(); err != nil {
		t.Fatal(err)
	}
	for i := range 100 {
		must(t, q, receipt(q, fmt.Sprintf("s%d", i), m, 1000))
	}
	want, seq := hashOf(t, q), q.Seq()
	shut(t, q)

	q = openAt(t, dir, testStart)
	if got := hashOf(t, q); got != want || q.Seq() != seq {
		t.Fatalf("after a restart: position %d, hash %x; want %d, %x", q.Seq(), got, seq, want)
	}
	a, err := q.Submit(receipt(q, "r7", m, 1000))
	if err != nil || a.Outcome.Refusal != kopilka.Replayed {
		t.Fatalf("a retry after the restart: %v %v", a.Outcome, err)
	}
	r, err := q.Record(a.Outcome.Prior)
	if err != nil || r.Outcome.Balance != 400 {
		t.Fatalf("its first answer: balance %d, %v; want 400", r.Outcome.Balance, err)
	}
	shut(t, q)
	if err := os.RemoveAll(filepath.Join(dir, "ids")); err != nil {
		t.Fatal(err)
	}
	q = openAt(t, dir, testStart)
	defer shut(t, q)
	if got := hashOf(t, q); got != want {
		t.Fatalf("without the runs: hash %x; want %x", got, want)
	}
}

// TestIDsOutliveTheBooks spends more ids than the books remember, and finds the
// first ones again: in the runs, after a restart, and with the runs made anew.
func TestIDsOutliveTheBooks(t *testing.T) {
	if testing.Short() {
		t.Skip("spends 300 000 ids")
	}
	dir := t.TempDir()
	q := openAt(t, dir, testStart)
	m := enrol(t, q, "card-1")
	first := must(t, q, receipt(q, "the-first", m, 1000)).Seq
	const n, step = 300_000, 10_000
	for i := 0; i < n; i += step {
		cs := make([]kopilka.Command, step)
		for k := range cs {
			cs[k] = receipt(q, fmt.Sprintf("r%d", i+k), m, 1000)
		}
		if _, err := q.SubmitAll(cs); err != nil {
			t.Fatal(err)
		}
	}
	found := func() {
		t.Helper()
		var r engine.Recent
		q.View(func(s *engine.State) { r = s.Recent() })
		if r.Base <= first {
			t.Fatalf("the books still remember position %d", first)
		}
		for _, id := range []string{"the-first", "r0", "r77777", "r299999"} {
			f, err := q.FindID(id)
			if err != nil || f.Seq == 0 {
				t.Fatalf("%s: found at %d, %v", id, f.Seq, err)
			}
		}
		if f, err := q.FindID("never"); err != nil || f.Seq != 0 {
			t.Fatalf("never: found at %d, %v", f.Seq, err)
		}
		// What was looked up before the books forgot is stale.
		c := receipt(q, "late", m, 1000)
		c.Looked = first
		a, err := q.Submit(c)
		if err != nil || a.Outcome.Refusal != kopilka.Stale {
			t.Fatalf("an old look-up: %s, %v", a.Outcome.Refusal, err)
		}
	}
	found()
	shut(t, q)
	q = openAt(t, dir, testStart)
	found()
	shut(t, q)
	if err := os.RemoveAll(filepath.Join(dir, "ids")); err != nil {
		t.Fatal(err)
	}
	q = openAt(t, dir, testStart)
	defer shut(t, q)
	found()
}

func TestClockTicks(t *testing.T) {
	q := openAt(t, t.TempDir(), testStart)
	defer shut(t, q)
	m := enrol(t, q, "card-1")
	must(t, q, receipt(q, "r1", m, 100_000))
	day := func(d string) kopilka.Time {
		n, err := kopilka.ParseDay(d)
		if err != nil {
			t.Fatal(err)
		}
		return q.Calendar().Start(n) + 12*60*60*1000
	}
	// Earned on 1 March 2026 for 12 months: good until the end of 1 March 2027.
	for _, c := range []struct {
		day  string
		want kopilka.Points
	}{{"2027-03-01", 5000}, {"2027-03-02", 0}} {
		if err := q.SetClock(day(c.day)); err != nil {
			t.Fatal(err)
		}
		var d kopilka.Day
		q.View(func(s *engine.State) { d = s.Day() })
		if got := balance(q, m); got != c.want || d.String() != c.day {
			t.Fatalf("on %s the books are at %s and the balance is %d; want %d", c.day, d, got, c.want)
		}
	}
	if err := q.SetClock(testStart); err == nil {
		t.Fatal("the clock went back")
	}
}

// TestIdleNight: books that were closed over midnight are at today when they
// are opened, before any command.
func TestIdleNight(t *testing.T) {
	dir := t.TempDir()
	q := openAt(t, dir, testStart)
	m := enrol(t, q, "card-1")
	must(t, q, receipt(q, "r1", m, 100_000))
	shut(t, q)
	q = openAt(t, dir, testStart+400*24*60*60*1000)
	defer shut(t, q)
	var day kopilka.Day
	q.View(func(s *engine.State) { day = s.Day() })
	if want := q.Calendar().DayOf(q.Now()); day != want || balance(q, m) != 0 {
		t.Fatalf("the books are at %s with %d points; want %s and none", day, balance(q, m), want)
	}
}

func TestFullQueueSheds(t *testing.T) {
	q := openAt(t, t.TempDir(), testStart)
	defer shut(t, q)
	q.opts.QueueMax = 4
	m := enrol(t, q, "card-1")
	cs := make([]kopilka.Command, 100)
	for i := range cs {
		cs[i] = receipt(q, fmt.Sprintf("b%d", i), m, 1000)
	}
	// One caller's batch is taken whole when nobody waits, however long it is.
	if _, err := q.SubmitAll(cs); err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	var mu sync.Mutex
	var done, shed int
	for i := range 200 {
		wg.Go(func() {
			_, err := q.Submit(receipt(q, fmt.Sprintf("o%d", i), m, 1000))
			mu.Lock()
			defer mu.Unlock()
			switch {
			case err == nil:
				done++
			case errors.Is(err, ErrOverloaded):
				shed++
			default:
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if got := balance(q, m); got != kopilka.Points(50*(100+done)) || done+shed != 200 {
		t.Fatalf("%d answered, %d shed, balance %d", done, shed, got)
	}
}

// TestForeignIDs: ids of a log that went further, or elsewhere, would let what was spent be
// spent again: they are refused by name, and the folder is as it was.
func TestForeignIDs(t *testing.T) {
	f := func(last func(kopilka.Seq) kopilka.Seq, at kopilka.Digest, words string) {
		t.Helper()
		dir := t.TempDir()
		q := openAt(t, dir, testStart)
		m := enrol(t, q, "c")
		must(t, q, receipt(q, "r", m, 100))
		seq := q.Seq()
		if err := q.Close(); err != nil {
			t.Fatal(err)
		}
		ids := filepath.Join(dir, "ids")
		runs, err := outcomes.Open(ids, nil)
		if err != nil {
			t.Fatal(err)
		}
		if err := runs.Seal(1, last(seq), at, nil); err != nil {
			t.Fatal(err)
		}
		runs.Close()
		log, err := wal.Open(wal.Options{Dir: dir})
		if err != nil {
			t.Fatal(err)
		}
		if runs, err = outcomes.Open(ids, nil, outcomes.Waiting()); err != nil {
			t.Fatal(err)
		}
		_, err = Open(log, runs, Options{TestClock: testStart})
		if !errors.Is(err, outcomes.ErrDamaged) || !strings.Contains(err.Error(), words) || !strings.Contains(err.Error(), ids) {
			t.Fatalf("%v; want %q", err, words)
		}
		if _, err := os.Stat(filepath.Join(dir, "CLEAN")); err != nil {
			t.Fatalf("refused, and the marker of the clean stop is gone: %v", err)
		}
		if err := os.RemoveAll(ids); err != nil {
			t.Fatal(err)
		}
		q = openAt(t, dir, testStart)
		if f, err := q.FindID("r"); err != nil || f.Seq == 0 {
			t.Fatalf("without it: %+v, %v", f, err)
		}
		q.Close()
	}
	f(func(seq kopilka.Seq) kopilka.Seq { return seq }, kopilka.Digest{1}, "had another entry")
	f(func(seq kopilka.Seq) kopilka.Seq { return seq + 1 }, kopilka.Digest{}, "the log ends at")
}
