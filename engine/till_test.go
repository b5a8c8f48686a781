package engine

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"github.com/kopilka/kopilka"
	"github.com/kopilka/kopilka/program"
)

const dayMS = 86_400_000

// till makes commands up, as a shop's tills, office and import would send them,
// and steers them to the edges: balances, caps and thresholds hit exactly and
// missed by one, days just before and after points run out. It reads the books
// as the API does and changes nothing.
type till struct {
	*rand.Rand
	s       *State
	now     kopilka.Time
	n       int
	sent    []kopilka.Command // that succeeded and have an id
	done    []done            // what can come back
	members int               // most to be enrolled
	merges  mergesDone
	holds   []held
	seen    seen
}

// done is a receipt or redemption with what an API would look up for a return.
type done struct {
	id         string
	member     kopilka.MemberNo
	seq        kopilka.Seq
	lastReturn kopilka.Seq
	left       kopilka.Remains
	before     []kopilka.Remains // what was left at earlier times
}

func newTill(seed uint64, s *State) *till {
	return &till{Rand: rand.New(rand.NewPCG(seed, 1)), s: s, members: 6}
}

// openers are the commands that every log begins with.
func (x *till) openers() []kopilka.Command {
	days := []string{"2027-01-29", "2027-01-31", "2028-01-31", "2028-02-28", "2028-02-29", "2027-12-30", "2027-06-15"}
	day, err := kopilka.ParseDay(pick(x, days...))
	if err != nil {
		panic(err)
	}
	x.now = kopilka.Time(day) * dayMS
	return []kopilka.Command{&kopilka.Genesis{Day: day, Secret: [16]byte{1, 2, 3}}, x.program()}
}

func pick[T any](x *till, of ...T) T { return of[x.IntN(len(of))] }

func (x *till) odds(percent int) bool { return x.IntN(100) < percent }

// head gives the next id.
func (x *till) head() kopilka.Head {
	x.n++
	return kopilka.Head{ID: fmt.Sprintf("c%d", x.n), Looked: x.s.Recent().Base, By: "till"}
}

// program is a random program; every word of the rules comes up.
func (x *till) program() *kopilka.SetProgram {
	metric := pick(x, "spend", "spend", "spend", "count", "count", "manual", "segment")
	thresholds := []int{0, 1000, 5000}
	if metric == "count" {
		thresholds = []int{0, 2, 4}
	}
	var tiers, names []string
	ids := []string{"silver", "gold", "vip", "club"}
	if x.odds(30) {
		x.Shuffle(len(ids), func(i, j int) { ids[i], ids[j] = ids[j], ids[i] })
	}
	for i := range 1 + x.IntN(3) {
		reached := fmt.Sprintf(`"threshold":%d`, thresholds[i])
		if metric == "segment" {
			reached = []string{`"threshold":0`, `"segments":["new"]`, `"segments":["core","loyal","whales"]`}[i]
		}
		names = append(names, ids[i])
		tiers = append(tiers, fmt.Sprintf(`{"id":%q,"earn_bp":%d,"max_redeem_bp":%d,%s}`, ids[i],
			pick(x, 0, 33, 100, 500, 3333, 10_000, 12_345), pick(x, 0, 1000, 3333, 5000, 10_000, 10_000), reached))
	}
	downgrade := pick(x, "none", "one", "full")
	if metric == "segment" {
		downgrade = "none"
	}
	expiry := `"policy":"none"`
	if x.odds(80) {
		expiry = fmt.Sprintf(`"policy":%q,"months":%d`, pick(x, "lots", "inactivity"), pick(x, 1, 1, 2))
	}
	allowed := pick(x, `"card","phone","code","member_id"`, `"card","phone","code","member_id"`, `"card","code"`)
	doc := fmt.Sprintf(`{"program":"p","currency":"RUB","earn_base":%q,"rounding":%q,"tiers":[%s],
		"tier_policy":{"metric":%q,"window_days":%d,"downgrade":%q},"expiry":{%s},"pending_days":%d,
		"returns":{"spent_points":%q,"welcome":%q,"once":%q,"tier":%q},"redeem_allowed_by":[%s]%s,
		"sources":[{"id":"poster","cap":%d},{"id":"link","starts_at":"2027-03-01T00:00:00Z","ends_at":"2028-02-01T00:00:00Z"}],
		"rfm":{"window_days":%d,"boundaries":%q,"r":{%s},"f":{"thresholds":[1,2,3,4]},"m":{"thresholds":[100,1000,2000,5000]}}}`,
		pick(x, "total", "paid"), pick(x, "floor", "half_up"), strings.Join(tiers, ","),
		metric, pick(x, 0, 1, 3, 7, 30, 365), downgrade, expiry, pick(x, 0, 0, 1, 3, 15, 24),
		pick(x, "within_balance", "only_pending", "unlimited", "unlimited"), pick(x, "keep", "take"), pick(x, "keep", "take"), pick(x, "keep", "take"),
		allowed, x.offers(metric, names), 1+x.IntN(3),
		pick(x, 0, 7, 365), pick(x, "live", "frozen"), pick(x, `"thresholds":[1,7,30,60]`, `"quintiles":true`))
	doc = strings.TrimSuffix(doc, "}") + x.instruments() + "}"
	if x.s.sold && x.odds(10) {
		doc = strings.Replace(doc, "RUB", "EUR", 1)
	}
	c := &kopilka.SetProgram{Head: x.head(), Document: []byte(doc)}
	switch {
	case x.s.Program() == nil: // the first holds at once
	case x.odds(30):
		c.At = x.now + kopilka.Time(x.IntN(4*dayMS))
		c.Day = kopilka.Calendar{Zone: time.UTC}.DayOf(c.At)
	case x.odds(10):
		c.Document = nil
	}
	return c
}

