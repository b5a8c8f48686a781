package program

import (
	"slices"
	"time"

	"github.com/kopilka/kopilka"
)

// offerDoc is the part of a document that offers something beside points for
// purchases. What is absent from it is no rule, and is not written either.
type offerDoc struct {
	Welcome      *welcomeDoc           `json:"welcome,omitempty"`
	Referral     *referralDoc          `json:"referral,omitempty"`
	Certificates []certificateDoc      `json:"certificates,omitempty"`
	Instruments  []instrumentDoc       `json:"instruments,omitempty"`
	Campaigns    []campaignDoc         `json:"campaigns,omitempty"`
	SegmentBP    map[string]kopilka.BP `json:"segment_multipliers_bp,omitempty"`
	Staff        *staffDoc             `json:"staff,omitempty"`
	Sources      []sourceDoc           `json:"sources,omitempty"`
	OfferCard    *offerCardDoc         `json:"offer_card,omitempty"`
	Fraud        *fraudDoc             `json:"fraud,omitempty"`
	AppCode      appCodeDoc            `json:"app_code"`
}

type welcomeDoc struct {
	Points  kopilka.Points `json:"points"`
	Trigger string         `json:"trigger"`
}

type referralDoc struct {
	Once     *onceDoc     `json:"once,omitempty"`
	LevelsBP []kopilka.BP `json:"levels_bp,omitempty"`
}

type onceDoc struct {
	Referrer kopilka.Points `json:"referrer"`
	Referee  kopilka.Points `json:"referee"`
	Trigger  string         `json:"trigger"`
}

type spanDoc struct {
	StartsAt string `json:"starts_at,omitempty"`
	EndsAt   string `json:"ends_at,omitempty"`
}

type certificateDoc struct {
	ID          string            `json:"id"`
	Name        map[string]string `json:"name"`
	On          string            `json:"on,omitempty"`
	Points      kopilka.Points    `json:"points"`
	LeadDays    int               `json:"lead_days"`
	ValidDays   int               `json:"valid_days"`
	MaxRedeemBP *kopilka.BP       `json:"max_redeem_bp"`
}

type instrumentDoc struct {
	ID          string            `json:"id"`
	Name        map[string]string `json:"name"`
	Kind        string            `json:"kind"`
	Value       kopilka.Points    `json:"value,omitempty"`
	PercentBP   kopilka.BP        `json:"percent_bp,omitempty"`
	Amount      kopilka.Money     `json:"amount,omitempty"`
	MaxRedeemBP *kopilka.BP       `json:"max_redeem_bp"`
	MinAmount   kopilka.Money     `json:"min_amount,omitempty"`
	Stores      []string          `json:"stores,omitempty"`
	Categories  []string          `json:"categories,omitempty"`
	spanDoc
	ValidDays int           `json:"valid_days,omitempty"`
	Code      string        `json:"code,omitempty"`
	Uses      *int          `json:"uses,omitempty"`
	PerMember int           `json:"per_member,omitempty"`
	Budget    kopilka.Money `json:"budget,omitempty"`
	Prefix    string        `json:"prefix,omitempty"`
}

type campaignDoc struct {
	ID   string            `json:"id"`
	Name map[string]string `json:"name"`
	spanDoc
	Stores       []string       `json:"stores,omitempty"`
	Categories   []string       `json:"categories,omitempty"`
	Segments     []string       `json:"segments,omitempty"`
	Tiers        []string       `json:"tiers,omitempty"`
	MinAmount    kopilka.Money  `json:"min_amount,omitempty"`
	MultiplierBP *kopilka.BP    `json:"multiplier_bp"`
	Points       kopilka.Points `json:"points,omitempty"`
	Budget       kopilka.Points `json:"budget,omitempty"`
}

type staffDoc struct {
	PremiumBP kopilka.BP `json:"premium_bp"`
	Plan      *planDoc   `json:"plan,omitempty"`
}

type planDoc struct {
	PerWeek  int          `json:"per_week"`
	Brackets []bracketDoc `json:"brackets,omitempty"`
}

type bracketDoc struct {
	From   int           `json:"from"`
	Payout kopilka.Money `json:"payout"`
}

type sourceDoc struct {
	ID   string            `json:"id"`
	Name map[string]string `json:"name"`
	spanDoc
	Cap int `json:"cap,omitempty"`
}

type offerCardDoc struct {
	MinAmount kopilka.Money `json:"min_amount"`
}

type fraudDoc struct {
	EarnsPerDay    int            `json:"earns_per_day,omitempty"`
	HoldDays       int            `json:"hold_days,omitempty"`
	AdjustedPerDay kopilka.Points `json:"adjusted_per_day,omitempty"`
	DormantDays    int            `json:"dormant_days,omitempty"`
}

type appCodeDoc struct {
	Minutes int `json:"minutes"`
}

// codeMinutes is how long an app's code is good unless a document says so.
const codeMinutes = 45

// completeName gives what has no name its id for one.
func completeName(name *map[string]string, id string) {
	if *name == nil {
		*name = map[string]string{"en": id}
	}
}

// completeCap lets a receipt be paid whole where nothing else is said.
func completeCap(bp **kopilka.BP) {
	if *bp == nil {
		whole := kopilka.BPWhole
		*bp = &whole
	}
}

