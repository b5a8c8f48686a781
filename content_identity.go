package kopilka

// What is said in commands about who somebody is, and about certificates and
// instruments: see ContentPrint.

// Card is a card that is to lead to the member of another.
func (p *ContentPrint) Card(of, card string, carrier Said[string], blocked Said[bool]) {
	p.begin("card")
	p.text(tagName, of)
	p.said("card", Said[string]{true, card})
	p.said("carrier", carrier)
	if p.Set("blocked", blocked.Set) {
		p.Blocked(blocked.Value)
	}
}

// Merge is the member of one card that is to be part of the member of another.
func (p *ContentPrint) Merge(into, from, reason, actor string) {
	p.begin("merge")
	p.text(tagName, into)
	p.said("from", Said[string]{true, from})
	p.because(reason, actor)
}

// Unmerge is a merge, by its id, that is to be taken back.
func (p *ContentPrint) Unmerge(merge, reason, actor string) {
	p.begin("unmerge")
	p.text(tagName, merge)
	p.because(reason, actor)
}

// Erase is a member to be forgotten.
func (p *ContentPrint) Erase(card, reason, actor string) {
	p.begin("erase")
	p.text(tagName, card)
	p.because(reason, actor)
}

// Words is a note about a member.
func (p *ContentPrint) Words(card, text, actor string) {
	p.begin("note")
	p.text(tagName, card)
	p.text(tagNote, text)
	p.text(tagActor, actor)
}

// Certificate is a certificate that a member is to have by hand. Points and days
// are 0 where the program says how many.
func (p *ContentPrint) Certificate(card, rule string, points Points, days int, reason, actor string) {
	p.begin("certificate")
	p.text(tagName, card)
	p.said("certificate", Said[string]{true, rule})
	p.number(tagPoints, int64(points))
	if p.Set("valid_days", days != 0) {
		p.Number(int64(days))
	}
	p.because(reason, actor)
}

// Emission is numbers of an instrument to be made, under a prefix, or under that of
// the program when it is empty.
func (p *ContentPrint) Emission(instrument, prefix string, count int) {
	p.begin("emission")
	p.text(tagName, instrument)
	p.said("prefix", Said[string]{prefix != "", prefix})
	p.Set("count", true)
	p.Number(int64(count))
}

func (p *ContentPrint) because(reason, actor string) {
	p.text(tagReason, reason)
	p.text(tagActor, actor)
}
