// Package kopilka holds the words of a loyalty server: points and money, days,
// members, receipts, the commands that change the books and the outcomes that
// answer them, and how each of them is written into the log.
//
// The words know nobody. Every other package speaks them.
//
//	till ──► api ──► commit ──► wal ──► engine ──► answer
//	         Command            Entry   Outcome
package kopilka