// complete puts in what an absent key inside an object or a list is worth.
func (d *offerDoc) complete() {
	if d.Welcome != nil && d.Welcome.Trigger == "" {
		d.Welcome.Trigger = AtEnrolled.String()
	}
	if d.Referral != nil && d.Referral.Once != nil && d.Referral.Once.Trigger == "" {
		d.Referral.Once.Trigger = AtFirstPurchase.String()
	}
	for i := range d.Certificates {
		c := &d.Certificates[i]
		completeName(&c.Name, c.ID)
		completeCap(&c.MaxRedeemBP)
	}
	for i := range d.Instruments {
		d.Instruments[i].complete()
	}
	for i := range d.Campaigns {
		c := &d.Campaigns[i]
		completeName(&c.Name, c.ID)
		completeCap(&c.MultiplierBP)
	}
	for i := range d.Sources {
		completeName(&d.Sources[i].Name, d.Sources[i].ID)
	}
}

// An emitted number of a coupon is good once, a code and a discount card for
// as often as they come.
func (d *instrumentDoc) complete() {
	completeName(&d.Name, d.ID)
	completeCap(&d.MaxRedeemBP)
	if d.Uses == nil {
		d.Uses = new(int)
		if d.Kind == kopilka.UseCoupon.String() && d.Code == "" {
			*d.Uses = 1
		}
	}
	if d.Prefix == "" && d.Code == "" {
		d.Prefix = prefixDefault
	}
}

// prefixDefault begins numbers for use inside a shop, by the rules of EAN-13.
const prefixDefault = "20"

// offers is what the program offers, as it is written.
func (p *Program) offers() offerDoc {
	d := offerDoc{AppCode: appCodeDoc{int(p.CodeLife / time.Minute)}}
	if p.Welcome.Points > 0 {
		d.Welcome = &welcomeDoc{p.Welcome.Points, p.Welcome.Trigger.String()}
	}
	r := referralDoc{LevelsBP: p.Referral.Levels}
	if once := p.Referral.Once; once.Referrer > 0 || once.Referee > 0 {
		r.Once = &onceDoc{once.Referrer, once.Referee, once.Trigger.String()}
	}
	if r.Once != nil || r.LevelsBP != nil {
		d.Referral = &r
	}
	for i := range p.Certificates {
		c := &p.Certificates[i]
		d.Certificates = append(d.Certificates, certificateDoc{c.ID, c.Name, c.On, c.Points, c.LeadDays, c.ValidDays, &c.MaxRedeemBP})
	}
	for i := range p.Instruments {
		d.Instruments = append(d.Instruments, p.Instruments[i].document())
	}
	for i := range p.Campaigns {
		c := &p.Campaigns[i]
		x := campaignDoc{ID: c.ID, Name: c.Name, spanDoc: c.Span.document(), Stores: c.Stores, Categories: c.Categories,
			Segments: p.segmentIDs(c.Segments), MinAmount: c.MinAmount, MultiplierBP: &c.MultiplierBP, Points: c.Points, Budget: c.Budget}
		for _, n := range c.Tiers {
			x.Tiers = append(x.Tiers, p.Tiers[n].ID)
		}
		d.Campaigns = append(d.Campaigns, x)
	}
	for n, bp := range p.SegmentBP {
		if bp != kopilka.BPWhole {
			if d.SegmentBP == nil {
				d.SegmentBP = map[string]kopilka.BP{}
			}
			d.SegmentBP[p.RFM.Segments.Names[n].ID] = bp
		}
	}
	if p.Staff.PremiumBP > 0 || p.Staff.Plan > 0 {
		d.Staff = &staffDoc{PremiumBP: p.Staff.PremiumBP}
		if p.Staff.Plan > 0 {
			plan := &planDoc{PerWeek: p.Staff.Plan}
			for _, b := range p.Staff.Brackets {
				plan.Brackets = append(plan.Brackets, bracketDoc(b))
			}
			d.Staff.Plan = plan
		}
	}
	for i := range p.Sources {
		s := &p.Sources[i]
		d.Sources = append(d.Sources, sourceDoc{s.ID, s.Name, s.Span.document(), s.Cap})
	}
	if p.OfferCard > 0 {
		d.OfferCard = &offerCardDoc{p.OfferCard}
	}
	if p.Fraud != (Fraud{}) {
		fraud := fraudDoc(p.Fraud)
		d.Fraud = &fraud
	}
	return d
}

func (i *Instrument) document() instrumentDoc {
	d := instrumentDoc{ID: i.ID, Name: i.Name, Kind: i.Kind.String(),
		Value: i.Value, PercentBP: i.PercentBP, Amount: i.Amount, MaxRedeemBP: &i.MaxRedeemBP,
		MinAmount: i.MinAmount, Stores: i.Stores, Categories: i.Categories,
		spanDoc: i.Span.document(), ValidDays: i.ValidDays,
		Code: i.Code, PerMember: i.PerMember, Budget: i.Budget, Prefix: i.Prefix}
	if i.Kind != kopilka.UseGift {
		d.Uses = &i.Uses
	}
	return d
}

// segmentIDs are the ids of segments by their numbers.
func (p *Program) segmentIDs(numbers []uint8) (ids []string) {
	for _, n := range numbers {
		ids = append(ids, p.RFM.Segments.Names[n].ID)
	}
	return ids
}

// instrumentKinds are the kinds of instruments that a document may have.
var instrumentKinds = []kopilka.UseKind{kopilka.UseGift, kopilka.UseCoupon, kopilka.UseDiscount}

func instrumentKind(word string) kopilka.UseKind {
	i := slices.IndexFunc(instrumentKinds, func(k kopilka.UseKind) bool { return k.String() == word })
	if i < 0 {
		panic("program: the schema lets pass the kind of instrument " + word)
	}
	return instrumentKinds[i]
}
