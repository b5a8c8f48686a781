package engine

import (
	"github.com/kopilka/kopilka"
)

// Taped is a command as the log holds it, with the log's time.
type Taped struct {
	At   kopilka.Time
	Body []byte
}

// RandomLog makes up n commands of all kinds, or some more, under random programs. The
// commands of a frame have one time, so the clock stands still for stretches: only
// those can come in one frame or in many.
func RandomLog(seed uint64, n int) []Taped {
	s := New()
	x := newTill(seed, s)
	var log []Taped
	var out kopilka.Outcome
	for queue := x.openers(); len(log) < n; {
		for _, c := range queue {
			log = append(log, Taped{x.now, kopilka.AppendCommand(nil, c)})
			s.Apply(x.now, c, &out)
			x.took(c, &out)
		}
		was := x.now
		if queue = x.next(); x.now-was <= 60_000 && x.odds(85) {
			x.now = was
		}
		if x.s.Members() > 0 && x.odds(6) {
			queue = append(queue, x.words())
		}
	}
	return log
}

// words is a command that the books keep little of.
func (x *till) words() kopilka.Command {
	m := x.anyone()
	switch r := x.IntN(3); {
	case r == 0 && len(x.done) > 0:
		d := pick(x, x.done...)
		return &kopilka.Rating{Head: x.head(), Member: d.member, Receipt: d.id, Sale: d.seq, Stars: uint8(1 + x.IntN(5))}
	case r == 1:
		return &kopilka.Note{Head: x.head(), Member: m, Before: x.s.recent.find(kopilka.FingerprintNotes(m)), No: 1, Actor: "anna", KeySlot: uint32(m) + 1, Words: []byte{byte(x.n)}}
	default:
		return &kopilka.Drift{Head: x.head(), Count: uint32(x.s.Members())}
	}
}
