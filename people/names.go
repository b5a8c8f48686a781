package people

import (
	"iter"
	"slices"
	"sort"
	"sync"
	"unicode/utf8"

	"github.com/kopilka/kopilka"
)

// Names finds members by the beginnings of the words of their names. Its methods
// may be called from many goroutines at once.
//
// Of each word it keeps the first ten letters in 64 bits, so it finds a few
// members too many, but never misses one: Match tells by the name itself. It
// holds no names, which are personal, and 12 bytes a word, in blocks of a
// sorted list:
//
//	keys     аким… анна… | анто… борис… | …
//	members   17    3    |  9     3     | …
type Names struct {
	mu     sync.RWMutex
	blocks []*block
	firsts []uint64 // key of the first entry of each block
	n      int
}

// blockMax is the entries of a block: larger ones move more bytes for a new
// entry, smaller ones make the list of blocks longer (BenchmarkNamesPut).
const blockMax = 512

// block is a stretch of the list in order of key, then member. It has no
// pointers, so the garbage collector does not look into it.
type block struct {
	n       int
	keys    [blockMax]uint64
	members [blockMax]kopilka.MemberNo
}

// NewNames is an index without names.
func NewNames() *Names { return &Names{} }

// Len is the number of words held.
func (x *Names) Len() int {
	x.mu.RLock()
	defer x.mu.RUnlock()
	return x.n
}

// Put adds a member's name. Of a member whose name changes the old one is first
// removed.
func (x *Names) Put(m kopilka.MemberNo, name string) {
	keys := keysOf(name)
	x.mu.Lock()
	defer x.mu.Unlock()
	for _, k := range keys {
		x.insert(k, m)
	}
}

// Remove takes out a member's name, which is the one that was put.
func (x *Names) Remove(m kopilka.MemberNo, name string) {
	keys := keysOf(name)
	x.mu.Lock()
	defer x.mu.Unlock()
	for _, k := range keys {
		x.remove(k, m)
	}
}

// Forget takes out members under whatever name they stand. It looks through all names.
func (x *Names) Forget(members []kopilka.MemberNo) {
	x.mu.Lock()
	defer x.mu.Unlock()
	for b := len(x.blocks) - 1; b >= 0; b-- {
		bl := x.blocks[b]
		kept := 0
		for i := range bl.n {
			if !slices.Contains(members, bl.members[i]) {
				bl.keys[kept], bl.members[kept] = bl.keys[i], bl.members[i]
				kept++
			}
		}
		x.n -= bl.n - kept
		clear(bl.keys[kept:bl.n])
		clear(bl.members[kept:bl.n])
		bl.n = kept
		if kept == 0 {
			x.blocks = slices.Delete(x.blocks, b, b+1)
			x.firsts = slices.Delete(x.firsts, b, b+1)
		} else {
			x.firsts[b] = bl.keys[0]
		}
	}
}

// Find gives up to limit of the Candidates.
func (x *Names) Find(query string, limit int) []kopilka.MemberNo {
	var found []kopilka.MemberNo
	if limit <= 0 {
		return nil
	}
	for m := range x.Candidates(query) {
		found = append(found, m)
		if len(found) == limit {
			break
		}
	}
	return found
}

// Candidates gives every member whose name a query may find, each once, in the
// order of the word that the query finds. Whoever wants an exact answer asks
// Match about each. No lock is held while the caller looks at one.
func (x *Names) Candidates(query string) iter.Seq[kopilka.MemberNo] {
	return func(yield func(kopilka.MemberNo) bool) {
		ranges := rangesOf(query)
		if len(ranges) == 0 {
			return
		}
		rare := x.rarest(ranges)
		// Of several words, the members of the rarest are counted out by the others.
		var among map[kopilka.MemberNo]int
		if len(ranges) > 1 {
			among = map[kopilka.MemberNo]int{}
			for m := range x.each(rare) {
				among[m] = 1
			}
			round := 1
			for _, r := range ranges {
				if r == rare {
					continue
				}
				for m := range x.each(r) {
					if among[m] == round {
						among[m] = round + 1
					}
				}
				round++
			}
			for m, n := range among {
				if n < round {
					delete(among, m)
				}
			}
		}
		given := map[kopilka.MemberNo]struct{}{}
		for m := range x.each(rare) {
			if _, twice := given[m]; twice {
				continue
			}
			if among != nil && among[m] == 0 {
				continue
			}
			given[m] = struct{}{}
			if !yield(m) {
				return
			}
		}
	}
}

// keyRange is the keys of all words with one beginning, both ends held.
type keyRange struct{ lo, hi uint64 }

// rarest is the range that holds the fewest blocks.
func (x *Names) rarest(ranges []keyRange) keyRange {
	x.mu.RLock()
	defer x.mu.RUnlock()
	least, span := ranges[0], len(x.firsts)+1
	for _, r := range ranges {
		lo, _ := slices.BinarySearch(x.firsts, r.lo)
		hi, _ := slices.BinarySearch(x.firsts, r.hi)
		if hi-lo < span {
			least, span = r, hi-lo
		}
	}
	return least
}