// next is the commands that come next: mostly one, more when days pass.
func (x *till) next() []kopilka.Command {
	x.now += kopilka.Time(x.IntN(60_000))
	if x.s.Members() == 0 || x.s.Members() < x.members && x.odds(5) {
		return one(x.enrol())
	}
	if x.odds(10) {
		return one(x.identities())
	}
	if x.odds(8) {
		return x.audiences()
	}
	if x.odds(20) {
		return x.claim()
	}
	switch r := x.IntN(100); {
	case r < 36:
		return one(x.receipt())
	case r < 54 && len(x.done) > 0:
		return one(x.giveBack())
	case r < 62:
		return one(x.redemption())
	case r < 67:
		return one(x.grant())
	case r < 72:
		return one(x.adjustment())
	case r < 77:
		return one(x.change())
	case r < 79:
		return one(x.program())
	case r < 80:
		return one(pick[kopilka.Command](x, &kopilka.Refresh{Head: x.head()}, x.key(), &kopilka.RevokeKey{Head: x.head(), KeyID: x.keyID()}))
	case r < 83 && len(x.sent) > 0:
		return one(pick(x, x.sent...))
	case r < 85:
		return one(x.refund())
	default:
		return x.days()
	}
}

func one(c kopilka.Command) []kopilka.Command { return []kopilka.Command{c} }

func (x *till) keyID() string { return fmt.Sprintf("k%d", x.IntN(4)) }

func (x *till) key() *kopilka.CreateKey {
	return &kopilka.CreateKey{Head: x.head(), KeyID: x.keyID(), Hash: [32]byte{byte(x.n)}, Role: kopilka.RoleTill, Store: "s1", Note: "at the door"}
}

