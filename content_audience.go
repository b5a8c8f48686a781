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

// Mailing is a message to an audience, of which the channels follow with Channel.
func (p *ContentPrint) Mailing(audience string, c *Mailing) {
	p.begin("mailing")
	p.text(tagAudience, audience)
	p.text(tagName, c.Name)
	p.number(tagStartsAt, int64(c.Starts))
	p.number(tagEndsAt, int64(c.Ends))
	p.flag(tagConsent, c.Consent)
	for i := range c.Channels {
		x := &c.Channels[i]
		p.text(tagChannel, x.Name)
		p.number(tagTimeout, int64(x.Timeout))
		p.number(tagCost, int64(x.Cost))
	}
}

// Dispatch is a wish for members who are due on a channel, so many at most.
func (p *ContentPrint) Dispatch(mailing, channel string, limit int) {
	p.begin("dispatch")
	p.text(tagMailing, mailing)
	p.text(tagChannel, channel)
	p.number(tagLimit, int64(limit))
}

// Deliver is what was heard of messages on a channel, of which every one follows
// with Delivery.
func (p *ContentPrint) Deliver(mailing, channel string) {
	p.begin("deliver")
	p.text(tagMailing, mailing)
	p.text(tagChannel, channel)
}

// Delivery is what became of the message to a member, by his outward id.
func (p *ContentPrint) Delivery(member string, delivered bool) {
	p.text(tagName, member)
	p.flag(tagResult, delivered)
}
