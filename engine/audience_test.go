package engine

import (
	"bytes"
	"fmt"
	"math"
	"slices"
	"sync"
	"testing"

	"github.com/kopilka/kopilka"
)

// freezeAll freezes members of s for whom keep holds, block by block, as the api does.
func (s *shop) freezeAll(id string, control kopilka.BP, keep func(kopilka.MemberNo) bool) kopilka.Seq {
	c := &kopilka.Audience{Head: kopilka.Head{ID: id}, Control: control}
	draw := kopilka.NewDraw(s.secret, id, control)
	start := true
	var out kopilka.Outcome
	for block := 0; block*kopilka.BlockLen < max(1, s.Members()); block++ {
		var set kopilka.Block
		for i := range min(kopilka.BlockLen, s.Members()-block*kopilka.BlockLen) {
			if m := kopilka.MemberNo(block*kopilka.BlockLen + i); keep(m) {
				set[i/64] |= 1 << (i % 64)
				c.Members++
				if draw.HeldOut(m) {
					c.HeldOut++
				}
			}
		}
		s.Apply(s.now, &kopilka.Gather{Audience: id, Control: control, Start: start, Block: uint32(block), Members: kopilka.AppendBlock(nil, &set)}, &out)
		if out.Refusal != kopilka.Accepted {
			s.t.Fatalf("gather: %s", out.Refusal)
		}
		start = false
	}
	s.do(c)
	return s.Seq()
}

// Audiences over several blocks, full ones and thin ones, say who is in them and at
// which place; a grant goes through them in steps, and a restart goes on.
func TestAudienceSteps(t *testing.T) {
	s := newShop(t, `{"program":"p"}`)
	const members = kopilka.BlockLen + 9000
	for i := range members {
		s.do(&kopilka.PutMember{Card: fmt.Sprint(i), Registered: s.Day(), Referrer: kopilka.NoMember})
	}
	thirds := s.freezeAll("thirds", 0, func(m kopilka.MemberNo) bool { return m%3 == 0 })
	few := s.freezeAll("few", 0, func(m kopilka.MemberNo) bool { return m%1000 == 999 })
	all := s.freezeAll("all", 1000, func(kopilka.MemberNo) bool { return true })
	nobody := s.freezeAll("nobody", 1000, func(kopilka.MemberNo) bool { return false })
	for seq, keep := range map[kopilka.Seq]func(m kopilka.MemberNo) bool{
		thirds: func(m kopilka.MemberNo) bool { return m%3 == 0 }, few: func(m kopilka.MemberNo) bool { return m%1000 == 999 },
		all: func(kopilka.MemberNo) bool { return true }, nobody: func(kopilka.MemberNo) bool { return false },
	} {
		x, _ := s.Audience(seq)
		var want []kopilka.MemberNo
		for m := range kopilka.MemberNo(members) {
			at, in := s.Place(&x, m)
			if in != keep(m) || in && at != len(want) {
				t.Fatalf("%s: member %d is at %d, %t", x.ID, m, at, in)
			}
			if in {
				want = append(want, m)
			}
		}
		for _, from := range []int{0, 1, len(want) / 2, len(want) - 1, len(want)} {
			var got []kopilka.MemberNo
			for _, m := range s.Of(&x, max(0, from)) {
				got = append(got, m)
			}
			if !slices.Equal(got, want[min(max(0, from), len(want)):]) {
				t.Fatalf("%s from %d: %d members of %d", x.ID, from, len(got), len(want))
			}
		}
	}
	x, _ := s.Audience(all)
	if share := float64(x.HeldOut) / members; share < 0.095 || share > 0.105 {
		t.Fatalf("%d of %d are held out", x.HeldOut, members)
	}
	blocked := kopilka.MemberNo(0)
	for d, _ := s.Drawn(all); d.Held(blocked); {
		blocked++
	}
	s.do(&kopilka.PutMember{Card: fmt.Sprint(blocked), Registered: s.Day(), Referrer: kopilka.NoMember, Blocked: true, Base: s.Member(blocked, s.now).ProfileAt})

	s.do(&kopilka.AudienceGrant{Audience: all, Points: 7, Reason: "r", Actor: "a"})
	begun := s.Seq()
	for restarts := 0; ; restarts++ {
		g, ok := s.UnfinishedGrant()
		if !ok {
			break
		}
		if restarts == 3 { // in the middle
			before := s.Hash()
			var b bytes.Buffer
			p := s.Picture(new(sync.Mutex))
			if _, err := p.WriteTo(&b); err != nil {
				t.Fatal(err)
			}
			p.Close()
			s.State = New()
			if err := s.Restore(&b); err != nil || s.Hash() != before {
				t.Fatal("the books read back are others", err)
			}
		}
		var out kopilka.Outcome
		s.Apply(s.now, &kopilka.AudienceGrant{Audience: all, Begun: begun, From: g.Next + 1, Points: 7}, &out)
		if out.Refusal != kopilka.Stale {
			t.Fatalf("a step out of turn: %s", out.Refusal)
		}
		s.Apply(s.now, &kopilka.AudienceGrant{Audience: all, Begun: begun, From: g.Next, Points: 7}, &out)
		if out.Refusal != kopilka.Accepted || len(out.Legs) > kopilka.GrantStep {
			t.Fatalf("%s, %d legs", out.Refusal, len(out.Legs))
		}
	}
	g, _ := s.AudienceGrant(begun)
	if want := x.Members - x.HeldOut; g.Total != want || g.Given != want-1 || s.Books().Granted != kopilka.Points(7*(want-1)) {
		t.Fatalf("%+v of %d, and the books have granted %d", g, want, s.Books().Granted)
	}
	d, _ := s.Drawn(all)
	for m := range kopilka.MemberNo(members) {
		want := kopilka.Points(7)
		if d.Held(m) || m == blocked {
			want = 0
		}
		if got := s.Member(m, s.now).Balance; m%97 == 0 && got != want {
			t.Fatalf("member %d has %d; want %d", m, got, want)
		}
	}
	if err := s.Check(); err != nil {
		t.Fatal(err)
	}
}

