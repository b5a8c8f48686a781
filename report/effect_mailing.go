package report

import "github.com/kopilka/kopilka"

// Mailing is a mailing of which the effect is asked.
type Mailing struct {
	Seq      kopilka.Seq
	Time     kopilka.Time // when it was made
	Channels []kopilka.Channel
	Now      kopilka.Time // a message of which nothing was heard may be lost by then
	Of       []uint64     // one bit for every member whose messages count; nil: all
}

// EffectOfMailing is what Effect says of an audience, of two groups more: those who
// were informed, to whom a channel delivered, and the others who were addressed. They
// are told by what is in the log up to the last record, whenever it was delivered.
func EffectOfMailing(set *Setting, addressed, held EffectGroup, mail *Mailing) Fold {
	return &mailingFold{effectFold: effectFold{set: set, groups: []EffectGroup{addressed, held}}, mail: mail}
}

type mailingFold struct {
	effectFold
	mail *Mailing
	sent []sending // by number of the audience
}

// sending is how far the mailing has come with one number.
type sending struct {
	marks [kopilka.ChannelsMax]mark
	last  int32        // channel of the newest message
	at    kopilka.Time // of the newest message
}

// mark is what became of the message on a channel.
type mark uint8

const (
	notSent mark = iota
	sent         // and nothing was heard
	failed
	delivered
)

// Reads begins where the mailing did, for who was informed before the period is informed.
func (f *mailingFold) Reads() (since kopilka.Day, before, kinds kopilka.Kinds) {
	since, _, kinds = f.effectFold.Reads()
	return min(since, f.set.Calendar.DayOf(f.mail.Time)), 0, kinds | kopilka.KindsOf(kopilka.KindDispatch, kopilka.KindDeliver)
}

func (f *mailingFold) Add(r *Record) {
	switch c := r.Command.(type) {
	case *kopilka.Dispatch:
		if c.Mailing != f.mail.Seq {
			return
		}
		for _, no := range c.Members {
			for len(f.sent) <= int(no) {
				f.sent = append(f.sent, sending{})
			}
			s := &f.sent[no]
			s.marks[c.Channel], s.last, s.at = sent, int32(c.Channel), r.Outcome.Time
		}
	case *kopilka.Deliver:
		if c.Mailing != f.mail.Seq {
			return
		}
		for _, x := range c.Results {
			m := &f.sent[x.Member].marks[c.Channel]
			if x.Delivered {
				*m = delivered // also when it was taken for failed
			} else if *m == sent {
				*m = failed
			}
		}
	default:
		f.effectFold.Add(r)
	}
}

// lost tells whether a message of which nothing was heard is taken for lost: the next
// channel has had its turn, or the time is over. The books keep that in seconds, rounded up.
func (f *mailingFold) lost(s *sending, channel int) bool {
	return int(s.last) > channel || f.mail.Now >= (s.at+999)/1000*1000+60_000*kopilka.Time(f.mail.Channels[channel].Timeout)
}

// Report tells the groups apart by what was delivered.
func (f *mailingFold) Report() (Report, error) {
	addressed := f.groups[0].Bits
	informed, others := make([]uint64, len(addressed)), make([]uint64, len(addressed))
	channels := Table{Name: "channels", Keys: []string{"channel"},
		Columns: []string{"dispatched", "delivered", "failed", "timed_out", "cost", "buyers", "conversion_bp", "turnover", "cost_per_buyer"}}
	for i := range f.mail.Channels {
		row, reached := f.channel(i)
		for at := range informed {
			informed[at] |= reached[at]
		}
		channels.Rows = append(channels.Rows, row)
	}
	for at := range others {
		others[at] = addressed[at] &^ informed[at]
	}
	f.groups = append(f.groups, EffectGroup{"informed", informed}, EffectGroup{"not_informed", others})
	f.pairs = [][2]int{{0, 1}, {2, 1}, {2, 3}}
	r, err := f.effectFold.Report()
	r.Tables = append(r.Tables, channels)
	return r, err
}

// channel counts the messages of a channel, and what those bought whom it reached of
// the people who were addressed.
func (f *mailingFold) channel(i int) (row Row, reached []uint64) {
	of, addressed := members{bits: f.mail.Of}, members{bits: f.groups[0].Bits}
	reached = make([]uint64, len(addressed.bits))
	var n, heard, bad, late int64
	for no := range f.sent {
		s := &f.sent[no]
		m := f.set.into(kopilka.MemberNo(no))
		if s.marks[i] == notSent || f.mail.Of != nil && !of.has(m) {
			continue
		}
		n++
		switch s.marks[i] {
		case sent:
			count(f.lost(s, i), &late)
		case failed:
			bad++
		case delivered:
			heard++
			if addressed.has(m) {
				reached[m/64] |= 1 << (m % 64)
			}
		}
	}
	ch := &f.mail.Channels[i]
	cost := n * int64(ch.Cost)
	s := f.sample(&EffectGroup{Bits: reached})
	return Row{[]string{ch.Name}, []int64{n, heard, bad, late, cost,
		s.buyers, ratio(s.buyers, s.members, bp), s.net, ratio(cost, s.buyers, 1)}}, reached
}