// each gives the members of a range, a block's worth at a time under the lock.
func (x *Names) each(r keyRange) iter.Seq[kopilka.MemberNo] {
	return func(yield func(kopilka.MemberNo) bool) {
		key, member := r.lo, kopilka.MemberNo(0)
		some := make([]kopilka.MemberNo, 0, blockMax)
		for {
			some = some[:0]
			x.mu.RLock()
			b, i := x.at(key, member)
			more := false
			if b < len(x.blocks) {
				for bl := x.blocks[b]; i < bl.n && bl.keys[i] <= r.hi; i++ {
					some = append(some, bl.members[i])
					key, member = bl.keys[i], bl.members[i]+1
				}
				// What ends inside the block ends the range; else the next
				// block begins after the last entry of this one.
				more = i == x.blocks[b].n
				if more && len(some) == 0 {
					more = b+1 < len(x.blocks)
					if more {
						key, member = x.blocks[b+1].keys[0], x.blocks[b+1].members[0]
						more = key <= r.hi
					}
				}
			}
			x.mu.RUnlock()
			for _, m := range some {
				if !yield(m) {
					return
				}
			}
			if !more {
				return
			}
		}
	}
}

// at is the place of the first entry not before a key and member: a block and
// an index in it, which may be its end.
func (x *Names) at(key uint64, m kopilka.MemberNo) (b, i int) {
	// The block before the first that begins after the entry.
	b = sort.Search(len(x.blocks), func(b int) bool {
		return x.firsts[b] > key || x.firsts[b] == key && x.blocks[b].members[0] > m
	})
	if b > 0 {
		b--
	}
	if b == len(x.blocks) {
		return b, 0
	}
	bl := x.blocks[b]
	i = sort.Search(bl.n, func(i int) bool {
		return bl.keys[i] > key || bl.keys[i] == key && bl.members[i] >= m
	})
	return b, i
}

func (x *Names) insert(key uint64, m kopilka.MemberNo) {
	if len(x.blocks) == 0 {
		x.blocks = []*block{{}}
		x.firsts = []uint64{key}
	}
	b, i := x.at(key, m)
	bl := x.blocks[b]
	if i < bl.n && bl.keys[i] == key && bl.members[i] == m {
		return
	}
	if bl.n == blockMax {
		x.split(b)
		x.insert(key, m)
		return
	}
	copy(bl.keys[i+1:bl.n+1], bl.keys[i:bl.n])
	copy(bl.members[i+1:bl.n+1], bl.members[i:bl.n])
	bl.keys[i], bl.members[i] = key, m
	bl.n++
	x.firsts[b] = bl.keys[0]
	x.n++
}

// split makes two blocks of a full one.
func (x *Names) split(b int) {
	const half = blockMax / 2
	low, high := x.blocks[b], &block{n: blockMax - half}
	copy(high.keys[:], low.keys[half:])
	copy(high.members[:], low.members[half:])
	clear(low.keys[half:])
	clear(low.members[half:])
	low.n = half
	x.blocks = slices.Insert(x.blocks, b+1, high)
	x.firsts = slices.Insert(x.firsts, b+1, high.keys[0])
}

func (x *Names) remove(key uint64, m kopilka.MemberNo) {
	b, i := x.at(key, m)
	if b == len(x.blocks) {
		return
	}
	bl := x.blocks[b]
	if i == bl.n || bl.keys[i] != key || bl.members[i] != m {
		return
	}
	copy(bl.keys[i:], bl.keys[i+1:bl.n])
	copy(bl.members[i:], bl.members[i+1:bl.n])
	bl.n--
	bl.keys[bl.n], bl.members[bl.n] = 0, 0
	x.n--
	if bl.n > 0 {
		x.firsts[b] = bl.keys[0]
		return
	}
	x.blocks = slices.Delete(x.blocks, b, b+1)
	x.firsts = slices.Delete(x.firsts, b, b+1)
}

// A key is the first ten letters of a word, six bits each from the top, zeros
// after the end. Words with one beginning lie side by side.
const (
	letterBits = 6
	letters    = 10
)

// letter is the code of a folded rune, 1–63. Letters of the Latin and the
// Cyrillic alphabet have one each; others share, and Match tells them apart.
func letter(r rune) uint64 {
	switch {
	case r >= 'a' && r <= 'z':
		return uint64(r-'a') + 1
	case r >= 'а' && r <= 'я':
		return uint64(r-'а') + 27
	}
	return uint64(r)%5 + 59
}

// keyOf is the key of a word and the number of letters in it.
func keyOf(word string) (key uint64, n int) {
	for n < letters && word != "" {
		r, size := utf8.DecodeRuneInString(word)
		key = key<<letterBits | letter(r)
		word = word[size:]
		n++
	}
	return key << (letterBits * (letters - n)), n
}

// keysOf are the keys of a name's words, none twice.
func keysOf(name string) []uint64 {
	var keys []uint64
	for _, w := range words(name) {
		k, _ := keyOf(w)
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return slices.Compact(keys)
}

// rangesOf are the ranges of a query's words, none twice.
func rangesOf(query string) []keyRange {
	var ranges []keyRange
	for _, w := range words(query) {
		k, n := keyOf(w)
		r := keyRange{k, k | (1<<(letterBits*(letters-n)) - 1)}
		if !slices.Contains(ranges, r) {
			ranges = append(ranges, r)
		}
	}
	return ranges
}
