package engine

import (
	"fmt"
	"slices"

	"github.com/kopilka/kopilka"
)

// What the clerk does with audiences: a list of the members, written off by hand.

// frozen is an audience on paper.
type frozen struct {
	seq     kopilka.Seq
	members []kopilka.MemberNo
	heldOut map[kopilka.MemberNo]bool
}

// office is what the clerk keeps of audiences.
type office struct {
	audiences []*frozen
	open      *frozen // being gathered
	openAs    string
	control   kopilka.BP
	mailings  []*sending
}

func (b *clerk) gather(c *kopilka.Gather, o *kopilka.Outcome) {
	k := &b.office
	if !c.Start && (k.open == nil || k.openAs != c.Audience || k.control != c.Control || len(k.open.members) > 0) {
		o.Refusal = kopilka.Stale // the till sends one block only
		return
	}
	var set kopilka.Block
	if err := kopilka.ReadBlock(c.Members, &set); err != nil {
		panic(err)
	}
	draw := kopilka.NewDraw([16]byte{1, 2, 3}, c.Audience, c.Control)
	k.open, k.openAs, k.control = &frozen{heldOut: map[kopilka.MemberNo]bool{}}, c.Audience, c.Control
	for m := range kopilka.MemberNo(len(b.people)) {
		if set[m/64]>>(m%64)&1 != 0 {
			k.open.members = append(k.open.members, m)
			k.open.heldOut[m] = draw.HeldOut(m)
		}
	}
}

func (b *clerk) freeze(c *kopilka.Audience, o *kopilka.Outcome) {
	k := &b.office
	held := 0
	if k.open != nil {
		for _, h := range k.open.heldOut {
			if h {
				held++
			}
		}
	}
	if k.open == nil || k.openAs != c.ID || k.control != c.Control || len(k.open.members) != c.Members || held != c.HeldOut {
		o.Refusal = kopilka.Stale
		return
	}
	k.open.seq = b.seq
	k.audiences = append(k.audiences, k.open)
	k.open = nil
}

func (b *clerk) audience(at kopilka.Seq) *frozen {
	for _, x := range b.office.audiences {
		if x.seq == at {
			return x
		}
	}
	return nil
}

// persons are those who were addressed, each with his numbers in the audience, the
// lowest of which stands for him.
func (b *clerk) persons(x *frozen) (lowest []kopilka.MemberNo, numbers map[kopilka.MemberNo][]kopilka.MemberNo) {
	numbers = map[kopilka.MemberNo][]kopilka.MemberNo{}
	out := map[kopilka.MemberNo]bool{}
	for _, no := range x.members {
		m := b.resolve(no)
		numbers[m] = append(numbers[m], no)
		out[m] = out[m] || x.heldOut[no] || b.people[m].erased
	}
	for _, no := range x.members {
		if m := b.resolve(no); !out[m] && numbers[m][0] == no {
			lowest = append(lowest, no)
		}
	}
	return lowest, numbers
}

func (b *clerk) grantAudience(c *kopilka.AudienceGrant, o *kopilka.Outcome) {
	x := b.audience(c.Audience)
	switch {
	case x == nil:
		o.Refusal = kopilka.NotFound
		return
	case c.Begun != 0:
		o.Refusal = kopilka.Stale // all of them are done with one command
		return
	}
	addressed := 0
	for _, no := range x.members {
		if !x.heldOut[no] {
			addressed++
		}
	}
	b.flagActor(c.Actor, c.Points*kopilka.Points(addressed), o)
	lowest, _ := b.persons(x)
	for _, no := range lowest {
		o.Legs = b.mayGet(b.resolve(no), kopilka.LegGrant, c.Points, o.Legs)
	}
	if len(o.Legs) > 0 {
		b.payLegs(kopilka.NoMember, born(b.program().Program, 0, b.day, 0), o)
		b.enterLegs(o)
	}
}

// sameAudiences compares who is part of what, and who stands for whom.
func (b *clerk) sameAudiences(s *State) error {
	if len(s.audiences) != len(b.office.audiences) {
		return fmt.Errorf("%d audiences; want %d", len(s.audiences), len(b.office.audiences))
	}
	for _, want := range b.office.audiences {
		x, ok := s.Drawn(want.seq)
		if !ok {
			return fmt.Errorf("no audience of %d", want.seq)
		}
		lowest, _ := b.persons(want)
		var got, stand []kopilka.MemberNo
		for place, no := range s.Of(&x.Audience, 0) {
			if at, in := s.Place(&x.Audience, no); !in || at != place || place != len(got) {
				return fmt.Errorf("number %d is at %d, %t, of audience %s; want %d", no, at, in, x.ID, place)
			}
			got = append(got, no)
			if m, ok := s.Stands(&x, no); ok {
				stand = append(stand, no)
				if m != b.resolve(no) {
					return fmt.Errorf("number %d stands for %d", no, m)
				}
			}
		}
		if !slices.Equal(got, want.members) || !slices.Equal(stand, lowest) {
			return fmt.Errorf("audience %s\n got %d, addressed %d\nwant %d, addressed %d", x.ID, got, stand, want.members, lowest)
		}
	}
	return nil
}
