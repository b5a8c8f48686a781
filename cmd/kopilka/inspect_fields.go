package main

import (
	"fmt"

	"github.com/kopilka/kopilka"
)

// command is the fields of a command in the words of the API.
func (f *fields) command(c kopilka.Command) string {
	f.Reset()
	h := kopilka.HeadOf(c)
	f.text("id", h.ID)
	f.text("by", h.By)
	switch c := c.(type) {
	case *kopilka.Genesis:
		f.text("day", c.Day.String())
	case *kopilka.Tick:
		f.text("day", c.Day.String())
	case *kopilka.SetProgram:
		f.text("document", string(c.Document))
	case *kopilka.CreateKey:
		f.text("key_id", c.KeyID)
		f.text("role", c.Role.String())
		f.text("store", c.Store)
		f.text("note", c.Note)
	case *kopilka.RevokeKey:
		f.text("key_id", c.KeyID)
	case *kopilka.PutMember:
		f.text("card", c.Card)
		f.text("registered", c.Registered.String())
		f.text("state", c.State.String())
		f.mark("blocked", c.Blocked)
		f.member("referrer", c.Referrer)
		f.mark("imported", c.Imported)
		fmt.Fprintf(f, " sealed=%dB", len(c.Profile))
	case *kopilka.Receipt:
		f.deed(&c.Deed)
		f.number("amount", int64(c.Amount))
		f.points("redeem", c.Redeem)
		f.number("no_earn_amount", int64(c.NoEarn))
		f.number("no_redeem_amount", int64(c.NoRedeem))
		for i := range c.Lines {
			l := &c.Lines[i]
			fmt.Fprintf(f, " line[sku=%s category=%s qty=%s amount=%d no_earn=%t no_redeem=%t]",
				quoted(l.SKU), quoted(l.Category), l.Qty, l.Amount, l.NoEarn, l.NoRedeem)
		}
		f.points("certificate", c.Certificate)
		for _, coupon := range c.Coupons {
			f.text("coupon", coupon)
		}
		f.text("hold", c.Hold.ID)
		f.mark("imported", c.Imported)
	case *kopilka.Redemption:
		f.deed(&c.Deed)
		f.points("points", c.Points)
		f.number("amount", int64(c.Amount))
	case *kopilka.Grant:
		f.deed(&c.Deed)
		f.points("points", c.Points)
		f.text("reason", c.Reason)
	case *kopilka.Adjustment:
		f.deed(&c.Deed)
		f.number("points", int64(c.Points))
		f.text("reason", c.Reason)
		f.text("actor", c.Actor)
	case *kopilka.Return:
		f.deed(&c.Deed)
		f.text("receipt", c.Receipt)
		f.number("amount", int64(c.Amount))
		for _, l := range c.Lines {
			fmt.Fprintf(f, " line[%d amount=%d]", l.Line+1, l.Amount)
		}
		f.mark("imported", c.Imported)
	case *kopilka.Hold:
		f.deed(&c.Deed)
		f.number("points", int64(c.Points))
		f.text("until", c.Until.String())
	case *kopilka.Capture:
		f.deed(&c.Deed)
		f.text("hold", c.Hold.ID)
		f.points("points", c.Points)
		f.number("amount", int64(c.Amount))
	case *kopilka.Void:
		f.deed(&c.Deed)
		f.text("hold", c.Hold.ID)
	case *kopilka.PutCard:
		f.member("member", c.Member)
		f.text("card", c.Card)
		f.text("carrier", c.Carrier)
		f.mark("blocked", c.Blocked)
	case *kopilka.Merge:
		f.member("from", c.From)
		f.member("into", c.Into)
		f.byHand(c.Reason, c.Actor)
	case *kopilka.Unmerge:
		f.text("merge", c.MergeID)
		f.member("from", c.From)
		f.member("into", c.Into)
		f.byHand(c.Reason, c.Actor)
	case *kopilka.Erase:
		f.member("member", c.Member)
		f.byHand(c.Reason, c.Actor)
	case *kopilka.Issue:
		for i := range c.Due {
			d := &c.Due[i]
			fmt.Fprintf(f, " due[member=%s certificate=%s year=%d from=%s to=%s points=%d]",
				f.ids.ID(d.Member), quoted(d.Rule), d.Year, d.From, d.To, d.Points)
		}
		f.byHand(c.Reason, c.Actor)
	case *kopilka.Emit:
		f.text("instrument", c.Instrument)
		f.text("prefix", c.Prefix)
		f.number("count", int64(c.Count))
		f.text("from", c.From.String())
		f.text("to", c.To.String())
	case *kopilka.Drift:
		f.number("first", int64(c.First))
		f.number("count", int64(c.Count))
	case *kopilka.Gather:
		f.text("audience", c.Audience)
		f.mark("start", c.Start)
		f.number("block", int64(c.Block))
		fmt.Fprintf(f, " members=%dB", len(c.Members))
	case *kopilka.Audience:
		f.text("name", c.Name)
		f.text("expr", c.Expr)
		f.text("as_of", c.AsOf.String())
		f.number("control_bp", int64(c.Control))
		f.number("members", int64(c.Members))
		f.number("held_out", int64(c.HeldOut))
	case *kopilka.AudienceGrant:
		f.number("audience", int64(c.Audience))
		f.number("begun", int64(c.Begun))
		f.number("from", int64(c.From))
		f.points("points", c.Points)
		f.byHand(c.Reason, c.Actor)
	case *kopilka.Mailing:
		f.number("audience", int64(c.Audience))
		f.text("name", c.Name)
		for i := range c.Channels {
			ch := &c.Channels[i]
			fmt.Fprintf(f, " channel[%s timeout_minutes=%d cost=%d]", quoted(ch.Name), ch.Timeout, ch.Cost)
		}
		if c.Starts != 0 {
			f.text("starts_at", c.Starts.String())
		}
		if c.Ends != 0 {
			f.text("ends_at", c.Ends.String())
		}
		f.mark("requires_consent", c.Consent)
	case *kopilka.Dispatch:
		f.number("mailing", int64(c.Mailing))
		f.number("channel", int64(c.Channel+1))
		f.number("members", int64(len(c.Members)))
	case *kopilka.Deliver:
		f.number("mailing", int64(c.Mailing))
		f.number("channel", int64(c.Channel+1))
		for _, r := range c.Results {
			fmt.Fprintf(f, " result[member=%s delivered=%t]", f.ids.ID(r.Member), r.Delivered)
		}
	case *kopilka.Rating:
		f.text("receipt", c.Receipt)
		f.number("stars", int64(c.Stars))
		fmt.Fprintf(f, " sealed=%dB", len(c.Words))
	}
	return f.String()
}

