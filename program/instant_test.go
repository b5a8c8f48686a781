package program

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/kopilka/kopilka"
	"github.com/kopilka/kopilka/seed"
)

func loadTestZone(t *testing.T, name string) *time.Location {
	t.Helper()
	zone, err := loadZone(name)
	if err != nil {
		t.Fatal(err)
	}
	return zone
}

func TestReadInstant(t *testing.T) {
	f := func(zone, text, want string) {
		t.Helper()
		i, east, err := readInstant(text, loadTestZone(t, zone))
		if err != nil {
			t.Fatalf("%s in %s: %s", text, zone, err)
		}
		if got := writeInstant(i, east); got != want {
			t.Fatalf("%s in %s: got %s; want %s", text, zone, got, want)
		}
	}

	// In the program's zone.
	f("Europe/Moscow", "2026-12-01", "2026-12-01T00:00:00+03:00")
	f("Europe/Moscow", "2026-12-01T09:30", "2026-12-01T09:30:00+03:00")
	f("Europe/Moscow", "2026-12-01T09:30:15", "2026-12-01T09:30:15+03:00")
	f("UTC", "2026-12-01", "2026-12-01T00:00:00Z")
	f("Asia/Kathmandu", "2026-12-01T00:00", "2026-12-01T00:00:00+05:45")
	f("America/St_Johns", "2026-12-01T00:00", "2026-12-01T00:00:00-03:30")
	f("Europe/Berlin", "2026-07-01", "2026-07-01T00:00:00+02:00")
	f("Europe/Berlin", "2026-12-01", "2026-12-01T00:00:00+01:00")

	// With an offset, which is kept.
	f("Europe/Moscow", "2026-12-01T00:00:00Z", "2026-12-01T00:00:00Z")
	f("Europe/Moscow", "2026-12-01T00:00:00+07:00", "2026-12-01T00:00:00+07:00")
	f("Europe/Moscow", "2026-12-01T00:00:00.250+03:00", "2026-12-01T00:00:00.25+03:00")
	f("Europe/Moscow", "2026-12-01T00:00:00.250000+03:00", "2026-12-01T00:00:00.25+03:00")

	// Where clocks are set, before and after.
	f("Europe/Berlin", "2026-03-29T01:59:59", "2026-03-29T01:59:59+01:00")
	f("Europe/Berlin", "2026-03-29T03:00", "2026-03-29T03:00:00+02:00")
	f("Europe/Berlin", "2026-10-25T01:59:59", "2026-10-25T01:59:59+02:00")
	f("Europe/Berlin", "2026-10-25T03:00", "2026-10-25T03:00:00+01:00")
	f("Europe/Berlin", "2026-10-25T02:30:00+02:00", "2026-10-25T02:30:00+02:00")
	f("America/Havana", "2026-03-08", "2026-03-08T01:00:00-04:00") // that day has no midnight

	// A zone whose offset RFC 3339 cannot write.
	f("Africa/Monrovia", "1971-06-01", "1971-06-01T00:44:30Z")

	// The ends.
	f("UTC", "1970-01-01T00:00:01", "1970-01-01T00:00:01Z")
	f("UTC", "2149-06-04T23:59:59.999Z", "2149-06-04T23:59:59.999Z")
}