// Nobody gets more than anybody may hold, and of lists there is an end.
func TestAudienceBounds(t *testing.T) {
	s := newShop(t, `{"program":"p"}`)
	rich, poor := s.enrol("rich"), s.enrol("poor")
	s.do(&kopilka.Grant{Deed: kopilka.Deed{Member: rich}, Points: kopilka.BalanceMax - 9})
	both := s.freezeAll("both", 0, func(kopilka.MemberNo) bool { return true })
	s.do(&kopilka.AudienceGrant{Audience: both, Points: 10, Reason: "r", Actor: "a"})
	if g, _ := s.AudienceGrant(s.Seq()); g.Given != 1 || g.Total != 2 || !g.Done || s.Member(poor, s.now).Balance != 10 {
		t.Fatalf("%+v", g)
	}
	if out := s.try(&kopilka.AudienceGrant{Audience: both + 1, Points: 10}); out.Refusal != kopilka.NotFound {
		t.Fatalf("of no audience: %s", out.Refusal)
	}
	for i := range AudiencesMax - 1 {
		s.freezeAll(fmt.Sprint("a", i), 0, func(m kopilka.MemberNo) bool { return m == 0 })
	}
	for range AudienceGrantsMax - 1 {
		s.do(&kopilka.AudienceGrant{Audience: both, Points: 1})
	}
	before := s.Hash()
	if out := s.try(&kopilka.Audience{}); out.Refusal != kopilka.ListFull || s.Hash() != before {
		t.Fatalf("one audience more: %s", out.Refusal)
	}
	if out := s.try(&kopilka.AudienceGrant{Audience: both, Points: 1}); out.Refusal != kopilka.ListFull || s.Hash() != before {
		t.Fatalf("one grant more: %s", out.Refusal)
	}
	if err := s.Check(); err != nil {
		t.Fatal(err)
	}
}

// Grants to audiences add up to what can be told, and an actor beyond counting stays
// flagged.
func TestAudienceGrantsAddUp(t *testing.T) {
	const points = kopilka.AmountMax
	s := newShop(t, `{"program":"p","fraud":{"adjusted_per_day":100000}}`)
	for i := range 1000 {
		s.enrol(fmt.Sprint("m", i))
	}
	all := s.freezeAll("all", 0, func(kopilka.MemberNo) bool { return true })
	s.books.Granted = kopilka.PointsMax - 1000*points + 1
	before := s.Hash()
	if out := s.try(&kopilka.AudienceGrant{Audience: all, Points: points, Actor: "a"}); out.Refusal != kopilka.BalanceLimit || s.Hash() != before {
		t.Fatalf("one point more than all may give: %s", out.Refusal)
	}
	s.books.Granted--
	s.adjusted["a"] = math.MaxInt64 - 1
	for range 2 {
		if out := s.do(&kopilka.AudienceGrant{Audience: all, Points: points, Actor: "a"}); out.Flags&kopilka.FlagAdjusts == 0 {
			t.Fatal("not flagged")
		}
		s.books.Granted = 0
	}
}
