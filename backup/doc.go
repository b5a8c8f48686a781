// Package backup carries the books out of a data folder and back: one stream, made
// while tills go on, that is whole or refused by name.
//
//	log, snapshot ─┐                                      ┌─► folder beside ──► renamed
//	people.keys  ──┴─► Write ──► stream ──► Restore ──────┤    all proved       at the end
//	                                                      └─► Prove: read and let go
//
// A backup is the log from its first frame to one position, the newest snapshot before
// it, and the members' keys, which are still sealed under the master key; that one is
// never in a backup. Who has both can read everything.
//
// The keys may lie apart: an erasure destroys a key, and reaches what lies in a
// thousand backups, except for copies of the keys themselves. Of those one is kept,
// the newest. Restore takes it beside the backup, and a key that is destroyed in
// either of the two stays so.
package backup
