package index

import (
	"slices"

	"github.com/kopilka/kopilka"
	"github.com/kopilka/kopilka/slab"
)

// Period is the days from First to Last, both included.
type Period struct{ First, Last kopilka.Day }

// Sums is what every member bought in a period, by member number.
type Sums struct {
	Receipts []int32 // live ones
	Amount   []kopilka.Money
}

// Sums adds up the purchase log over some periods, in one pass over its entries
// and in memory of 12 bytes a member and period. What is after the history's day
// does not count. It needs no lock.
func (h *History) Sums(periods []Period) []Sums {
	sums := make([]Sums, len(periods))
	days := slices.Clone(periods)
	for i := range sums {
		sums[i] = Sums{make([]int32, h.members), make([]kopilka.Money, h.members)}
		days[i].Last = min(days[i].Last, h.day)
	}
	for from := 0; from < h.log.len; from += chunkLen {
		span := h.log.chunks[from/chunkLen]
		block := h.log.blocks[from/slab.BlockLen]
		at := from % slab.BlockLen
		entries := block[at:min(at+chunkLen, at+h.log.len-from)]
		for i, p := range days {
			if p.First <= kopilka.Day(span.last) && kopilka.Day(span.first) <= p.Last {
				sums[i].add(entries, p)
			}
		}
	}
	return sums
}

func (s *Sums) add(entries []purchase, p Period) {
	for i := range entries {
		e := &entries[i]
		if p.First <= kopilka.Day(e.day) && kopilka.Day(e.day) <= p.Last {
			s.Receipts[e.member] += int32(e.live)
			s.Amount[e.member] += e.amount()
		}
	}
}
