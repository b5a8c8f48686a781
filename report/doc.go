// Package report tells what happened in a period, from the log: how many joined
// and bought, what was spent, who sold, what is odd.
//
//	log ──► records in order ──► a fold ──► figures and tables
//	        {seq, time, command, outcome}
//
// A figure is the sum of what the commands of the period decided, so it is exact by
// construction, costs a till nothing while it is made, and is the same tomorrow:
// only what becomes known later of the period changes it, such as the receipts of a
// till that was offline. docs/reference/reports.md has the formula of every figure.
//
// A fold sees every record once and keeps sums, a few bytes for every member
// where persons are counted, and nothing of the records themselves.
package report
