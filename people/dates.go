package people

import (
	"iter"
	"strings"
	"sync"
	"time"

	"github.com/kopilka/kopilka"
)

// Dates knows on which day of the year members have a date: the birthday, or an
// attribute of a shop's own, such as a wedding. Its methods may be called from
// many goroutines at once.
//
// Every date has a column of two bytes a member, by member number. Nothing of it is
// kept anywhere: like Names it is filled from the profiles at every start, while
// changes go on; what Learn reads in a profile therefore never replaces what Put
// has told since.
type Dates struct {
	mu      sync.RWMutex
	columns map[string][]yearday
}

// yearday is month × 32 + day of month, noDate, or 0 where nothing was told yet.
type yearday uint16

const noDate yearday = 1

// BirthDate is the name of the date that every profile can have.
const BirthDate = "birth_date"

// attributeDate begins the names of dates that are attributes.
const attributeDate = "attributes."

// NewDates is an index of no date.
func NewDates() *Dates { return &Dates{columns: map[string][]yearday{}} }

// Keep begins a column for a date, BirthDate or attributes.NAME; false when there
// is one already.
func (x *Dates) Keep(name string) bool {
	x.mu.Lock()
	defer x.mu.Unlock()
	if _, kept := x.columns[name]; kept {
		return false
	}
	x.columns[name] = nil
	return true
}

// Put notes the dates of a member's profile, which is the newest.
func (x *Dates) Put(m kopilka.MemberNo, p *Profile) { x.note(m, p, true) }

// Learn notes the dates of a profile that may have been changed since it was read.
func (x *Dates) Learn(m kopilka.MemberNo, p *Profile) { x.note(m, p, false) }

// Forget takes a member out.
func (x *Dates) Forget(m kopilka.MemberNo) { x.note(m, &Profile{}, true) }

func (x *Dates) note(m kopilka.MemberNo, p *Profile, newest bool) {
	x.mu.Lock()
	defer x.mu.Unlock()
	for name, column := range x.columns {
		if short := int(m) + 1 - len(column); short > 0 {
			column = append(column, make([]yearday, short)...)
			x.columns[name] = column
		}
		if !newest && column[m] != 0 {
			continue
		}
		column[m] = noDate
		if month, day, ok := p.Date(name); ok {
			column[m] = yearday(month)<<5 | yearday(day)
		}
	}
}

// datesAtOnce is how many members All looks at under one hold of the lock.
const datesAtOnce = 1 << 14

// Date is a day of the year that a member has.
type Date struct {
	Member kopilka.MemberNo
	Month  time.Month
	Day    int
}

// All gives every member who has a date of a name, in order of number. No lock is
// held while the caller looks at one.
func (x *Dates) All(name string) iter.Seq[Date] {
	return func(yield func(Date) bool) {
		some := make([]yearday, datesAtOnce)
		for from := 0; ; from += datesAtOnce {
			x.mu.RLock()
			column := x.columns[name]
			n := copy(some, column[min(from, len(column)):])
			x.mu.RUnlock()
			for i, d := range some[:n] {
				if d > noDate && !yield(Date{kopilka.MemberNo(from + i), time.Month(d >> 5), int(d & 31)}) {
					return
				}
			}
			if n < datesAtOnce {
				return
			}
		}
	}
}

// Date is a date of a profile by its name: BirthDate, or attributes.NAME, whose
// value is a date such as 1985-04-30 or, without its year, 04-30.
func (p *Profile) Date(name string) (month time.Month, day int, ok bool) {
	text := p.BirthDate
	if attribute, is := strings.CutPrefix(name, attributeDate); is {
		text, _ = p.Attributes[attribute].(string)
	} else if name != BirthDate {
		return 0, 0, false
	}
	if len(text) == len("04-30") {
		text = "2000-" + text // a leap year, so that 29 February is a date
	}
	t, err := time.Parse("2006-01-02", text)
	if err != nil {
		return 0, 0, false
	}
	return t.Month(), t.Day(), true
}