// took notes what became of a command.
func (x *till) took(c kopilka.Command, o *kopilka.Outcome) {
	if o.Refusal != kopilka.Accepted {
		return
	}
	if kopilka.HeadOf(c).ID != "" {
		x.sent = append(x.sent, c)
	}
	var sale *done
	if c, ok := c.(*kopilka.Return); ok {
		if i := slices.IndexFunc(x.done, func(d done) bool { return d.id == c.Receipt }); i >= 0 {
			sale = &x.done[i]
		}
	}
	x.merges.took(x.s, c, o, sale)
	switch c := c.(type) {
	case *kopilka.Receipt:
		x.done = append(x.done, done{id: c.ID, member: o.Member, seq: x.s.Seq(), left: copyRemains(&o.Left)})
	case *kopilka.Redemption:
		x.done = append(x.done, done{id: c.ID, member: o.Member, seq: x.s.Seq(), left: copyRemains(&o.Left)})
	case *kopilka.Capture:
		x.done = append(x.done, done{id: c.ID, member: o.Member, seq: x.s.Seq(), left: copyRemains(&o.Left)})
	case *kopilka.Hold:
		x.holds = append(x.holds, held{HoldRef: kopilka.HoldRef{ID: c.ID, Seq: x.s.Seq()}, member: o.Member, until: c.Until})
	case *kopilka.Return:
		if sale != nil {
			sale.before = append(sale.before, sale.left)
			sale.left, sale.lastReturn = copyRemains(&o.Left), x.s.Seq()
		}
	}
}

func copyRemains(r *kopilka.Remains) kopilka.Remains {
	c := *r
	c.Lines, c.Spent = slices.Clone(r.Lines), slices.Clone(r.Spent)
	c.Uses, c.Legs = slices.Clone(r.Uses), slices.Clone(r.Legs)
	return c
}

// days lets one day pass, or as many as bring some member's points or window to
// the edge, one short of it or one past it.
func (x *till) days() (ticks []kopilka.Command) {
	n := 1
	next := x.s.Member(x.anyone(), x.now).NextExpiry
	if days := int(next.Expires) - int(x.s.Day()); next.Points > 0 && next.Expires != kopilka.DayNever && x.odds(40) {
		n = max(1, days+x.IntN(3)-1)
	} else if w := x.s.Program().TierPolicy.WindowDays; w > 0 && w < 40 && x.odds(30) {
		n = max(1, w+x.IntN(3)-1)
	}
	for i := range min(n, 70) {
		ticks = append(ticks, &kopilka.Tick{Day: x.s.Day() + 1 + kopilka.Day(i)})
	}
	x.now = kopilka.Time(x.s.Day()+kopilka.Day(len(ticks))) * dayMS
	return ticks
}

func (x *till) anyone() kopilka.MemberNo { return kopilka.MemberNo(x.IntN(x.s.Members())) }

// deed is at this instant, or late by some days.
func (x *till) deed() kopilka.Deed {
	d := kopilka.Deed{Member: x.anyone(), NamedBy: kopilka.ByCard + kopilka.Naming(x.IntN(4)), At: x.now, Day: x.s.Day()}
	if x.odds(20) {
		d.Day -= kopilka.Day(min(1+x.IntN(pick(x, 3, 40)), int(d.Day)))
		d.At = kopilka.Time(d.Day)*dayMS + kopilka.Time(x.IntN(dayMS))
	}
	if x.odds(2) {
		d.Day++
	}
	d.Store = pick(x, "", "s1", "s2")
	if x.odds(30) {
		d.Store, d.Till, d.ReceiptNo = "s1", pick(x, "t1", "t2", ""), fmt.Sprint(x.IntN(8))
	}
	return d
}

// amount is small, so that rounding shows, or what a threshold still wants.
func (x *till) amount(m kopilka.MemberNo) kopilka.Money {
	if m != kopilka.NoMember && x.odds(30) {
		p := x.s.Program()
		t := p.Tiers[x.IntN(len(p.Tiers))]
		if more := t.Threshold - x.s.Member(m, x.now).TierMetric + int64(x.IntN(3)-1); more > 0 {
			return kopilka.Money(more)
		}
	}
	return pick(x, 0, 1, 2, 3, 99, 100, 101, 333, 999, 1000, kopilka.Money(x.IntN(3000)))
}

