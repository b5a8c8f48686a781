// Package outcomes finds the command behind an id for ever: it keeps, on disk,
// which position of the log every fingerprint stands at.
//
//	books in memory                     runs on disk, oldest first
//	newest 2^18 ids ──► Seal ──► [1 … 9·10⁶] [… 12·10⁶] [… 12.3·10⁶]  ◄── Find
//	                              ▲ merged in the background, ranges always adjoin
//
// A run covers a range of positions without a hole and is never changed: it is
// written beside its name, synced, and renamed. Runs that have grown small next
// to what came after them are merged into one, so that there are about log n of
// them; the merged run takes the place of its inputs by covering their range, and
// a crash at any instant leaves a set of files that covers what was covered.
// On a disk that is filling up merges wait (FreeFloor) and there are more runs.
//
// A filter of ten bits a key stays in memory, so that the look-up of a fresh
// id, which is nearly every one, reads nothing. Each page that is read is checked
// against its checksum: a flipped byte gives an error that names file and offset,
// and never a wrong answer.
//
// Fingerprints are hashes: two ids may share one, so whoever asks compares
// the command that stands at the position.
package outcomes
