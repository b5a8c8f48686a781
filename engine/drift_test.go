package engine

import (
	"bytes"
	"fmt"
	"strings"
	"sync"
	"testing"
	"unsafe"

	"github.com/kopilka/kopilka"
)

const (
	driftBefore = `{"program":"p","tiers":[{"id":"base","earn_bp":1000,"max_redeem_bp":5000}],"expiry":{"policy":"lots","months":1},"pending_days":3}`
	driftAfter  = `{"program":"p","tiers":[{"id":"one","earn_bp":1000,"max_redeem_bp":5000}],"expiry":{"policy":"lots","months":1},"pending_days":3,
		"rfm":{"segments":[{"id":"all"}]}}`
)

// driftShop is a shop with members who have bought once.
func driftShop(t testing.TB, members int) *shop {
	s := newShop(t, driftBefore)
	for i := range members {
		m := s.enrol(fmt.Sprintf("m%d", i))
		s.do(&kopilka.Receipt{Deed: kopilka.Deed{Member: m}, Amount: 1000})
	}
	return s
}

// again is the shop on books read back from a snapshot.
func (s *shop) again() *shop {
	s.t.Helper()
	p := s.Picture(&sync.Mutex{})
	defer p.Close()
	var b bytes.Buffer
	if _, err := p.WriteTo(&b); err != nil {
		s.t.Fatal(err)
	}
	books := New()
	if err := books.Restore(&b); err != nil {
		s.t.Fatal(err)
	}
	return &shop{State: books, t: s.t, now: s.now, n: s.n}
}

// TestDriftTellsOnce: a pass that ended in the middle goes on from the beginning,
// from a snapshot too, and tells those who were told nothing, and the rest once.
// What time does to points is told on its day: pending, then run out.
func TestDriftTellsOnce(t *testing.T) {
	s := driftShop(t, 10)
	told := func(want int, first kopilka.MemberNo, count int, points kopilka.Points) {
		t.Helper()
		if any := s.Drifted(first, count, s.Now()); any != (want > 0) {
			t.Fatalf("on %s there is something to tell: %t; want %d members", s.Day(), any, want)
		}
		out := s.do(&kopilka.Drift{First: first, Count: uint32(count)})
		if len(out.Shifts) != want {
			t.Fatalf("on %s was told %+v; want %d members", s.Day(), out.Shifts, want)
		}
		for _, x := range out.Shifts {
			if x.Points && x.Balance != points {
				t.Fatalf("on %s: %+v", s.Day(), x)
			}
		}
	}
	day := s.Day()
	told(0, 0, 10, 0)
	s.tick(day + 2)
	told(0, 0, 10, 0)
	for _, at := range []struct {
		day     kopilka.Day
		balance kopilka.Points
	}{{day + 3, 100}, {kopilka.DayOfDate(2027, 2, 2), 0}} {
		if s.tick(at.day - 1); s.Day() == at.day-1 {
			told(0, 0, 10, 0)
		}
		s.tick(at.day)
		told(4, 0, 4, at.balance)
		s = s.again()
		told(0, 0, 4, 0)
		told(3, 2, 5, at.balance)
		told(3, 0, 10, at.balance)
		told(0, 0, 10, 0)
		told(0, 3, 100, 0) // members who are not there
	}
	s.do(&kopilka.SetProgram{Document: []byte(driftAfter)})
	told(2, 1, 2, 0)
	s = s.again()
	told(8, 0, 10, 0)
	told(0, 0, 10, 0)
	if err := s.Check(); err != nil {
		t.Fatal(err)
	}
}

// TestToldIsProved: Check finds what was told in words that no program has.
func TestToldIsProved(t *testing.T) {
	for name, spoil := range map[string]func(*kopilka.Labels, *kopilka.Day){
		"segment": func(x *kopilka.Labels, _ *kopilka.Day) { x.Segment = 31 },
		"tier":    func(x *kopilka.Labels, _ *kopilka.Day) { x.Tier = 1 },
		"version": func(x *kopilka.Labels, _ *kopilka.Day) { x.Version = 2 },
		"day":     func(_ *kopilka.Labels, day *kopilka.Day) { *day = 1 << 14 << 1 },
		"nobody":  func(x *kopilka.Labels, _ *kopilka.Day) { x.Version, x.Segment = 0, 1 },
	} {
		s := driftShop(t, 2)
		if err := s.Check(); err != nil {
			t.Fatal(err)
		}
		spoil(&s.accounts.Mut(1).told, s.toldDays.Mut(1))
		if err := s.Check(); err == nil || !strings.Contains(err.Error(), "member 1 ") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestDriftSize holds what the feed costs: memory for each member, and log for each
// who was moved. docs/decisions.md names both.
func TestDriftSize(t *testing.T) {
	const members = 1000
	s := driftShop(t, members)
	s.do(&kopilka.SetProgram{Document: []byte(driftAfter)})
	labels := s.do(&kopilka.Drift{Count: members})
	s.tick(s.Day() + 3)
	points := s.do(&kopilka.Drift{Count: members})
	if len(labels.Shifts) != members || len(points.Shifts) != members {
		t.Fatalf("%d and %d were told of", len(labels.Shifts), len(points.Shifts))
	}
	size, byLabel, byPoints := unsafe.Sizeof(kopilka.Labels{})+unsafe.Sizeof(kopilka.Day(0)), len(labels.Append(nil))/members, len(points.Append(nil))/members
	t.Logf("%d bytes a member; %d for a label that moved, %d for points", size, byLabel, byPoints)
	if size > 8 || byLabel > 16 || byPoints > 16 {
		t.Errorf("%d bytes a member; %d for a label that moved, %d for points", size, byLabel, byPoints)
	}
}
