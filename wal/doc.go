// Package wal keeps the log of commands: what it has taken survives a power
// cut, in order and unchanged, or is refused by name.
//
//	             one frame = one key = one sync
//	Propose ──► frame ──► Badger (live epoch) ──► HEAD ──► Apply, on the log's goroutine
//	                          │ full                          │ long tail
//	                          ▼                               ▼
//	                 epoch-000007.sealed  ◄─ kept ─►  snapshot-… (the newest two)
//
// A frame carries the digest of the frame before it, so a log that was
// shortened, holed or changed anywhere is found out: Badger drops what lies
// behind a bad byte and says nothing. HEAD says how far the log was
// acknowledged; it is written after the sync, so it is never ahead of the log.
//
// Nothing is trusted to Badger's recovery. After an unclean stop the files of
// the live epoch are read by this package alone (see walk.go), never opened for
// writing again, and copied into a sealed file; a new epoch takes the next
// frame. The old directory stays until a snapshot that was read back covers it.
// Damage is refused with file and bytes, and nothing on disk has changed.
//
// The folder:
//
//	FORMAT              number of this layout; a newer one is refused
//	LOCK                held by the process that has the log open
//	HEAD                newest acknowledged frame and its digest
//	CLEAN               files and end of the live epoch; only after a clean stop
//	epoch-000008/       a Badger: the live epoch, or one that waits to be let go
//	epoch-000007.sealed an epoch that takes no more frames; kept for ever
//	snapshot-…          a picture of the machine after the frame of that index
package wal
