package kopilka

import (
	"fmt"
	"time"
)

// Time is an instant in milliseconds since 1970-01-01T00:00:00Z.
type Time int64

// TimeOf is the instant t, cut to milliseconds.
func TimeOf(t time.Time) Time { return Time(t.UnixMilli()) }

// Std is the instant as the standard library has it, in UTC.
func (t Time) Std() time.Time { return time.UnixMilli(int64(t)).UTC() }

// String is RFC 3339 in UTC with milliseconds.
func (t Time) String() string { return t.Std().Format("2006-01-02T15:04:05.000Z07:00") }

// Day is a business day: a calendar day in the program's time zone, counted
// from 1970-01-01, which is day 0. The books hold days as 16 bits, which lasts
// until 2149-06-05; DayNever, the largest, is the day that does not come.
type Day uint16

// DayNever is the expiry of a lot that does not expire.
const DayNever Day = 1<<16 - 1

// DayOfDate is the day of a calendar date.
func DayOfDate(year int, month time.Month, day int) Day {
	return Day(time.Date(year, month, day, 0, 0, 0, 0, time.UTC).Unix() / 86400)
}

// ParseDay reads YYYY-MM-DD.
func ParseDay(s string) (Day, error) {
	t, err := time.Parse("2006-01-02", s)
	if err != nil {
		return 0, fmt.Errorf("%q is not a date such as 2026-11-22", s)
	}
	n := t.Unix() / 86400
	if n < 0 || n >= int64(DayNever) {
		return 0, fmt.Errorf("%s is outside 1970-01-01..2149-06-05", s)
	}
	return Day(n), nil
}

// Date is the calendar date of the day.
func (d Day) Date() (year int, month time.Month, day int) {
	return time.Unix(int64(d)*86400, 0).UTC().Date()
}

// String is YYYY-MM-DD, or "never".
func (d Day) String() string {
	if d == DayNever {
		return "never"
	}
	return time.Unix(int64(d)*86400, 0).UTC().Format("2006-01-02")
}

// AddMonths is the same day of the month n months later, or the last day of
// that month when it is shorter: 31 January + 1 month is the last day of
// February. Past the last day that the books can hold it is DayNever. The
// balance of every receipt asks for it, so it is done by arithmetic: package
// time takes thirty times as long.
func (d Day) AddMonths(n int) Day {
	y, m, day := civil(int(d))
	m += n - 1
	y, m = y+m/12, m%12+1
	first := daysOf(y, m, 1)
	next := daysOf(y+m/12, m%12+1, 1)
	u := first + min(day, next-first) - 1
	if u >= int(DayNever) {
		return DayNever
	}
	return Day(u)
}

// civil is the calendar date of a day, and daysOf the day of a date, in years
// that begin in March so that the leap day comes last.
//
// Source: H. Hinnant, chrono-Compatible Low-Level Date Algorithms (2021).
func civil(d int) (year, month, day int) {
	d += 719_468 // from 1 March of year 0
	era := d / 146_097
	ofEra := d % 146_097
	year = (ofEra - ofEra/1460 + ofEra/36_524 - ofEra/146_096) / 365
	ofYear := ofEra - (365*year + year/4 - year/100)
	m := (5*ofYear + 2) / 153
	year += era * 400
	day = ofYear - (153*m+2)/5 + 1
	if m < 10 {
		return year, m + 3, day
	}
	return year + 1, m - 9, day
}

func daysOf(year, month, day int) int {
	if month > 2 {
		month -= 3
	} else {
		year, month = year-1, month+9
	}
	era, ofEra := year/400, year%400
	return era*146_097 + ofEra*365 + ofEra/4 - ofEra/100 + (153*month+2)/5 + day - 1 - 719_468
}

// AddDays is n days later, or DayNever past the last day.
func (d Day) AddDays(n int) Day {
	u := int64(d) + int64(n)
	if u >= int64(DayNever) {
		return DayNever
	}
	return Day(u)
}

// Calendar turns instants into business days. It is used where commands are
// made and where answers are written, never in the books themselves: time zone
// tables change between releases, and a replay must not.
type Calendar struct{ Zone *time.Location }

// Text is RFC 3339 with milliseconds and the zone's offset, for people.
func (c Calendar) Text(t Time) string {
	return t.Std().In(c.Zone).Format("2006-01-02T15:04:05.000Z07:00")
}

// DayOf is the business day of an instant.
func (c Calendar) DayOf(t Time) Day {
	y, m, d := t.Std().In(c.Zone).Date()
	return DayOfDate(y, m, d)
}

// Start is the first instant of a business day. Where the clock is set forward
// at midnight, that is when it is set.
func (c Calendar) Start(d Day) Time {
	y, m, day := d.Date()
	start := time.Date(y, m, day, 0, 0, 0, 0, c.Zone)
	if start.Day() != day {
		_, start = start.ZoneBounds()
	}
	return TimeOf(start)
}

// End is the last millisecond of a business day.
func (c Calendar) End(d Day) Time { return c.Start(d+1) - 1 }
