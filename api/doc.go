// Package api is the words of the shop over HTTP: it takes requests apart,
// strictly, looks up what a command needs, submits it, and writes down what was
// decided.
//
//	request ──► route, key, role ──► decode ──► look up ──► Submit ──► answer
//	            routes.go auth.go    decode.go  order.go    commit     answer.go
//
// An answer to a command means that it is durable. A field that this version
// does not know is refused by its name, never ignored: a till that misspells
// redeem must hear of it. A command that is repeated under its id gets its first
// answer again, for ever. Whoever is refused hears one code, and one code has
// one status (status.go). Nothing here decides about points: that is the
// engine's, behind the queue.
//
// No body and no personal data is ever logged or counted.
package api
