package program

import (
	"time"

	"github.com/kopilka/kopilka"
)

// Window is the days on which the certificate of a year's date can pay: the
// first and the last, as kopilka.CertificateDue has them. They begin LeadDays
// before the date and are ValidDays in all, so that they may reach into the
// year before or after. The year is that of the date. 29 February is the 28th in
// common years.
func (c *Certificate) Window(month time.Month, day, year int) (from, to kopilka.Day) {
	first, last := c.days(month, day, year)
	within := func(d int) kopilka.Day { return kopilka.Day(min(max(d, 0), int(kopilka.DayNever)-1)) }
	return within(first), within(last)
}

// days are those of Window, which may be beyond the calendar of the books.
func (c *Certificate) days(month time.Month, day, year int) (first, last int) {
	if month == time.February && day == 29 && !leap(year) {
		day = 28
	}
	first = int(time.Date(year, month, day, 0, 0, 0, 0, time.UTC).Unix()/86400) - c.LeadDays
	return first, first + c.ValidDays - 1
}

// DueOn is the window that a day lies in, of the date in the year before, in the
// same year or in the next, and that year. A year's window may be open still
// when the next one opens: it is the newer that is due.
func (c *Certificate) DueOn(month time.Month, day int, today kopilka.Day) (year uint16, from, to kopilka.Day, ok bool) {
	now, _, _ := today.Date()
	for y := now + 1; y >= now-1; y-- {
		if first, last := c.days(month, day, y); first <= int(today) && int(today) <= last {
			from, to = c.Window(month, day, y)
			return uint16(y), from, to, true
		}
	}
	return 0, 0, 0, false
}

func leap(year int) bool { return year%4 == 0 && (year%100 != 0 || year%400 == 0) }
