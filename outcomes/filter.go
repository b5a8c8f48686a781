package outcomes

import "math/bits"

// filter is a Bloom filter in blocks of 512 bits, one cache line each: a key
// sets one bit in each of the eight words of its block. At ten bits a key it is
// wrong about once in ninety fresh keys (TestFilterRate).
//
// Source: Putze, Sanders & Singler, Cache-, Hash- and Space-Efficient Bloom
// Filters (2007), with one bit a word as in Apache Parquet's split blocks.
//
// Blocks stand in the order of keys, so that sorted keys fill it from front to back.
type filter []uint64

const (
	blockWords = 8
	bitsPerKey = 10
)

// filterWords is the length of the filter of n keys: a whole number of blocks.
func filterWords(n int) int {
	return (n*bitsPerKey + blockWords*64 - 1) / (blockWords * 64) * blockWords
}

func (f filter) block(key uint64) []uint64 {
	b, _ := bits.Mul64(key, uint64(len(f)/blockWords))
	return f[b*blockWords:][:blockWords]
}

// spread gives six bits for each word of a block. The place of the block has
// used the upper bits of the key, so they are stirred once more.
func spread(key uint64) uint64 {
	key ^= key >> 32
	key *= 0x9e3779b97f4a7c15
	key ^= key >> 29
	key *= 0xbf58476d1ce4e5b9
	return key ^ key>>32
}

func (f filter) add(key uint64) {
	s := spread(key)
	for i, b := 0, f.block(key); i < blockWords; i++ {
		b[i] |= 1 << (s & 63)
		s >>= 6
	}
}

// has is never false for a key that was added.
func (f filter) has(key uint64) bool {
	if len(f) == 0 {
		return false
	}
	s := spread(key)
	for i, b := 0, f.block(key); i < blockWords; i++ {
		if b[i]>>(s&63)&1 == 0 {
			return false
		}
		s >>= 6
	}
	return true
}
