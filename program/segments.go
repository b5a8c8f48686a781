package program

import "slices"

// Scores is a range of scores, from and to, both held by it.
type Scores struct{ From, To int }

func (s Scores) holds(score int) bool { return s.From <= score && score <= s.To }

// Rule is one entry of an owner's own table of segments.
type Rule struct {
	Segment uint8 // number in Segments.Names
	R, F, M Scores
}

// segmentsMax bounds the segments beside none: sets of segments lie in 32 bits.
const segmentsMax = 31

// none is the segment of members without a live receipt, in every table.
var none = Segment{ID: "none", Name: map[string]string{"en": "No purchases", "ru": "Без покупок"}}

// six is the built-in table: docs/reference/program.md shows it.
func six() Segments {
	s := Segments{Names: []Segment{
		none,
		{"core", map[string]string{"en": "Core", "ru": "Ядро"}},
		{"loyal", map[string]string{"en": "Loyal", "ru": "Лояльные"}},
		{"whales", map[string]string{"en": "Whales", "ru": "Киты"}},
		{"new", map[string]string{"en": "New", "ru": "Новички"}},
		{"sleeping", map[string]string{"en": "Sleeping", "ru": "Сони"}},
		{"lost", map[string]string{"en": "Lost", "ru": "Потерянные"}},
	}}
	const core, loyal, whales, newcomers, sleeping, lost = 1, 2, 3, 4, 5, 6
	eachCell(func(r, f, m int) {
		often, much := f >= 3, m >= 4
		var n uint8
		switch {
		case r == 1:
			n = lost
		case r == 2 && (often || much):
			n = sleeping
		case r == 2:
			n = lost
		case often && much:
			n = core
		case often:
			n = loyal
		case much:
			n = whales
		default:
			n = newcomers
		}
		s.Cells[Cell(r, f, m)] = n
	})
	return s
}

// own is the table of an owner's rules: a cell belongs to the first that holds
// it. It tells how many cells no rule holds, and the first of them.
func own(names []Segment, rules []Rule) (s Segments, open int, r1, f1, m1 int) {
	s = Segments{Names: names, Rules: rules}
	eachCell(func(r, f, m int) {
		for _, rule := range rules {
			if rule.R.holds(r) && rule.F.holds(f) && rule.M.holds(m) {
				s.Cells[Cell(r, f, m)] = rule.Segment
				return
			}
		}
		if open == 0 {
			r1, f1, m1 = r, f, m
		}
		open++
	})
	return s, open, r1, f1, m1
}

// number is the number of a segment by its id, or -1.
func (s *Segments) number(id string) int {
	return slices.IndexFunc(s.Names, func(n Segment) bool { return n.ID == id })
}

func (s *Segments) ids() (ids []string) {
	for i := range s.Names {
		ids = append(ids, s.Names[i].ID)
	}
	return ids
}

func eachCell(f func(r, f, m int)) {
	for i := range 125 {
		f(i/25+1, i/5%5+1, i%5+1)
	}
}
