// Package importer brings a shop's history into the books: members and
// receipts out of CSV files, plain or packed, of the documented shape or of
// another one.
//
//	file ──► unpack ──► rows ──► check ──► Sink ──► data folder │ running server
//	                               │         │
//	                               └─────────┴──► FILE.rejected.csv, with reasons
//
// A row stands alone: what is wrong with one is written beside the file and the
// rest goes on. No line is lost: a quote that is not closed costs its own line,
// and the rows after it keep their numbers.
//
// Ids come from the file, or are made of its name and the number of the row, so
// that a second run over the same file changes nothing, whether it goes into the
// data folder or through a server: every row is answered as it was the first
// time. That makes an import resumable by construction; FILE.progress only saves
// the time.
//
// Members that the books do not know are made, registered on the day of their
// earliest row that is taken, wherever in the file it stands: a sale, also of nothing,
// or a return that names no receipt. A row that is set aside makes nobody a member, and
// moves nobody's first day.
package importer
