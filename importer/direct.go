package importer

import (
	"context"
	"fmt"
	"time"

	"github.com/kopilka/kopilka"
	"github.com/kopilka/kopilka/commit"
	"github.com/kopilka/kopilka/engine"
	"github.com/kopilka/kopilka/people"
)

// Direct is the sink into a data folder that this process has open.
type Direct struct {
	queue *commit.Queue
	vault *people.Vault
	earn  bool

	calendar kopilka.Calendar
	today    kopilka.Day
	group    group
	print    kopilka.ContentPrint
}

// NewDirect imports into a queue. With earn, sales earn as if they were made
// at the till, under the program that was in force on their day.
func NewDirect(queue *commit.Queue, vault *people.Vault, earn bool) *Direct {
	d := &Direct{queue: queue, vault: vault, earn: earn, group: group{names: map[string]bool{}}}
	d.print.SetSecret(vault.ContentSecret())
	return d
}

// group is commands that go into the log together, each with the place of its row.
type group struct {
	commands []kopilka.Command
	profiles []*people.Profile // to be sealed into the commands; nil for others
	rows     []int
	// names are the ids and cards that the group will make known: a row that
	// has to find one of them waits until the group is in the books.
	names map[string]bool
}

func (g *group) add(row int, c kopilka.Command, p *people.Profile, names ...string) {
	g.commands = append(g.commands, c)
	g.profiles = append(g.profiles, p)
	g.rows = append(g.rows, row)
	for _, name := range names {
		g.names[name] = true
	}
}

// Open implements Sink. The id of member 0 is keyed with the secret of the
// books, so no other books have it.
func (d *Direct) Open(context.Context) (Books, error) {
	d.calendar = d.queue.Calendar()
	b := Books{Zone: d.calendar.Zone, Earn: d.earn}
	d.queue.View(func(s *engine.State) { b.Name = "books of " + s.IDs().ID(0) })
	return b, nil
}

// Has implements Sink.
func (d *Direct) Has(_ context.Context, id string) (bool, error) {
	found, err := d.queue.FindID(id)
	return found.Seq != 0, err
}

// Submit implements Sink.
func (d *Direct) Submit(_ context.Context, rows []*Row, results []Result) error {
	d.today = d.calendar.DayOf(d.queue.Now())
	from := 0
	said := map[string]bool{} // ids and receipt numbers of the rows from there on
	for i, row := range rows {
		number := d.number(row)
		if said[row.ID] || said[number] {
			if err := d.submit(rows[from:i], results[from:i]); err != nil {
				return err
			}
			from = i
			clear(said)
		}
		if said[row.ID] = true; number != "" {
			said[number] = true
		}
	}
	if err := d.submit(rows[from:], results[from:]); err != nil {
		return err
	}
	return d.grant(rows, results)
}

// submit puts rows into the books of which no two have one id or one receipt number, so
// that the books can say of each whether it will be refused for what it repeats.
func (d *Direct) submit(rows []*Row, results []Result) error {
	members, err := d.enrol(rows, results)
	if err != nil {
		return err
	}
	for i, row := range rows {
		if d.group.names[row.ReturnOf] || d.group.names[row.Profile.Referrer] {
			if err := d.flush(rows, results, members); err != nil {
				return err
			}
		}
		c, profile, err := d.command(row, members, &results[i])
		if err != nil {
			return err
		}
		switch {
		case c == nil:
		case row.Deed == Person:
			d.group.add(i, c, profile, row.Card)
		case row.Deed == GoodsBack && row.ReturnOf != "":
			d.group.add(i, c, nil, row.ReturnOf)
		default:
			d.group.add(i, c, nil, row.ID)
		}
	}
	return d.flush(rows, results, members)
}

