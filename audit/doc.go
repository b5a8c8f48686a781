// Package audit keeps who did what by an admin's key, and who was turned away, in
// files that do not grow for ever.
//
//	Add ──► the newest file of the list ──► full: a new one, and the oldest goes
//
// There are two lists, so that strangers who are turned away by the million push no
// admin's action out. What the log has already is not said again: a record has the
// position of its command, and the log what the command was. Addresses are in the
// records and not in the log because the log is for ever.
//
// A record is on its way to the disk within a second. A power cut can take the
// last ones; the commands that they tell of are in the log with their keys.
package audit
