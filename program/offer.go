package program

import "github.com/kopilka/kopilka"

// What a program offers beside points for purchases: see program.go for the
// document as a whole. Whatever is absent from a document is no rule: a list is
// nil, and a sum is 0.

// Trigger is the moment that brings a reward.
type Trigger uint8

// Triggers: the member is known, has registered, has installed the app, or has
// made his first purchase.
const (
	AtEnrolled Trigger = iota
	AtRegistered
	AtInstalled
	AtFirstPurchase
)

// Welcome is points for joining, once a person.
type Welcome struct {
	Points  kopilka.Points // 0 = none
	Trigger Trigger
}

// Referral is thanks for bringing others.
type Referral struct {
	// Once is what one friend brings once: to who invited him, and to himself.
	Once struct {
		Referrer, Referee kopilka.Points
		Trigger           Trigger
	}
	// Levels are shares of the earn base of every purchase, for the circles above
	// the buyer, nearest first: at most three.
	Levels []kopilka.BP
}

// Certificate is a value that a member gets, by a date of every year or by hand.
// It is not points: it has days and a cap of its own.
type Certificate struct {
	ID     string
	Name   map[string]string // by language
	On     string            // birth_date, or attributes.NAME; empty = by hand only
	Points kopilka.Points
	// The window is [date − LeadDays, date − LeadDays + ValidDays).
	LeadDays    int
	ValidDays   int
	MaxRedeemBP kopilka.BP // of the redeemable part of a receipt
}

// Instrument is something with a number or a code that a till can be shown.
type Instrument struct {
	ID   string
	Name map[string]string // by language
	Kind kopilka.UseKind   // UseGift, UseCoupon or UseDiscount

	Value       kopilka.Points // of a gift certificate
	PercentBP   kopilka.BP     // of a coupon by percentage, or of a discount card
	Amount      kopilka.Money  // of a coupon by sum
	MaxRedeemBP kopilka.BP     // the most of the redeemable part of a receipt that it takes

	MinAmount  kopilka.Money // of the receipt
	Stores     []string      // nil = all
	Categories []string      // lines that it is for; nil = all

	Span
	ValidDays int // from the emission; 0 = without end

	Code      string        // of a coupon that all share; empty = numbers are emitted
	Uses      int           // how often one number, or the code by all, can be used; 0 = without bound
	PerMember int           // how often one member can use it; 0 = without bound
	Budget    kopilka.Money // of all discounts; 0 = without bound
	Prefix    string        // digits that emitted numbers begin with when an emission names none
}

// Campaign multiplies what a receipt earns, or adds to it, for a time.
type Campaign struct {
	ID   string
	Name map[string]string // by language
	Span

	Stores     []string // nil = all
	Categories []string // lines that are multiplied; nil = all
	Segments   []uint8  // numbers of segments; nil = all
	Tiers      []uint8  // indexes of tiers; nil = all
	MinAmount  kopilka.Money

	MultiplierBP kopilka.BP     // 20000 = twice the points; BPWhole = as it is
	Points       kopilka.Points // added to a receipt
	Budget       kopilka.Points // of all it adds; 0 = without bound
}

// Staff is what cashiers get for what they do for the program.
type Staff struct {
	PremiumBP kopilka.BP // of net sales to identified members
	// Plan is how many members a cashier should enrol in a week, and Brackets
	// what is paid for how many, by From, upwards.
	Plan     int
	Brackets []Bracket
}

// Bracket is what a cashier gets for a week of From enrolments or more.
type Bracket struct {
	From   int
	Payout kopilka.Money
}

// Source is what brings members: a promo code, a link, a poster.
type Source struct {
	ID   string
	Name map[string]string // by language
	Span
	Cap int // members it may bring; 0 = without bound
}

// Fraud is what looks odd. Nothing of it refuses anything.
type Fraud struct {
	// EarnsPerDay is how often a card may earn on a day before a receipt is
	// flagged; 0 = any number.
	EarnsPerDay int
	// HoldDays more than its pending days pass before the points of a flagged
	// receipt can be spent.
	HoldDays int
	// AdjustedPerDay is how many points one actor may move by hand on a day, up and
	// down added together, before it is flagged; 0 = any number.
	AdjustedPerDay kopilka.Points
	// DormantDays without a purchase make a member dormant: points of his that are
	// moved by hand are flagged; 0 = never.
	DormantDays int
}