// enrol makes members of the cards that are not known, as of the earliest of their
// rows that are taken, and gives the numbers of all. A member whom an earlier row made
// so, and of whom nothing else is known, is moved back when an earlier one turns up.
func (d *Direct) enrol(rows []*Row, results []Result) (map[string]kopilka.MemberNo, error) {
	members := map[string]kopilka.MemberNo{}
	open := map[string]*kopilka.PutMember{} // cards that a row may enrol or move back
	d.queue.View(func(s *engine.State) {
		for _, row := range rows {
			if row.Card == "" || row.Deed == Person {
				continue
			}
			if _, seen := members[row.Card]; seen || open[row.Card] != nil {
				continue
			}
			c := &kopilka.PutMember{Card: row.Card, Registered: d.today + 1, State: kopilka.StateRegistered,
				Referrer: kopilka.NoMember, Imported: !d.earn}
			if no, known := s.ByCard(row.Card); known {
				members[row.Card] = no
				m := s.Member(no, s.Now())
				if m.KeySlot != 0 {
					continue
				}
				c.Registered = m.Registered
				c.Base, c.State, c.Blocked, c.PhoneTag, c.Referrer = m.ProfileAt, m.State, m.Blocked, m.PhoneTag, m.Referrer
			}
			open[row.Card] = c
		}
	})
	var commands []kopilka.Command
	var made []int // rows that were the first to ask for them
	asked := map[string]bool{}
	for i, row := range rows {
		c := open[row.Card]
		if c == nil || row.Deed == Person || d.early(row) {
			continue
		}
		day := d.calendar.DayOf(row.At)
		if day >= c.Registered {
			continue
		}
		good, err := d.enrols(row)
		if err != nil {
			return nil, err
		}
		if !good {
			continue
		}
		if c.Registered = day; !asked[row.Card] {
			asked[row.Card] = true
			commands, made = append(commands, c), append(made, i)
		}
	}
	if len(commands) == 0 {
		return members, nil
	}
	answers, err := d.queue.SubmitAll(commands)
	if err != nil {
		return nil, fmt.Errorf("enrol members: %w", err)
	}
	for i, a := range answers {
		if a.Outcome.Refusal != kopilka.Accepted {
			return nil, fmt.Errorf("enrol the member of row %d: %s", rows[made[i]].No, a.Outcome.Refusal)
		}
		members[rows[made[i]].Card] = a.Outcome.Member
		results[made[i]].Enrolled = a.Outcome.Enrolled
	}
	return members, nil
}

// enrols tells whether a row makes a member of a card that nobody has: one that will be
// refused does not.
func (d *Direct) enrols(row *Row) (bool, error) {
	if row.Deed == GoodsBack && row.ReturnOf != "" {
		return false, nil
	}
	found, err := d.queue.FindID(row.ID)
	if err != nil || found.Seq != 0 || d.number(row) == "" {
		return err == nil && found.Seq == 0, err
	}
	found, err = d.queue.FindReceiptNo(kopilka.KindReceipt, row.Store, row.Till, row.ReceiptNo, d.calendar.DayOf(row.At))
	return err == nil && found.Seq == 0, err
}

// early tells whether a row is of a time that has not come.
func (d *Direct) early(row *Row) bool {
	return row.Deed != Person && (row.At > d.queue.Now()+aheadMaxMS || d.calendar.DayOf(row.At) > d.today)
}

// number is the number that the till printed on a sale, with where and when it did;
// empty when the row has none. No id has a line feed in it.
func (d *Direct) number(row *Row) string {
	if row.Deed != Sale || row.Store == "" || row.Till == "" || row.ReceiptNo == "" {
		return ""
	}
	return row.Store + "\n" + row.Till + "\n" + row.ReceiptNo + "\n" + d.calendar.DayOf(row.At).String()
}

// flush submits the group and settles its rows.
func (d *Direct) flush(rows []*Row, results []Result, members map[string]kopilka.MemberNo) error {
	g := &d.group
	if len(g.commands) == 0 {
		return nil
	}
	defer g.clear()
	if err := d.seal(g.commands, g.profiles); err != nil {
		return err
	}
	answers, err := d.queue.SubmitAll(g.commands)
	if err != nil {
		return err
	}
	for i, at := range g.rows {
		row, result, a := rows[at], &results[at], answers[i]
		for try := 0; ; try++ {
			again, err := d.settle(a.Outcome, g.commands[i], result)
			if err != nil {
				return err
			}
			if !again {
				break
			}
			if try == staleMax {
				return fmt.Errorf("row %d: the books moved on each time it was looked up", row.No)
			}
			c, profile, err := d.command(row, members, result)
			if err != nil {
				return err
			}
			if c == nil {
				break
			}
			g.commands[i] = c
			if err := d.seal(g.commands[i:i+1], []*people.Profile{profile}); err != nil {
				return err
			}
			if a, err = d.queue.Submit(c); err != nil {
				return err
			}
		}
	}
	return nil
}

// staleMax is how often a row is looked up again because the log moved on.
const staleMax = 5

func (g *group) clear() {
	clear(g.commands) // lets go of them
	clear(g.profiles)
	clear(g.names)
	g.commands, g.profiles, g.rows = g.commands[:0], g.profiles[:0], g.rows[:0]
}

// settle notes what was decided; again asks to look up and submit once more.
func (d *Direct) settle(out *kopilka.Outcome, c kopilka.Command, result *Result) (again bool, err error) {
	switch out.Refusal {
	case kopilka.Accepted:
		result.Fate = Done
		result.Enrolled = result.Enrolled || out.Enrolled
	case kopilka.Replayed:
		return false, d.repeat(out.Prior, kopilka.HeadOf(c), result)
	case kopilka.Stale:
		return true, nil
	default:
		refuse(result, out.Refusal.String())
	}
	return false, nil
}

