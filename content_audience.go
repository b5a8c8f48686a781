package kopilka

// What is said in commands about audiences: see ContentPrint.

// Audience is whom an expression means, as it was sent, to be frozen.
func (p *ContentPrint) Audience(name, expr string, control BP) {
	p.begin("audience")
	p.text(tagName, name)
	p.text(tagExpr, expr)
	p.number(tagControl, int64(control))
}

// AudienceGrant is points for the members of an audience.
func (p *ContentPrint) AudienceGrant(audience string, points Points, reason, actor string) {
	p.begin("audience-grant")
	p.text(tagAudience, audience)
	p.number(tagPoints, int64(points))
	p.because(reason, actor)
}
