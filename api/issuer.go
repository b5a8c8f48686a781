package api

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/kopilka/kopilka"
	"github.com/kopilka/kopilka/engine"
	"github.com/kopilka/kopilka/people"
	"github.com/kopilka/kopilka/program"
)

// issuer gives the certificates of dates: once a business day has come, every member
// in whose window it lies and who has none of that year gets his. The books cannot
// open what is sealed, so whose date it is reaches them as a fact, by a command;
// they pass over who has one already, so that to issue twice does no harm.
//
//	a day, or a version of the program, has come ──► dates in their windows
//	    ──► who has none of the year? ──► Issue, a thousand members at a time
type issuer struct {
	mu      sync.Mutex // one run at a time; guards what follows
	day     kopilka.Day
	version int // of the program
	learned chan struct{}
}

// issueMax bounds the members of one command, and by that how long the tills wait
// for it.
const issueMax = 1000

// dated tells whether the program has certificates that dates bring.
func dated(p *program.Program) bool {
	for i := range p.Certificates {
		if p.Certificates[i].On != "" {
			return true
		}
	}
	return false
}

// due are the certificates in whose windows a day lies by the dates of a profile.
func due(rules *program.Program, p *people.Profile, today kopilka.Day) (all []kopilka.CertificateDue) {
	for i := range rules.Certificates {
		c := &rules.Certificates[i]
		month, day, ok := p.Date(c.On)
		if !ok {
			continue
		}
		if year, from, to, ok := c.DueOn(month, day, today); ok {
			all = append(all, kopilka.CertificateDue{Member: kopilka.NoMember, Rule: c.ID, Year: year, From: from, To: to})
		}
	}
	return all
}

// keepDates begins an index for every date that the program in force asks for, and
// tells whether there was a new one.
func (s *Server) keepDates() (fresh bool) {
	var rules *program.Program
	s.queue.View(func(b *engine.State) { rules = b.Program() })
	for i := range rules.Certificates {
		if on := rules.Certificates[i].On; on != "" && s.dates.Keep(on) {
			fresh = true
		}
	}
	return fresh
}

// tend destroys what a crash has left of forgotten members, learns what lies sealed in
// the log, and then issues what is due whenever a day or a program has come, and goes on
// with grants to audiences that a crash has cut, until ctx ends. The feed is tended
// beside it: but with the test clock it is told before the first request is answered,
// so that whoever reads it finds it in one order always.
func (s *Server) tend(ctx context.Context) {
	if err := s.eraseKeys(ctx); err != nil {
		s.opts.Log.Error("api: keys of forgotten members could not be destroyed; the next start tries again", "err", err)
	}
	if !s.queue.TestClock() {
		s.run(s.tendFeed)
	}
	s.keepDates()
	s.learnNames(ctx)
	close(s.issuer.learned)
	s.issueOrLog(ctx)
	if s.queue.TestClock() {
		s.learnHolds(ctx)
		s.tellOrLog(ctx)
	}
	close(s.caughtUp)
	beat := time.NewTicker(time.Second)
	defer beat.Stop()
	for {
		select {
		case <-beat.C:
		case <-ctx.Done():
			return
		}
		s.issueOrLog(ctx)
	}
}

// issueOrLog issues what is due and goes on with grants, for whom nobody waits.
func (s *Server) issueOrLog(ctx context.Context) {
	if err := s.issueDue(ctx); err != nil && ctx.Err() == nil {
		s.opts.Log.Error("api: certificates that are due were not all issued; they are tried again", "err", err)
	}
	if err := s.finishGrants(ctx); err != nil && ctx.Err() == nil {
		s.opts.Log.Error("api: a grant to an audience was not finished; it is tried again", "err", err)
	}
}

