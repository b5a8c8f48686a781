package whatif

import (
	"math"

	"github.com/kopilka/kopilka"
	"github.com/kopilka/kopilka/engine"
	"github.com/kopilka/kopilka/program"
)

// Standing is how books stand at a position.
type Standing struct {
	Versions []engine.Version
	Books    engine.Books
	Terms    []engine.Term
	Owed     engine.Liability
	Tiers    []int64 // members by the tiers of the newest version
}

// Stand reads books over, all members of them.
func Stand(s *engine.State) Standing {
	v := Standing{Versions: s.Versions(), Books: s.Books(), Terms: s.Terms()}
	if len(v.Versions) > 0 {
		v.Owed, v.Tiers = s.Liability(s.Now()), s.MembersByTier()
	}
	return v
}

// owed is what members have in points that have not run out, less debts.
func (v *Standing) owed() kopilka.Points {
	return v.Owed.Balance + v.Owed.Pending + v.Owed.Held - v.Owed.Debt
}

// certificates is how many certificates the programs have given, and their value.
func (v *Standing) certificates() (count, value int64) {
	for _, t := range v.Terms {
		if t.Kind == engine.TermCertificate {
			count, value = count+t.Count, value+t.Used
		}
	}
	return count, value
}

// A Figure is the place of one number in Sums. Points and amounts are in minor
// units; docs/reference/simulations.md has the formula of each.
type Figure int

const (
	Receipts Figure = iota
	Returns
	Turnover // receipts less returns
	Earned
	Taken
	Granted
	Adjusted
	Welcome // legs, less what returns took of them
	Referrer
	Referee
	Level1
	Level2
	Level3
	Redeemed
	Restored
	Lapsed
	Expired
	Forfeited
	CertificatesIssued
	CertificatesValue
	CertificatesUsed // and of gift certificates, less what went back
	Discount         // less what went back
	OwedBefore
	Balance
	Pending
	Held
	Debt
	RefusedRedemptions
	RefusedPoints
	RefusedOther
	GivenBP
	PaidBP
	figures
)

var figureNames = [figures]string{"receipts", "returns", "turnover", "earned", "taken", "granted", "adjusted",
	"welcome", "referrer", "referee", "level_1", "level_2", "level_3", "redeemed", "restored", "lapsed", "expired",
	"forfeited", "certificates_issued", "certificates_issued_value", "certificates_used", "discount",
	"owed_before", "balance", "pending", "held", "debt",
	"refused_redemptions", "refused_points", "refused_other", "given_share_bp", "paid_share_bp"}

// String is the figure's name in answers.
func (f Figure) String() string { return figureNames[f] }

// None is a figure that does not exist, as a share of nothing.
const None = math.MinInt64

// Sums are the figures of one world.
type Sums [figures]int64

// Tier is what the program cost with the members of a tier.
type Tier struct {
	ID       string
	Members  int64 // at the end
	Receipts int64 // at the rates of the tier, before returns
	Turnover int64 // of these receipts
	Earned   int64 // likewise
	Redeemed int64 // likewise
	GivenBP  int64 // earned per turnover, or None
}

// Side is one world.
type Side struct {
	Sums
	Tiers []Tier // as the program in force at the end has them, then those of before
}

// Result is the answer.
type Result struct {
	From       kopilka.Day // from whose beginning on the worlds may differ
	To         kopilka.Day // the books' day
	Seq        kopilka.Seq // position of the last record
	Actual     Side
	Simulated  Side
	Difference Side // simulated less actual
	// Warnings are what the figures cannot show, a sentence each: campaigns of the
	// simulated program whose time does not touch the days that were folded.
	Warnings []string
}

// Sides are both worlds and their difference, by their names in answers.
func (r *Result) Sides() []NamedSide {
	return []NamedSide{{"actual", &r.Actual}, {"simulated", &r.Simulated}, {"difference", &r.Difference}}
}

// NamedSide is a world with its name.
type NamedSide struct {
	Name string
	*Side
}

// Result is the answer after the last record.
func (f *Fold) Result() Result {
	would := Stand(f.books)
	if !f.begun {
		f.before = would
	}
	r := Result{From: f.question.From, To: f.books.Day(), Seq: f.books.Seq(),
		Actual:    f.actual.side(&f.before, &f.question.Actual),
		Simulated: f.would.side(&f.before, &would)}
	r.Difference = less(&r.Simulated, &r.Actual)
	r.Warnings = outside(f.question.Program, f.question.Start, f.books.Now())
	return r
}

