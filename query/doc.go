// Package query is the language in which analysts say whom they mean:
//
//	core & store:S12 & sex:f & age:30..45 & spent:30d>=500000 & !attr.newsletter:true
//
// A text is read into terms that are joined by &, | and !. What a term asks
// about members is a column of numbers, which whoever has the facts fills, and
// the term holds for those whose number lies within its bounds. Members are
// looked at in blocks of 65 536: cheap terms go first, and dear ones are asked
// only about those who are not decided yet.
//
//	text ──► Parse ──► Expr ──► Select ──► one bit a member
//	                              ▲
//	                            Facts
//
// An error names the column and what was expected there. It never repeats the
// text, which may hold what is personal.
package query
