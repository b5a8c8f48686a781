package program

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/kopilka/kopilka"
)

// Span is the time in which something holds: [StartsAt, EndsAt), 0 = open.
type Span struct {
	StartsAt, EndsAt kopilka.Time
	// Minutes east of UTC that the instants are written with. A document keeps
	// them, so that it reads the same whatever becomes of the tables of zones.
	startsEast, endsEast int16
}

// Holds tells whether an instant is inside.
func (s *Span) Holds(at kopilka.Time) bool {
	return at >= s.StartsAt && (s.EndsAt == 0 || at < s.EndsAt)
}

// span reads the instants of an object; an empty one is absent.
func (t *tree) span(at string, zone *time.Location, d *spanDoc) (s Span) {
	read := func(key, text string) (kopilka.Time, int16) {
		if text == "" {
			return 0, 0
		}
		i, east, err := readInstant(text, zone)
		if err != nil {
			t.faultAt(at+key, "%q %s", cut(text), err)
		}
		return i, east
	}
	s.StartsAt, s.startsEast = read("/starts_at", d.StartsAt)
	s.EndsAt, s.endsEast = read("/ends_at", d.EndsAt)
	if s.StartsAt != 0 && s.EndsAt != 0 && s.EndsAt <= s.StartsAt {
		t.faultAt(at+"/ends_at", "is not after the start, %s", d.StartsAt)
	}
	return s
}

func (s *Span) document() spanDoc {
	return spanDoc{writeInstant(s.StartsAt, s.startsEast), writeInstant(s.EndsAt, s.endsEast)}
}

const (
	dateForm   = "2006-01-02"
	minuteForm = "2006-01-02T15:04"
	secondForm = "2006-01-02T15:04:05"
)

// instantMax is the first instant that the days of the books do not reach in
// every zone.
const instantMax = kopilka.Time(kopilka.DayNever-1) * 24 * 60 * 60 * 1000

// ReadInstant reads an instant as documents write it, in a program of the zone.
func ReadInstant(s string, zone *time.Location) (kopilka.Time, error) {
	at, _, err := readInstant(s, zone)
	return at, err
}

// readInstant reads RFC 3339 with an offset, or a date, or a date and a time of
// day, which are those of the zone; a date is the start of its day. It tells the
// minutes east of UTC, too.
func readInstant(s string, zone *time.Location) (kopilka.Time, int16, error) {
	at, err := instantOf(s, zone)
	if err != nil {
		return 0, 0, err
	}
	if at.Nanosecond()%int(time.Millisecond) != 0 {
		return 0, 0, errors.New("is finer than a millisecond")
	}
	i := kopilka.TimeOf(at)
	if i <= 0 || i >= instantMax {
		return 0, 0, errors.New("is outside 1970..2149")
	}
	_, east := at.Zone()
	if east%60 != 0 { // as in Monrovia until 1972: RFC 3339 cannot write it
		east = 0
	}
	return i, int16(east / 60), nil
}

func instantOf(s string, zone *time.Location) (time.Time, error) {
	var at time.Time
	if !strings.Contains(s, ",") && at.UnmarshalText([]byte(s)) == nil { // which takes a comma before fractions
		return at, nil
	}
	for _, form := range []string{dateForm, minuteForm, secondForm} {
		wall, err := time.Parse(form, s)
		if err != nil || wall.Format(form) != s { // Parse takes more than the form
			continue
		}
		if form == dateForm {
			day, err := kopilka.ParseDay(s)
			if err != nil {
				return at, errors.New("is outside 1970..2149")
			}
			return kopilka.Calendar{Zone: zone}.Start(day).Std().In(zone), nil
		}
		return onWall(wall, zone)
	}
	return at, errors.New("is no instant: write 2026-12-01, 2026-12-01T09:00, or with an offset 2026-12-01T09:00:00+03:00")
}

// onWall is the instant at which clocks of a zone show a date and time. Where
// they are set that may be never, or twice.
func onWall(wall time.Time, zone *time.Location) (time.Time, error) {
	shows := func(at time.Time) bool { return at.Format(secondForm) == wall.Format(secondForm) }
	at := time.Date(wall.Year(), wall.Month(), wall.Day(), wall.Hour(), wall.Minute(), wall.Second(), 0, zone)
	if !shows(at) {
		return at, fmt.Errorf("does not come in %s, where clocks are set forward over it: write it with an offset", zone)
	}
	before, after := at.ZoneBounds()
	for _, edge := range []time.Time{before.Add(-1), after} {
		_, east := edge.Zone()
		twin := wall.Add(-time.Duration(east) * time.Second).In(zone)
		if shows(twin) && !twin.Equal(at) {
			return at, fmt.Errorf("comes twice in %s, where clocks are set back over it: write it with an offset", zone)
		}
	}
	return at, nil
}

// writeInstant is RFC 3339 with the offset; an open end is "".
func writeInstant(i kopilka.Time, east int16) string {
	if i == 0 {
		return ""
	}
	return i.Std().In(time.FixedZone("", int(east)*60)).Format("2006-01-02T15:04:05.999Z07:00")
}
