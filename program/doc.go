// Package program reads what a shop has decided: rates, tiers, expiry, returns,
// segments. A document in YAML or JSON is checked as a whole, every fault named
// with its place, and becomes a Program, which the books then only read.
//
//	document ──► Parse ──► Program ──► engine, index
//	             schema, then what a schema cannot say
//
// An absent key means that there is no such rule. An unknown key is refused: a
// shop that misspells a rule must hear of it before it is in force.
package program
