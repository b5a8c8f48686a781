package engine

import (
	"bytes"
	"fmt"

	"github.com/kopilka/kopilka"
	"github.com/kopilka/kopilka/program"
)

// scheduled is a program that waits for its instant; At 0 = none does. It comes
// into force before the first command at or after the instant, on its business
// day or later, wherever in the log that is.
type scheduled struct {
	At       kopilka.Time
	Day      kopilka.Day
	Seq      kopilka.Seq // of the command that scheduled it
	Document []byte
}

func (w *scheduled) due(s *State) bool { return w.At != 0 && s.now >= w.At && s.day >= w.Day }

// Scheduled is the program that waits, and the instant for which it does; At is
// 0 when none does.
type Scheduled struct {
	At      kopilka.Time
	Day     kopilka.Day
	Seq     kopilka.Seq
	Program *program.Program
}

// Scheduled tells what waits.
func (s *State) Scheduled() Scheduled {
	w := s.scheduled
	if w.At == 0 {
		return Scheduled{}
	}
	return Scheduled{At: w.At, Day: w.Day, Seq: w.Seq, Program: s.parse(w.Document)}
}

// Due is the instant at which a program comes into force; 0 = none waits.
func (s *State) Due() kopilka.Time { return s.scheduled.At }

func (s *State) parse(document []byte) *program.Program {
	p, err := program.Parse(document)
	if err != nil {
		panic(fmt.Sprintf("engine: a program at position %d, which was valid when it was logged: %v", s.seq, err))
	}
	return p
}

// setProgram puts a program in force from here on, or makes it wait for its instant.
func (s *State) setProgram(c *kopilka.SetProgram, out *kopilka.Outcome) {
	if s.spent(&c.Head, out) {
		return
	}
	if len(c.Document) == 0 {
		if s.scheduled.At == 0 {
			refuse(out, kopilka.NotFound)
			return
		}
		s.scheduled = scheduled{}
		return
	}
	p, before := s.parse(c.Document), s.Program()
	if before != nil && (p.Currency != before.Currency || p.MinorUnits != before.MinorUnits || p.TimeZone != before.TimeZone) {
		// Whether a receipt is taken before an instant to come is not known.
		if s.sold || c.At > s.now {
			refuse(out, kopilka.ProgramFixed)
			return
		}
		s.scheduled = scheduled{} // it counts in the currency before
	}
	if len(s.versions)+1 >= versionsMax || !s.nameable(p) {
		refuse(out, kopilka.NamesExhausted)
		return
	}
	if c.At > s.now {
		s.termsOf(p) // names are taken now: when its instant comes there is nobody to refuse
		s.scheduled = scheduled{At: c.At, Day: c.Day, Seq: s.seq, Document: bytes.Clone(c.Document)}
		return
	}
	s.putInForce(p, s.now)
	out.Program = len(s.versions)
}

// takeEffect puts the program in force whose instant has come.
func (s *State) takeEffect() {
	w := s.scheduled
	s.scheduled = scheduled{}
	s.putInForce(s.parse(w.Document), w.At)
}

// putInForce puts a program in force. Points keep the days they were given; tiers
// are found again by their ids. What is in force already gets no version of its own.
func (s *State) putInForce(p *program.Program, since kopilka.Time) {
	before := s.Program()
	if before != nil && bytes.Equal(p.Document(), before.Document()) {
		return
	}
	s.inForce(Version{Seq: s.seq, Time: since, Day: s.day, Program: p})
	s.index.SetRule(&p.RFM, p.TierPolicy.WindowDays)
	if before != nil {
		s.retier(before, p)
	}
}
