package commit

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"reflect"
	"testing"
	"time"

	"github.com/kopilka/kopilka"
)

// randomLog fills books with frames of every size, refusals in between, ticks,
// and a restart, and gives them open.
func randomLog(t *testing.T, r *rand.Rand) *Queue {
	t.Helper()
	dir := t.TempDir()
	now := testStart
	q := openAt(t, dir, now)
	m := enrol(t, q, "card")
	for round := range 40 {
		var cs []kopilka.Command
		for i := range 1 + r.IntN(1<<r.IntN(9)) {
			switch id := fmt.Sprintf("c%d-%d", round, i); r.IntN(6) {
			case 0:
				c := &kopilka.PutMember{Card: id, Registered: q.Calendar().DayOf(q.Now()), Referrer: kopilka.NoMember}
				cs = append(cs, c)
			case 1, 2:
				c := &kopilka.Redemption{Points: 1 << 40} // more than there is
				c.ID, c.Looked, c.Member, c.NamedBy = id, q.Seq(), m, kopilka.ByCard
				c.At, c.Day = q.Now(), q.Calendar().DayOf(q.Now())
				cs = append(cs, c)
			default:
				cs = append(cs, receipt(q, id, m, kopilka.Money(r.IntN(100_000))))
			}
		}
		if _, err := q.SubmitAll(cs); err != nil {
			t.Fatal(err)
		}
		switch r.IntN(8) {
		case 0, 1:
			now += kopilka.Time(r.IntN(60) * int(time.Hour.Milliseconds()))
			if err := q.SetClock(now); err != nil {
				t.Fatal(err)
			}
		case 2:
			shut(t, q)
			q = openAt(t, dir, now)
		}
	}
	return q
}

// TestRecordsAgainstRecord reads random stretches of random logs in one pass, and
// position by position.
func TestRecordsAgainstRecord(t *testing.T) {
	for seed := range uint64(4) {
		r := rand.New(rand.NewPCG(seed, 7))
		q := randomLog(t, r)
		var want []Record
		for seq := kopilka.Seq(1); seq <= q.Seq(); seq++ {
			one, err := q.Record(seq)
			if err != nil {
				t.Fatal(err)
			}
			want = append(want, one)
		}
		for range 60 {
			from, to := kopilka.Seq(r.IntN(len(want)+2)), kopilka.Seq(r.IntN(len(want)+20))
			kinds := kopilka.AllKinds
			if r.IntN(2) == 0 {
				kinds = kopilka.KindsOf(kopilka.KindReceipt, kopilka.KindTick)
			}
			max := []int{1, 200, waitingMax}[r.IntN(3)]
			at := from
			err := q.records(from, to, kinds, max, func(got *Record) error {
				for ; at < got.Seq; at++ {
					if at > 0 && kinds.Has(want[at-1].Command.Kind()) {
						t.Fatalf("seed %d, %d to %d: position %d was left out", seed, from, to, at)
					}
				}
				w := &want[got.Seq-1]
				if got.Seq != w.Seq || got.Time != w.Time || !sameCommand(got.Command, w.Command) || !sameOutcome(&got.Outcome, &w.Outcome) {
					t.Fatalf("seed %d, %d to %d, waiting %d: position %d is\n%+v\nand by itself\n%+v", seed, from, to, max, got.Seq, *got, *w)
				}
				at = got.Seq + 1
				return nil
			})
			if err != nil {
				t.Fatalf("seed %d: %v", seed, err)
			}
			for ; at <= to && int(at) <= len(want); at++ {
				if at > 0 && kinds.Has(want[at-1].Command.Kind()) {
					t.Fatalf("seed %d, %d to %d: the last one was %d, %d is missing", seed, from, to, at-1, at)
				}
			}
		}
		stop := errors.New("stop")
		if err := q.Records(1, q.Seq(), kopilka.AllKinds, func(*Record) error { return stop }); !errors.Is(err, stop) {
			t.Fatalf("a reader that fails: %v", err)
		}
		shut(t, q)
	}
}

func sameCommand(a, b kopilka.Command) bool {
	return string(kopilka.AppendCommand(nil, a)) == string(kopilka.AppendCommand(nil, b))
}

func sameOutcome(a, b *kopilka.Outcome) bool {
	if a.Time == 0 || b.Time == 0 {
		return a.Time == b.Time
	}
	return reflect.DeepEqual(a.Append(nil), b.Append(nil))
}

// TestSeqSince looks for the times of all frames, and for those around them.
func TestSeqSince(t *testing.T) {
	q := randomLog(t, rand.New(rand.NewPCG(11, 7)))
	defer shut(t, q)
	var times []kopilka.Time // by position, from 1
	for seq := kopilka.Seq(1); seq <= q.Seq(); seq++ {
		c, err := q.Command(seq)
		if err != nil {
			t.Fatal(err)
		}
		times = append(times, c.Time)
	}
	for _, at := range times {
		for _, at := range []kopilka.Time{at - 1, at, at + 1} {
			want := kopilka.Seq(1)
			for int(want) <= len(times) && times[want-1] < at {
				want++
			}
			if got, err := q.SeqSince(at); err != nil || got != want {
				t.Fatalf("since %s: position %d, %v; want %d", at, got, err, want)
			}
		}
	}
}

// BenchmarkRecords reads a log through: ns and allocations per record.
func BenchmarkRecords(b *testing.B) {
	q := openAt(b, b.TempDir(), testStart)
	defer shut(b, q)
	m := enrol(b, q, "card")
	const n = 20_000
	for i := 0; i < n; i += 2000 {
		cs := make([]kopilka.Command, 2000)
		for k := range cs {
			cs[k] = receipt(q, fmt.Sprintf("r%d", i+k), m, 1000)
		}
		if _, err := q.SubmitAll(cs); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportAllocs()
	b.ResetTimer()
	for read := 0; read < b.N; {
		err := q.Records(1, q.Seq(), kopilka.AllKinds, func(*Record) error {
			if read++; read >= b.N {
				return errEnough
			}
			return nil
		})
		if err != nil && !errors.Is(err, errEnough) {
			b.Fatal(err)
		}
	}
}
