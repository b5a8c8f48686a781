// Package people keeps what is personal about members: sealed under a key of
// each member's own, so that to destroy that key is to erase the person from
// the log, from snapshots and from every backup of them.
//
//	Profile ──► Seal ──► sealed bytes ──► the log
//	              │
//	              └─► a key in a slot of people.keys, itself sealed under
//	                  the master key, which lies outside the data folder
//
// A new member's key is on disk when Seal returns; callers who come at the same
// time share one sync. A slot once given to a member is never given to another,
// erased or not. Without the master key nothing here can be read, and nothing
// that is here can be guessed from: phones are known to the books only by a
// keyed fingerprint.
//
// Names finds members by the beginnings of the words of their names, Dates by a day
// of the year, Facets by the rest of what profiles say; they live in memory and are
// filled anew at every start.
package people
