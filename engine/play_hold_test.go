package engine

import (
	"time"

	"github.com/kopilka/kopilka"
)

// claims is the command of a line about holds; nil when it is none. A hold is until
// so much time from the line on.
func (p *play) claims() kopilka.Command {
	switch p.d.Cmd {
	case "hold":
		return &kopilka.Hold{Head: kopilka.Head{ID: p.word(0)}, Deed: p.deed(1), Points: p.points(p.word(2)), Until: p.now + p.span(p.value("for"))}
	case "capture":
		ref, deed := p.heldBy(p.word(0))
		return &kopilka.Capture{Head: kopilka.Head{ID: p.word(1)}, Deed: deed, Hold: ref, Points: p.points(p.word(2)), Amount: p.money(p.value("of"))}
	case "void":
		ref, deed := p.heldBy(p.word(0))
		return &kopilka.Void{Deed: deed, Hold: ref}
	}
	return nil
}

// span reads a time such as 24h.
func (p *play) span(s string) kopilka.Time {
	d, err := time.ParseDuration(s)
	if err != nil {
		p.d.Fatalf(p.t, "%v", err)
	}
	return kopilka.Time(d.Milliseconds())
}

// heldBy finds a hold by the id of its line, over or not.
func (p *play) heldBy(id string) (kopilka.HoldRef, kopilka.Deed) {
	h, ok := p.holds[id]
	if !ok {
		p.d.Fatalf(p.t, "no hold is called %s", id)
	}
	return h.HoldRef, kopilka.Deed{Member: h.member, NamedBy: kopilka.ByCard, Day: p.s.Day(), At: p.now}
}
