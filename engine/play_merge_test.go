package engine

import (
	"slices"

	"github.com/kopilka/kopilka"
)

// identity is the command of a line about who is who; nil when it is none.
func (p *play) identity() kopilka.Command {
	switch p.d.Cmd {
	case "card":
		return &kopilka.PutCard{Member: p.who(0), Card: p.word(1), Carrier: p.value("carrier"), Blocked: p.d.HasArg("blocked")}
	case "merge":
		return &kopilka.Merge{From: p.who(0), Into: p.who(1), Reason: "r", Actor: "a"}
	case "unmerge":
		from := p.who(0)
		i := slices.IndexFunc(p.merges, func(d mergeDone) bool { return d.from == from })
		if i < 0 {
			return &kopilka.Unmerge{From: from, Reason: "r", Actor: "a"}
		}
		return p.merges[i].unmerge(p.s)
	case "erase":
		return &kopilka.Erase{Member: p.who(0), Reason: "r", Actor: "a"}
	}
	return nil
}
