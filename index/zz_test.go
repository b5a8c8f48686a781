package index
import ("testing";"time";"fmt";"syscall")
func cpu() time.Duration { var r syscall.Rusage; syscall.Getrusage(1, &r); return time.Duration(r.Utime.Nano()) }
func TestZZ(t *testing.T) {
	var v view
	const n, members = 10_000_000, 10_000_000
	s := uint64(1)
	for i := 0; i < n; i += 65536 {
		b := make([]purchase, 65536)
		for j := range b { s = s*6364136223846793005 + 1442695040888963407; b[j] = purchase{member: uint32(s >> 33 % members), money: int32(s>>20%1000), day: uint16(i/30000), live: 1} }
		v.blocks = append(v.blocks, b)
	}
	v.len = n
	for range 4 {
		rows := make([]row, members)
		for i := range rows { rows[i].n = 1 }
		c, w := cpu(), time.Now()
		for i := range v.len { e := v.At(i); r := &rows[e.member]; r.f += int32(e.live); r.m += e.amount(); if e.live != 0 && r.note(e) { panic(1) } }
		a, aw := cpu()-c, time.Since(w)
		rows = make([]row, members)
		for i := range rows { rows[i].n = 1 }
		c, w = cpu(), time.Now()
		v.each(members, func(i int, e *purchase) { r := &rows[e.member]; r.f += int32(e.live); r.m += e.amount(); if e.live != 0 && r.note(e) { panic(1) } })
		fmt.Println("plain", a, aw, "grouped", cpu()-c, time.Since(w))
	}
}
