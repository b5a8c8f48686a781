package kopilka

import (
	"crypto/sha256"
	"encoding/binary"
	"math/bits"
)

// Permutation is a keyed permutation of the numbers below a bound: 0, 1, 2, …
// come out as different numbers below the bound in an order that only the holder
// of the secret can tell. So numbers can be given out one after another, without a
// table and without a number told twice, and nobody guesses the next.
//
// It is a Feistel network over the smallest even number of bits that holds the
// bound, whose rounds are SipHash-2-4; what falls past the bound goes through it
// again until it does not (cycle walking), four times at most in the mean.
//
// Sources: Luby & Rackoff, How to construct pseudorandom permutations (1988);
// Black & Rogaway, Ciphers with arbitrary finite domains (2002). Ten rounds are
// those of FF1 (NIST SP 800-38G), for domains as small as these.
type Permutation struct {
	n    uint64
	half uint // bits of one half
	key  [2]uint64
}

const permuteRounds = 10

// NewPermutation is the permutation of [0, n) under a secret, for one purpose:
// different purposes have nothing in common. n is 1 to 2⁶².
func NewPermutation(secret [16]byte, purpose string, n uint64) Permutation {
	var few [64]byte
	sum := sha256.Sum256(append(append(few[:0], secret[:]...), purpose...))
	p := Permutation{n: n, half: uint(bits.Len64(n-1)+1) / 2}
	p.key[0], p.key[1] = binary.LittleEndian.Uint64(sum[:8]), binary.LittleEndian.Uint64(sum[8:16])
	return p
}

// Len is the bound.
func (p *Permutation) Len() uint64 { return p.n }

// At is what i becomes; i is below Len.
func (p *Permutation) At(i uint64) uint64 {
	for {
		if i = p.forth(i); i < p.n {
			return i
		}
	}
}

// Find is the inverse of At.
func (p *Permutation) Find(x uint64) uint64 {
	for {
		if x = p.back(x); x < p.n {
			return x
		}
	}
}

func (p *Permutation) forth(x uint64) uint64 {
	mask := uint64(1)<<p.half - 1
	l, r := x>>p.half, x&mask
	for round := range uint64(permuteRounds) {
		l, r = r, l^p.round(round, r)&mask
	}
	return l<<p.half | r
}

func (p *Permutation) back(x uint64) uint64 {
	mask := uint64(1)<<p.half - 1
	l, r := x>>p.half, x&mask
	for round := uint64(permuteRounds); round > 0; round-- {
		l, r = r^p.round(round-1, l)&mask, l
	}
	return l<<p.half | r
}

// round is the function of one round; halves have 31 bits at most.
func (p *Permutation) round(round, half uint64) uint64 {
	return sipHash(p.key, round<<32|half)
}

// sipHash is SipHash-2-4 of the eight bytes of x.
//
// Source: Aumasson & Bernstein, SipHash: a fast short-input PRF (2012).
func sipHash(key [2]uint64, x uint64) uint64 {
	v0, v1 := key[0]^0x736f6d6570736575, key[1]^0x646f72616e646f6d
	v2, v3 := key[0]^0x6c7967656e657261, key[1]^0x7465646279746573
	turn := func() {
		v0 += v1
		v1 = bits.RotateLeft64(v1, 13) ^ v0
		v0 = bits.RotateLeft64(v0, 32)
		v2 += v3
		v3 = bits.RotateLeft64(v3, 16) ^ v2
		v0 += v3
		v3 = bits.RotateLeft64(v3, 21) ^ v0
		v2 += v1
		v1 = bits.RotateLeft64(v1, 17) ^ v2
		v2 = bits.RotateLeft64(v2, 32)
	}
	for _, m := range [2]uint64{x, 8 << 56} { // the message, and its length in the last byte
		v3 ^= m
		turn()
		turn()
		v0 ^= m
	}
	v2 ^= 0xff
	turn()
	turn()
	turn()
	turn()
	return v0 ^ v1 ^ v2 ^ v3
}