func TestReadInstantRefuses(t *testing.T) {
	const form = "is no instant: write 2026-12-01, 2026-12-01T09:00, or with an offset 2026-12-01T09:00:00+03:00"
	f := func(zone, text, want string) {
		t.Helper()
		i, _, err := readInstant(text, loadTestZone(t, zone))
		if err == nil || err.Error() != want {
			t.Fatalf("%s in %s: got %s, %v; want %s", text, zone, i, err, want)
		}
	}
	f("UTC", "1 December", form)
	f("UTC", "2026-12-1", form)
	f("UTC", "2026-13-01", form)
	f("UTC", "2026-02-29", form)
	f("UTC", "2026-12-01 09:00", form)
	f("UTC", "2026-12-01T9:00", form)
	f("UTC", "2026-12-01T24:00", form)
	f("UTC", "2026-12-01T09:00:00.5", form)
	f("UTC", "2026-12-01T09:00Z", form)
	f("UTC", "2026-12-01T09:00:00,5Z", form)
	f("UTC", "2026-12-01T09:00:00.0001Z", "is finer than a millisecond")
	f("UTC", "1970-01-01", "is outside 1970..2149")
	f("Europe/Moscow", "1970-01-01T01:00", "is outside 1970..2149")
	f("UTC", "1969-12-31", "is outside 1970..2149")
	f("UTC", "2149-06-05T00:00:00Z", "is outside 1970..2149")
	f("UTC", "2149-06-06", "is outside 1970..2149")
	f("UTC", "9999-01-01T00:00", "is outside 1970..2149")
	f("Europe/Berlin", "2026-03-29T02:00", "does not come in Europe/Berlin, where clocks are set forward over it: write it with an offset")
	f("Europe/Berlin", "2026-03-29T02:59:59", "does not come in Europe/Berlin, where clocks are set forward over it: write it with an offset")
	f("Europe/Berlin", "2026-10-25T02:00", "comes twice in Europe/Berlin, where clocks are set back over it: write it with an offset")
	f("Europe/Berlin", "2026-10-25T02:59:59", "comes twice in Europe/Berlin, where clocks are set back over it: write it with an offset")
	f("Australia/Lord_Howe", "2026-04-05T01:45", "comes twice in Australia/Lord_Howe, where clocks are set back over it: write it with an offset")
}

// The plain twin of onWall looks at every offset that a clock on Earth has.
func TestOnWallTwin(t *testing.T) {
	seed := seed.Of(t)
	rng := rand.New(rand.NewPCG(seed, 1))
	for _, name := range []string{"Europe/Moscow", "Europe/Berlin", "America/Havana", "Australia/Lord_Howe", "Asia/Almaty", "Pacific/Apia"} {
		zone := loadTestZone(t, name)
		for at := time.Date(1990, 1, 1, 0, 0, 0, 0, zone); at.Year() < 2030; at = at.AddDate(0, 0, 1) {
			_, before := at.Zone()
			if _, east := at.AddDate(0, 0, 1).Zone(); east == before {
				continue
			}
			for range 6 {
				wall := at.Add(time.Duration(rng.IntN(30*60)-3*60) * time.Minute)
				wall = time.Date(wall.Year(), wall.Month(), wall.Day(), wall.Hour(), wall.Minute(), 0, 0, time.UTC)
				var all []time.Time
				for minutes := -24 * 60; minutes <= 24*60; minutes += 15 {
					twin := wall.Add(-time.Duration(minutes) * time.Minute).In(zone)
					if twin.Format(secondForm) == wall.Format(secondForm) {
						all = append(all, twin)
					}
				}
				got, err := onWall(wall, zone)
				if (err == nil) != (len(all) == 1) || err == nil && !got.Equal(all[0]) {
					t.Fatalf("seed %d: %s in %s: got %s, %v; want %v", seed, wall.Format(secondForm), name, got, err, all)
				}
			}
		}
	}
}

func TestSpanHolds(t *testing.T) {
	f := func(starts, ends, at kopilka.Time, want bool) {
		t.Helper()
		s := Span{StartsAt: starts, EndsAt: ends}
		if got := s.Holds(at); got != want {
			t.Fatalf("[%d, %d) holds %d: got %v", starts, ends, at, got)
		}
	}
	f(0, 0, 5, true)
	f(5, 7, 4, false)
	f(5, 7, 5, true)
	f(5, 7, 6, true)
	f(5, 7, 7, false)
	f(0, 7, 1, true)
	f(0, 7, 7, false)
	f(5, 0, 4, false)
	f(5, 0, 1<<60, true)
}
