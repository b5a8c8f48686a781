// Package workload makes up a shop: who its members are, what they buy, when,
// at which till, what they bring back and what the tills send twice. The same
// Shop gives the same events, byte for byte, on every machine and in every
// version of Go: all of it is integers, drawn from a seed.
//
//	Shop{Seed, From, To, …} ──► Events ──► member, receipt, accrual, redemption, return
//	                                       in the order in which a server would hear of them
//
// An event is written as a line of POST /v1/batch, so a stream can be sent as it
// stands. Members are not kept anywhere: what is known of member n is computed
// from the seed and n, so a shop of ten million costs no memory.
//
// Segments242339 is another kind of shop: one whose RFM segments are known
// beforehand, to the member.
package workload