// issueDue gives every certificate that is due on the day of the books and was not
// given, and returns when that is durable. Where neither the day nor the program
// is new since it last did, there is nothing to do.
func (s *Server) issueDue(ctx context.Context) error {
	select {
	case <-s.issuer.learned:
	case <-ctx.Done():
		return ctx.Err()
	}
	x := &s.issuer
	x.mu.Lock()
	defer x.mu.Unlock()
	var rules *program.Program
	var day kopilka.Day
	version := 0
	s.queue.View(func(b *engine.State) { rules, version, day = b.Program(), b.Version(), b.Day() })
	if day == x.day && version == x.version {
		return nil
	}
	if s.keepDates() {
		s.eachProfile(ctx, func(no kopilka.MemberNo, p *people.Profile) { s.dates.Learn(no, p) })
	}
	for i := range rules.Certificates {
		if c := &rules.Certificates[i]; c.On != "" {
			if err := s.issueOf(ctx, c, day); err != nil {
				return fmt.Errorf("issue %s of %s: %w", c.ID, day, err)
			}
		}
	}
	x.day, x.version = day, version
	return ctx.Err()
}

// issueOf gives the certificates of one rule that are due on a day.
func (s *Server) issueOf(ctx context.Context, c *program.Certificate, today kopilka.Day) error {
	var calendar [13][32]*kopilka.CertificateDue // by month and day of the date; nil = not due
	for d := kopilka.DayOfDate(2000, 1, 1); d <= kopilka.DayOfDate(2000, 12, 31); d++ {
		_, month, day := d.Date()
		if year, from, to, ok := c.DueOn(month, day, today); ok {
			calendar[month][day] = &kopilka.CertificateDue{Rule: c.ID, Year: year, From: from, To: to}
		}
	}
	var batch []kopilka.CertificateDue
	for date := range s.dates.All(c.On) {
		x := calendar[date.Month][date.Day]
		if x == nil {
			continue
		}
		batch = append(batch, *x)
		batch[len(batch)-1].Member = date.Member
		if len(batch) == issueMax {
			if err := s.issue(batch); err != nil {
				return err
			}
			if batch = batch[:0]; ctx.Err() != nil {
				return ctx.Err()
			}
		}
	}
	return s.issue(batch)
}

// issue gives certificates to those who have none of the year.
func (s *Server) issue(all []kopilka.CertificateDue) error {
	var missing []kopilka.CertificateDue
	s.queue.View(func(b *engine.State) {
		for i := range all {
			if !b.Given(all[i].Member, all[i].Rule, all[i].Year) {
				missing = append(missing, all[i])
			}
		}
	})
	if len(missing) == 0 {
		return nil
	}
	a, err := s.queue.Submit(&kopilka.Issue{Due: missing})
	if err != nil {
		return err
	}
	if r := a.Outcome.Refusal; r != kopilka.Accepted {
		return fmt.Errorf("the books refuse it: %s", r)
	}
	return nil
}

// lookAgain gives what is due by their dates to members who have just become one, or
// two again, as the next day would: each of the numbers that stand for them may tell
// a date.
func (s *Server) lookAgain(members ...kopilka.MemberNo) *problem {
	var rules *program.Program
	var today kopilka.Day
	var numbers []engine.Member
	s.queue.View(func(b *engine.State) {
		rules, today = b.Program(), b.Day()
		for _, m := range members {
			for _, no := range b.Parts(m) {
				numbers = append(numbers, b.Row(no, s.queue.Now()))
			}
		}
	})
	if !dated(rules) {
		return nil
	}
	var all []kopilka.CertificateDue
	for i := range numbers {
		profile, p := s.profile(&numbers[i])
		if p != nil {
			return p
		}
		for _, x := range due(rules, &profile, today) {
			x.Member = numbers[i].No
			all = append(all, x)
		}
	}
	if err := s.issue(all); err != nil {
		return s.failed(err)
	}
	return nil
}

// walkClock moves the test clock to an instant. Where dates bring certificates it
// stops on every day on the way, so that a year of birthdays passes as it would.
func (s *Server) walkClock(ctx context.Context, to kopilka.Time) error {
	for {
		if err := s.issueDue(ctx); err != nil {
			return err
		}
		if err := s.tellDrift(ctx); err != nil {
			return err
		}
		now := s.queue.Now()
		if now >= to {
			return nil
		}
		next := to
		var rules *program.Program
		s.queue.View(func(b *engine.State) {
			rules = b.Program()
			if other := b.Due(); other > now {
				next = min(to, other) // that program may have dates
			}
		})
		if calendar := s.queue.Calendar(); dated(rules) {
			next = min(next, calendar.Start(calendar.DayOf(now)+1))
		}
		if err := s.queue.SetClock(next); err != nil {
			return err
		}
	}
}
