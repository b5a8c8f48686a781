package commit

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/kopilka/kopilka"
	"github.com/kopilka/kopilka/wal"
)

// TestBooksAhead: books that are ahead of the world's clock are opened, and it is
// said by how much.
func TestBooksAhead(t *testing.T) {
	dir := t.TempDir()
	var said bytes.Buffer
	open := func() *Queue {
		said.Reset()
		return openOn(t, dir, wal.Options{}, Options{Logger: slog.New(slog.NewTextHandler(&said, nil))}, func(l wal.Log) wal.Log { return l })
	}
	shut(t, open())
	shut(t, open())
	if said.Len() > 0 {
		t.Fatalf("books of today: %s", &said)
	}
	ahead := kopilka.TimeOf(time.Now().Add(30 * 24 * time.Hour))
	shut(t, openAt(t, dir, ahead))
	q := open()
	defer shut(t, q)
	if q.Now() < ahead {
		t.Fatalf("time went back from %s to %s", ahead, q.Now())
	}
	at := q.Calendar()
	for _, want := range []string{"level=WARN", "ahead of this machine's clock", "ahead=7", "books=" + at.Text(ahead)[:len("2026-12-22")]} {
		if !strings.Contains(said.String(), want) {
			t.Fatalf("%q is not in %s", want, &said)
		}
	}
}

// TestClockErrorsInTheProgramsZone: what a person is told about the clock is in the
// zone that everything else is told in.
func TestClockErrorsInTheProgramsZone(t *testing.T) {
	q := openAt(t, t.TempDir(), testStart)
	defer shut(t, q)
	err := q.SetClock(testStart - 60_000)
	if want := "the test clock stands at 2026-03-01T10:00:00.000+01:00 and does not go back to 2026-03-01T09:59:00.000+01:00"; err == nil || err.Error() != want {
		t.Fatalf("%v; want %s", err, want)
	}
}
