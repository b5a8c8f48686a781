// Package bench measures what Kopilka's promises rest on, each beside its twin:
// the plainest way of doing the same, or the bare resource below it. It holds
// benchmarks only:
//
//	go test -run - -bench . ./bench                                  20 000 members
//	KOPILKA_BENCH_MEMBERS=10000000 go test -run - -bench . ./bench   the published figures
//
// The metric twin/ours says how many times the twin's time ours is contained
// in: above 1 ours is faster. The line "state:" is the hash of the books that
// the benchmarks run on, so that faster stays equal: it changes with the number
// of members and with what the engine decides, and with nothing else.
//
// Times are of one machine; ratios travel better.
package bench
