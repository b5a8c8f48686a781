// Package commit puts commands in one order, makes them durable, applies them,
// and answers, in that order.
//
//	api ──► Submit ──► gather ──► wal.Propose ──► engine.Apply ──► answer
//	                   (many)     (one sync)      (one by one)
//
// Whoever has an answer has it on disk. A command repeated with the same id
// gets the first answer again. Nobody reads a balance that a power cut could
// take back. When the log cannot be written the process stops: after a failed
// sync there is no telling what the disk holds.
//
// There is no timer in the gathering: what is queued goes into a frame at once,
// and the next frame forms while that one is written.
//
// Reads go through View, between two frames. What was decided about a command,
// however old, is read back with Record: the log itself is its store. Records
// reads a stretch of it in one pass, for reports.
package commit
