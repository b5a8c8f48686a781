// Package engine keeps the books: who has how many points, and what a command
// does to them.
//
//	Apply(time, command) ──► check ──► write ──► outcome
//	                                      └────► index: who is in which segment
//
// The engine is a function of the state, the time that the log carries and the
// command. It has no clock, no randomness, no goroutine, no file and no map
// order, so a replay of the log gives the same books, bit for bit. Time moves
// by ticks, a business day at a time, and points live by business days: what a
// balance is follows from the lots and the day alone. A lot that has run out
// counts for nothing from that day on, and is cleared away, with an entry in the
// ledger, when its member is next touched; no tick walks over all members.
//
// The invariants, which Check proves over all members:
//
//	Σ lots = balance + pending + held
//	Σ entries = balance + pending + held − debt
//
// Members lie in slabs without pointers. One goroutine writes; readers stay out
// meanwhile, which is the caller's affair.
package engine
