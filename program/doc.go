// Package program reads what a shop has decided: rates, tiers, expiry, returns,
// segments. A document in YAML or JSON is checked in stages (text, form, meaning),
// all faults of a stage named with their places, and becomes a Program, which the books then only read.
//
//	document ──► Parse ──► Program ──► engine, index
//	             schema, then what a schema cannot say
//
// An absent key means that there is no such rule. An unknown key is refused: a
// shop that misspells a rule must hear of it before it is in force.
package program