func (x *till) receipt() *kopilka.Receipt {
	c := &kopilka.Receipt{Head: x.head(), Deed: x.deed()}
	if x.odds(5) {
		c.Member, c.NamedBy = kopilka.NoMember, kopilka.ByNobody
	}
	c.Imported = x.odds(10)
	c.Earn = c.Imported && x.odds(50)
	c.Amount = x.amount(c.Member)
	redeemable := c.Amount
	switch {
	case x.odds(50):
		for left := c.Amount; len(c.Lines) == 0 || left > 0 && x.odds(80); {
			n := kopilka.Money(x.Int64N(int64(left) + 1))
			l := kopilka.Line{Amount: n, NoEarn: x.odds(20), NoRedeem: x.odds(20), Category: pick(x, categories...)}
			c.Lines = append(c.Lines, l)
			left -= n
		}
		var sum kopilka.Money
		redeemable = 0
		for i := range c.Lines {
			l := &c.Lines[i]
			if sum += l.Amount; i == len(c.Lines)-1 {
				l.Amount += c.Amount - sum
			}
			if !l.NoEarn && !l.NoRedeem {
				redeemable += l.Amount
			}
		}
	case x.odds(40):
		c.NoEarn = kopilka.Money(x.Int64N(int64(c.Amount) + 1))
		c.NoRedeem = kopilka.Money(x.Int64N(int64(c.Amount-c.NoEarn) + 1))
		redeemable -= c.NoEarn + c.NoRedeem
	}
	c.Redeem = x.redeem(c.Member, redeemable)
	x.show(c, redeemable)
	return c
}

// redeem asks for nothing, the most, or what is about the balance or the cap.
func (x *till) redeem(m kopilka.MemberNo, redeemable kopilka.Money) kopilka.Points {
	if x.odds(35) || m == kopilka.NoMember && x.odds(80) {
		return 0
	}
	if x.odds(30) || m == kopilka.NoMember {
		return kopilka.RedeemMax
	}
	v := x.s.Member(m, x.now)
	cap := int64(redeemable) * int64(x.s.Program().Tiers[v.Tier].MaxRedeemBP) / 10_000
	return max(0, pick(x, v.Balance, min(v.Balance, kopilka.Points(cap)), kopilka.Points(cap), kopilka.Points(x.IntN(200)))+kopilka.Points(x.IntN(3)-1))
}

func (x *till) redemption() *kopilka.Redemption {
	c := &kopilka.Redemption{Head: x.head(), Deed: x.deed()}
	if x.odds(50) {
		c.Amount = max(1, x.amount(c.Member))
		c.Points = x.redeem(c.Member, c.Amount)
	} else {
		c.Points = x.s.Member(c.Member, x.now).Balance + kopilka.Points(x.IntN(3)-1)
	}
	if c.Points <= 0 {
		c.Points = pick(x, 1, kopilka.RedeemMax)
	}
	return c
}

func (x *till) grant() *kopilka.Grant {
	return &kopilka.Grant{Head: x.head(), Deed: x.deed(), Points: kopilka.Points(1 + x.IntN(500)), Reason: "a gift"}
}

func (x *till) adjustment() *kopilka.Adjustment {
	c := &kopilka.Adjustment{Head: x.head(), Deed: x.deed(), Reason: "a slip", Actor: "anna"}
	balance := x.s.Member(c.Member, x.now).Balance
	if c.Points = -(balance + kopilka.Points(x.IntN(3)-1)); c.Points >= 0 || x.odds(50) {
		c.Points = pick(x, 1, 50, -1, -balance/2, kopilka.Points(1+x.IntN(300)))
	}
	if c.Points == 0 {
		c.Points = 1
	}
	return c
}

// giveBack returns goods of a receipt: all, some, a line, or more than there
// is; now and then as it was left before an earlier return.
func (x *till) giveBack() *kopilka.Return {
	d := &x.done[x.IntN(len(x.done))]
	if x.odds(60) {
		d = &x.done[len(x.done)-1-x.IntN(min(3, len(x.done)))]
	}
	c := &kopilka.Return{Head: x.head(), Deed: x.deed(), Receipt: d.id, ReceiptSeq: d.seq,
		LastReturn: d.lastReturn, Left: copyRemains(&d.left)}
	c.Member = d.member
	if len(d.before) > 0 && x.odds(5) {
		c.Left, c.LastReturn = copyRemains(&d.before[0]), 0
	}
	goods := c.Left.Goods()
	if x.odds(50) {
		c.Amount = max(1, pick(x, goods, goods, goods/2, 1, goods+1, kopilka.Money(x.Int64N(int64(goods)+1))))
		return c
	}
	for i, l := range c.Left.Lines {
		if x.odds(60) {
			n := pick(x, l.Goods, l.Goods, 1, l.Goods/2)
			if x.odds(3) {
				n = l.Goods + 1
			}
			c.Lines = append(c.Lines, kopilka.ReturnLine{Line: i, Amount: n})
		}
	}
	if x.odds(3) || len(c.Lines) == 0 {
		c.Lines = append(c.Lines, kopilka.ReturnLine{Line: len(c.Left.Lines), Amount: 1})
	}
	return c
}