func (f *fields) byHand(reason, actor string) {
	f.text("reason", reason)
	f.text("actor", actor)
}

// outcome is what a command led to; nothing where there is nothing to tell, as of
// a tick.
func (f *fields) outcome(out *kopilka.Outcome) string {
	f.Reset()
	if out.Refusal != kopilka.Accepted {
		f.text("refused", out.Refusal.String())
		f.number("prior", int64(out.Prior))
		return " =>" + f.String()
	}
	f.member("member", out.Member)
	f.mark("enrolled", out.Enrolled)
	f.number("earned", int64(out.Earned))
	f.number("redeemed", int64(out.Redeemed))
	f.number("certificate_used", int64(out.CertificateUsed))
	f.number("discount", int64(out.Discount))
	f.number("goods", int64(out.Goods))
	f.number("restored", int64(out.Restored))
	f.number("taken", int64(out.Taken))
	f.number("held_back", int64(out.HeldBack))
	for i := range out.Legs {
		l := &out.Legs[i]
		fmt.Fprintf(f, " leg[%s member=%s points=%d]", l.Kind, f.ids.ID(l.Member), l.Points)
	}
	if out.Member != kopilka.NoMember {
		fmt.Fprintf(f, " balance=%d", out.Balance)
	}
	for i := range out.Shifts {
		x := &out.Shifts[i]
		fmt.Fprintf(f, " shift[member=%s", f.ids.ID(x.Member))
		if x.Before != x.After {
			fmt.Fprintf(f, " labels=%d/%d/%d..%d/%d/%d", x.Before.Version, x.Before.Segment, x.Before.Tier, x.After.Version, x.After.Segment, x.After.Tier)
		}
		if x.Points {
			fmt.Fprintf(f, " balance=%d", x.Balance)
		}
		f.WriteString("]")
	}
	if f.Len() == 0 {
		return ""
	}
	return " =>" + f.String()
}
