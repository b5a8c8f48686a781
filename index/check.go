package index

import (
	"fmt"

	"github.com/kopilka/kopilka"
	"github.com/kopilka/kopilka/program"
)

// Check recomputes one member from the purchase log and compares: for a
// scrubber in production, and for verify. It changes nothing.
func (x *Index) Check(m kopilka.MemberNo) error {
	first, tierFirst := firstDay(x.day, x.rule.window), firstDay(x.day, x.tierWindow)
	got := *x.members.At(int(m))
	want := member{head: got.head, fm: got.fm, seg: got.seg}
	var tier struct {
		count int32
		spend kopilka.Money
	}
	for at := got.head; at != 0; {
		e := x.purchases.At(int(at - 1))
		if e.member != uint32(m) {
			return fmt.Errorf("index: entry %d of member %d is in the chain of member %d", at-1, e.member, m)
		}
		if int(e.day) >= first {
			want.f += int32(e.live)
			want.m += e.amount()
		}
		if int(e.day) >= tierFirst {
			tier.count += int32(e.live)
			tier.spend += e.amount()
		}
		at = e.prev
	}
	want.last, _ = lastLive(&x.purchases, got.head, x.day, nil)
	want.count = got.count
	if got != want {
		return fmt.Errorf("index: member %d is %+v; the purchase log says %+v", m, got, want)
	}
	if x.TierCount(m) != uint32(tier.count) || x.TierSpend(m) != tier.spend {
		return fmt.Errorf("index: member %d has %d and %d for tiers; the purchase log says %d and %d", m, x.TierCount(m), x.TierSpend(m), tier.count, tier.spend)
	}
	if x.rule.live() {
		return nil
	}
	if got.seg == gone {
		for seg := range x.labels.bits {
			if x.labels.bits[seg].has(m) {
				return fmt.Errorf("index: member %d is gone and in segment %d", m, seg)
			}
		}
		return nil
	}
	at := x.Standing(m)
	if at.R != 0 && int(got.fm) != program.Cell(1, int(at.F), int(at.M)) {
		return fmt.Errorf("index: member %d is kept in cell %d with scores %d %d", m, got.fm, at.F, at.M)
	}
	for seg := range x.labels.bits {
		if x.labels.bits[seg].has(m) != (seg == int(at.Segment)) {
			return fmt.Errorf("index: member %d of segment %d: the bit of segment %d is %t", m, at.Segment, seg, seg != int(at.Segment))
		}
	}
	if got.seg != at.Segment {
		return fmt.Errorf("index: member %d of segment %d is kept in segment %d", m, at.Segment, got.seg)
	}
	return nil
}