func refuse(result *Result, reason string) { result.Fate, result.Reason = Refused, reason }

// repeat tells a replay from another command under the same id.
func (d *Direct) repeat(at kopilka.Seq, h *kopilka.Head, result *Result) error {
	first, err := d.queue.Command(at)
	if err != nil {
		return err
	}
	if was := kopilka.HeadOf(first.Command); was.ID != h.ID || was.Content != h.Content {
		refuse(result, kopilka.IdempotencyMismatch.String()+": "+h.ID+" is in the books with other content")
		return nil
	}
	result.Fate = Replayed
	return nil
}

// command makes the command of a row, and of a member the profile to be sealed
// into it; nil when what became of the row is known without one.
func (d *Direct) command(row *Row, members map[string]kopilka.MemberNo, result *Result) (kopilka.Command, *people.Profile, error) {
	h := kopilka.Head{ID: row.ID, Content: row.said(&d.print)}
	found, err := d.queue.FindID(h.ID)
	if err != nil {
		return nil, nil, err
	}
	if found.Seq != 0 {
		return nil, nil, d.repeat(found.Seq, &h, result)
	}
	h.Looked = found.Looked
	if row.Deed == Person {
		c, profile, err := d.member(row, h, result)
		if c == nil {
			return nil, nil, err
		}
		return c, profile, nil
	}
	day := d.calendar.DayOf(row.At)
	if d.early(row) {
		refuse(result, "timestamp has not come yet")
		return nil, nil, nil
	}
	deed := row.deed()
	deed.Day = day
	if row.Card != "" {
		no, known := members[row.Card]
		if !known {
			no = kopilka.NoMember
		}
		deed.Member, deed.NamedBy = no, kopilka.ByCard
	}
	if row.Deed == GoodsBack {
		c, err := d.goodsBack(row, h, deed, result)
		if c == nil {
			return nil, nil, err
		}
		return c, nil, nil
	}
	if deed.HasReceiptNo() {
		found, err := d.queue.FindReceiptNo(kopilka.KindReceipt, row.Store, row.Till, row.ReceiptNo, day)
		if err != nil {
			return nil, nil, err
		}
		if found.Seq != 0 {
			refuse(result, kopilka.DuplicateReceipt.String())
			return nil, nil, nil
		}
		h.Looked = min(h.Looked, found.Looked)
	}
	if row.Card != "" && deed.Member == kopilka.NoMember {
		refuse(result, "the row repeats the id or the receipt number of a row before it, and its card is nobody's")
		return nil, nil, nil
	}
	return &kopilka.Receipt{Head: h, Deed: deed, Amount: row.Amount, Redeem: row.Redeemed, Imported: true, Earn: d.earn}, nil, nil
}

// aheadMaxMS is how far a timestamp may lie ahead of the clock.
const aheadMaxMS = kopilka.Time(5 * time.Minute / time.Millisecond)

// goodsBack makes a return: of a receipt, with what is left of it, or of none.
func (d *Direct) goodsBack(row *Row, h kopilka.Head, deed kopilka.Deed, result *Result) (*kopilka.Return, error) {
	c := &kopilka.Return{Head: h, Deed: deed, Amount: row.Amount, Imported: true}
	if row.ReturnOf == "" {
		return c, nil
	}
	sale, err := d.queue.FindID(row.ReturnOf)
	if err != nil {
		return nil, err
	}
	if sale.Seq == 0 {
		result.Fate, result.Reason = Later, "return_of names a receipt that is not in the books: "+row.ReturnOf
		return nil, nil
	}
	record, err := d.queue.Record(sale.Seq)
	if err != nil {
		return nil, err
	}
	var of *kopilka.Deed
	switch sold := record.Command.(type) {
	case *kopilka.Receipt:
		of = &sold.Deed
	case *kopilka.Redemption:
		of = &sold.Deed
	default:
		refuse(result, "return_of names no receipt: "+row.ReturnOf)
		return nil, nil
	}
	if row.Card != "" && of.Member != deed.Member {
		refuse(result, "return_of names a receipt of another member")
		return nil, nil
	}
	c.Member, c.Receipt, c.ReceiptSeq, c.Left = of.Member, row.ReturnOf, sale.Seq, record.Outcome.Left
	back, err := d.queue.FindReturn(row.ReturnOf)
	if err != nil {
		return nil, err
	}
	if back.Seq != 0 {
		newest, err := d.queue.Record(back.Seq)
		if err != nil {
			return nil, err
		}
		c.LastReturn, c.Left = back.Seq, newest.Outcome.Left
	}
	c.Looked = min(c.Looked, sale.Looked, back.Looked)
	return c, nil
}