// refund is a return of an imported history that names no receipt.
func (x *till) refund() *kopilka.Return {
	c := &kopilka.Return{Head: x.head(), Deed: x.deed(), Amount: kopilka.Money(1 + x.IntN(500)), Imported: true}
	if x.odds(10) {
		c.Member = kopilka.NoMember
	}
	return c
}

// tier is one to be set by hand: none, mostly, unless the program asks for it.
func (x *till) tier() string {
	p := x.s.Program()
	if x.odds(95) && p.TierPolicy.Metric != program.ByHand || x.odds(50) {
		return ""
	}
	return pick(x, "nothing", p.Tiers[x.IntN(len(p.Tiers))].ID, p.Tiers[x.IntN(len(p.Tiers))].ID)
}

func (x *till) enrol() *kopilka.PutMember {
	n := x.s.Members()
	c := &kopilka.PutMember{Head: x.head(), Registered: x.s.Day(), Referrer: kopilka.NoMember, KeySlot: uint32(n + 1),
		Card: pick(x, "%d", "card-%d", "400000000000000000000000000000%d", "somebody-with-a-long-card-%d")}
	if c.Card = fmt.Sprintf(c.Card, n); x.odds(10) {
		c.Card = fmt.Sprintf("77%d", x.IntN(4)) // as somebody may have had before
	}
	if x.odds(30) {
		c.Registered -= kopilka.Day(x.IntN(400))
	}
	if n > 0 && x.odds(80) {
		c.Referrer = pick(x, x.anyone(), kopilka.MemberNo(n-1), kopilka.MemberNo(n-1))
	}
	c.Imported = x.odds(10)
	c.State = pick(x, kopilka.StateCreated, kopilka.StateCreated, kopilka.StateRegistered, kopilka.StateInstalled)
	c.Tier = x.tier()
	if x.odds(50) {
		c.PhoneTag = uint64(1+x.IntN(4)) << 40
	}
	c.Source, c.Carrier, c.Imported = pick(x, "", "poster", "link", "friends"), pick(x, "", "", "plastic", "app"), x.odds(20)
	return c
}

// change changes a member: the phone, the referrer, blocked or free again.
func (x *till) change() *kopilka.PutMember {
	v := x.s.Member(x.anyone(), x.now)
	if v.Erased {
		return x.enrol()
	}
	c := &kopilka.PutMember{Head: x.head(), Card: pick(x, x.s.Cards(v.No)...).Number, Base: v.ProfileAt, Registered: v.Registered, State: v.State,
		Blocked: v.Blocked, PhoneTag: v.PhoneTag, Referrer: v.Referrer, KeySlot: v.KeySlot}
	switch x.IntN(8) {
	case 6:
		c.State = pick(x, kopilka.StateRegistered, kopilka.StateInstalled)
	case 7:
		c.Tier = x.tier()
	case 0:
		c.Blocked = x.odds(50)
	case 1:
		c.PhoneTag = uint64(x.IntN(5)) << 40
	case 2:
		c.Referrer = x.anyone()
	case 3:
		c.Blocked = false
		c.State = kopilka.StateInstalled
	case 4:
		c.Base--
	default:
		c.Blocked = false
		c.Registered = x.s.Day() - kopilka.Day(x.IntN(3)) + kopilka.Day(x.IntN(2))
	}
	return c
}