// outside names the campaigns of a program that do not hold at any instant from the
// first to the last, both included: no receipt could have met them.
func outside(p *program.Program, first, last kopilka.Time) (warnings []string) {
	for i := range p.Campaigns {
		c := &p.Campaigns[i]
		switch {
		case c.StartsAt > last:
			warnings = append(warnings, "campaign "+c.ID+" begins after the log's end and is reckoned at nothing: move its days into the past")
		case c.EndsAt != 0 && c.EndsAt <= first:
			warnings = append(warnings, "campaign "+c.ID+" ends before from and is reckoned at nothing: move its days, or from")
		}
	}
	return warnings
}

// side brings the sums of commands and the standings before and after together.
func (t *tally) side(before, after *Standing) Side {
	x := Side{Sums: t.sums}
	a, b := &after.Books, &before.Books
	v := &x.Sums
	v[Returns] = a.Returns - b.Returns
	v[Earned], v[Taken] = int64(a.Earned-b.Earned), int64(a.Taken-b.Taken)
	v[Granted], v[Adjusted] = int64(a.Granted-b.Granted), int64(a.Adjusted-b.Adjusted)
	v[Redeemed], v[Restored] = int64(a.Redeemed-b.Redeemed), int64(a.Restored-b.Restored)
	v[Lapsed], v[Forfeited] = int64(a.Lapsed-b.Lapsed), int64(a.Forfeited-b.Forfeited)
	v[OwedBefore] = int64(before.owed())
	v[Balance], v[Pending] = int64(after.Owed.Balance), int64(after.Owed.Pending)
	v[Held], v[Debt] = int64(after.Owed.Held), int64(after.Owed.Debt)
	// What has run out and whose member was not touched since is in no entry yet.
	v[Expired] = int64(a.Expired - b.Expired + (a.Points() - after.owed()) - (b.Points() - before.owed()))
	count, value := after.certificates()
	countBefore, valueBefore := before.certificates()
	v[CertificatesIssued], v[CertificatesValue] = count-countBefore, value-valueBefore
	given := v[Earned] - v[Taken] + v[Granted]
	for leg := Welcome; leg <= Level3; leg++ {
		given += v[leg]
	}
	v[GivenBP] = shareBP(given, v[Turnover])
	v[PaidBP] = shareBP(v[Redeemed]-v[Restored]+v[CertificatesUsed]+v[Discount], v[Turnover])
	x.Tiers = t.tiersOf(after)
	return x
}

// tiersOf lists the tiers of the newest version, and then those of earlier ones at
// whose rates was sold.
func (t *tally) tiersOf(after *Standing) (all []Tier) {
	known := map[string]bool{}
	add := func(id string, members int64) {
		if known[id] {
			return
		}
		known[id] = true
		v := Tier{ID: id, Members: members}
		if sold := t.tiers[id]; sold != nil {
			v.Receipts, v.Turnover, v.Earned, v.Redeemed = sold.Receipts, sold.Turnover, sold.Earned, sold.Redeemed
		}
		v.GivenBP = shareBP(v.Earned, v.Turnover)
		all = append(all, v)
	}
	for i := len(after.Versions) - 1; i >= 0; i-- {
		for j := range after.Versions[i].Program.Tiers {
			id, members := after.Versions[i].Program.Tiers[j].ID, int64(0)
			if i == len(after.Versions)-1 {
				members = after.Tiers[j]
			} else if t.tiers[id] == nil {
				continue
			}
			add(id, members)
		}
	}
	return all
}

// less is a less b, figure by figure; tiers are matched by their ids.
func less(a, b *Side) (d Side) {
	for i := range a.Sums {
		d.Sums[i] = lessOne(a.Sums[i], b.Sums[i])
	}
	of := map[string]*Tier{}
	for i := range b.Tiers {
		of[b.Tiers[i].ID] = &b.Tiers[i]
	}
	one := func(x, y Tier) {
		d.Tiers = append(d.Tiers, Tier{ID: x.ID, Members: x.Members - y.Members, Receipts: x.Receipts - y.Receipts,
			Turnover: x.Turnover - y.Turnover, Earned: x.Earned - y.Earned, Redeemed: x.Redeemed - y.Redeemed,
			GivenBP: lessOne(x.GivenBP, y.GivenBP)})
	}
	for _, x := range a.Tiers {
		y := Tier{GivenBP: None}
		if known := of[x.ID]; known != nil {
			y = *known
			delete(of, x.ID)
		}
		one(x, y)
	}
	for _, y := range b.Tiers {
		if of[y.ID] != nil {
			one(Tier{ID: y.ID, GivenBP: None}, y)
		}
	}
	return d
}

func lessOne(a, b int64) int64 {
	if a == None || b == None {
		return None
	}
	return a - b
}
