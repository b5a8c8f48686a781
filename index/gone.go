package index

import (
	"fmt"

	"github.com/kopilka/kopilka"
	"github.com/kopilka/kopilka/program"
)

// gone stands in place of the segment of a member who is no longer anybody: part
// of another, or forgotten. He is counted nowhere and listed nowhere, on no day.
// What he bought is still kept up to date, for him who comes back.
const gone = 0xff

// Leave takes a member out of all that is counted. Who has left already stays away.
func (x *Index) Leave(m kopilka.MemberNo) {
	r := x.members.Mut(int(m))
	if r.seg == gone {
		return
	}
	x.take(r)
	if !x.rule.live() {
		x.labels.bits[r.seg].clear(m)
	}
	r.fm, r.seg = 0, gone
	x.left[m] = struct{}{}
}

// Rejoin counts a member again who has left.
func (x *Index) Rejoin(m kopilka.MemberNo) {
	r := x.members.Mut(int(m))
	if r.seg != gone {
		panic(fmt.Sprintf("index: member %d returns and had not left", m))
	}
	r.seg = program.SegmentNone
	if !x.rule.live() {
		x.labels.bits[r.seg].set(m)
	}
	delete(x.left, m)
	x.put(m, r)
}

// Gone tells whether a member has left.
func (x *Index) Gone(m kopilka.MemberNo) bool { return x.members.At(int(m)).seg == gone }
