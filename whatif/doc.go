// Package whatif tells what would have been: the log is folded again, and from a
// business day on another program is in force than the one that was.
//
//	log ──► records in order ──► books of their own ──► actual, simulated, difference
//	        {seq, time, command, outcome}
//
// It is a real fold: points that were not earned cannot be spent later, a tier that
// was not reached has no rate. What a command carries from a look-up, such as what
// is left of a receipt, is taken from the simulated books. The same program gives a
// difference of zero, and the same books to the last byte.
//
// Buyers do what they did: nobody comes more often for a better rate. A command that
// was refused stays refused. One that succeeded, and asks for more than the
// simulated books can give, gets what they can: a sale is a sale, whatever part of
// it points can pay.
package whatif
