// Package index knows who belongs to which segment: recency, frequency and
// money of every member, exact after every call. Whoever recomputes everything
// from all purchases gets the same numbers, bit for bit.
//
//	Purchase ─► purchase log ─► member's columns ─► matrix of counts, bitsets
//	Tick     ─► entries of the few days that matter today ─┘
//	AsOf     ─► a view of the log ─► Table, folded without the lock
//
// A purchase costs a few cache misses. A day costs what was bought on the few
// days that leave a window or cross a boundary of R. Counts of segments are
// kept, not counted, unless the rule asks for live quintiles; those are counted
// when somebody asks, and a member's own standing is exact all the same.
//
// The index belongs to one writer; readers come while it rests, under a lock
// that the owner of the index holds. There is no clock, no goroutine and no
// float inside.
package index
