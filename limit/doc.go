// Package limit says how often somebody may do something, in memory that does
// not grow with how many there are.
//
//	who ──► Table: the newest of them, and no more ──► a token bucket each
//
// Whoever has not been heard of, or was let go because so many others came since,
// has all of the allowance. So a full table errs on the side of letting in.
package limit
