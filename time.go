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
// February. Past the last day that the books can hold it is DayNever.
func (d Day) AddMonths(n int) Day {
	y, m, day := d.Date()
	first := time.Date(y, m+time.Month(n), 1, 0, 0, 0, 0, time.UTC)
	last := first.AddDate(0, 1, -1).Day()
	if day > last {
		day = last
	}
	u := first.AddDate(0, 0, day-1).Unix() / 86400
	if u >= int64(DayNever) {
		return DayNever
	}
	return Day(u)
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
