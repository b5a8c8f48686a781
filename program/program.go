package program

import (
	"time"

	"github.com/kopilka/kopilka"
)

// Program is a set of rules in force: a document, read, checked and completed
// with the defaults. It is never changed after Parse.
type Program struct {
	Name       string // key program
	Currency   string // ISO 4217
	MinorUnits int    // digits after the point, 0–4
	TimeZone   string // IANA name
	Zone       *time.Location

	EarnBase    EarnBase
	Rounding    kopilka.Rounding
	Tiers       []Tier // at least one, lowest first
	TierPolicy  TierPolicy
	Expiry      Expiry
	PendingDays int // days from the purchase until earned points can be spent
	// RedeemAllowedBy tells, for every kopilka.Naming, whether a member named so may spend.
	RedeemAllowedBy [5]bool
	Returns         kopilka.ReturnsPolicy
	Takes           kopilka.Takes // what else goes back with a receipt
	RFM             RFM

	Welcome      Welcome
	Referral     Referral
	Certificates []Certificate
	Instruments  []Instrument
	Campaigns    []Campaign
	// SegmentBP multiplies what is earned, by number of segment; nil = never.
	SegmentBP []kopilka.BP
	Staff     Staff
	Sources   []Source
	OfferCard kopilka.Money // an anonymous receipt of so much asks to offer a card; 0 = never
	Fraud     Fraud
	CodeLife  time.Duration // of the app's short-lived code
}

// EarnBase is the part of a receipt that earns.
type EarnBase uint8

// Earn bases: the whole amount, or the amount less the points spent on it.
const (
	Total EarnBase = iota
	Paid
)

// Tier is a level of membership.
type Tier struct {
	ID          string
	Name        map[string]string // by language
	EarnBP      kopilka.BP        // of the earn base
	MaxRedeemBP kopilka.BP        // of the redeemable part of a receipt
	Threshold   int64             // in the metric of the policy: Money, or a number of receipts
	Segments    []uint8           // numbers of the segments it is for, where the metric is BySegment
}

// TierPolicy says how members move between tiers.
type TierPolicy struct {
	Metric     TierMetric
	WindowDays int // 0 = lifetime
	Downgrade  Downgrade
}

// TierMetric is what tiers are reached by.
type TierMetric uint8

// Metrics: net amount bought, live receipts, staff's decision, or the segment
// that the member is in at the moment.
const (
	BySpend TierMetric = iota
	ByCount
	ByHand
	BySegment
)

// Downgrade is what happens at a tick to a member who no longer reaches the tier.
type Downgrade uint8

// Downgrades: none keeps the tier, one goes one step down a day at most, full
// goes to the tier that the metric reaches.
const (
	DowngradeNone Downgrade = iota
	DowngradeOne
	DowngradeFull
)

// Expiry says when points are lost.
type Expiry struct {
	Policy ExpiryPolicy
	Months int
}

// ExpiryPolicy is how the life of points is counted.
type ExpiryPolicy uint8

// Policies: never; every lot Months after it was earned; the whole balance
// Months after the last purchase. Always at the end of a business day.
const (
	NoExpiry ExpiryPolicy = iota
	ExpiryLots
	ExpiryInactivity
)

// RFM is the rule of segments: see docs/rfm.md.
type RFM struct {
	WindowDays int // 0 = lifetime
	Metric     Metric
	Boundaries Boundaries
	R, F, M    Axis
	Segments   Segments
}

// Metric is what M is.
type Metric uint8

// Sum is the net amount in the window; Avg is that per live receipt, compared
// without division.
const (
	Sum Metric = iota
	Avg
)

// Boundaries tells when quintile boundaries move.
type Boundaries uint8

// Live boundaries are those of every position of the log; frozen ones those of
// the last refresh.
const (
	Live Boundaries = iota
	Frozen
)

// Axis is how one of R, F and M is scored. Thresholds go up: for R, days of age
// at most for scores 5, 4, 3, 2; for F and M, at least for scores 2, 3, 4, 5.
type Axis struct {
	Quintiles  bool
	Thresholds [4]int64
}

// Segments is the table from scores to segments.
type Segments struct {
	// Names of the segments. Number 0 is always none: members without a
	// live receipt.
	Names []Segment
	// Cells has the number of the segment for scores r, f, m at Cell(r, f, m).
	Cells [125]uint8
	// Rules are the entries that an owner made the cells of, in their order; nil
	// for the built-in six.
	Rules []Rule
}

// Segment is a name that analysts give to some cells.
type Segment struct {
	ID   string
	Name map[string]string // by language
}

// SegmentNone is the number of the segment of members without a live receipt.
const SegmentNone = 0

// Cell is the place of scores 1–5 in tables of 125.
func Cell(r, f, m int) int { return (r-1)*25 + (f-1)*5 + m - 1 }
