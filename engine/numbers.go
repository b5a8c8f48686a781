package engine

import "github.com/kopilka/kopilka"

// emission is numbers of one instrument that were made at once: they lie next to
// each other in State.numbers, in the order of their serials.
type emission struct {
	Seq      kopilka.Seq // position of the command
	Term     kopilka.Term
	Prefix   string
	Serial   uint64 // of the first, among all numbers of the prefix
	First    uint32 // place of the first in State.numbers, counted from 1
	Count    uint32
	From, To kopilka.Day
}

// number is what is left of one emitted number.
type number struct {
	left     int64  // gift certificate: value left
	uses     uint32 // how often it was used
	emission uint32 // place in State.emissions
}
