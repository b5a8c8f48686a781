package program

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
	_ "time/tzdata" // a shop's server may have no zone tables of its own

	"github.com/kopilka/kopilka"
	"github.com/kopilka/kopilka/programs"
)

// faultsMax bounds how many faults are told of one document.
const faultsMax = 50

// Parse reads a program document in YAML or JSON. Its error is an *Error, with
// the faults of the first stage that has any, and their places: the text, its form
// by the schema, and then what it means.
func Parse(doc []byte) (*Program, error) {
	t := load(doc)
	if len(t.faults) == 0 {
		t.checkSchema()
	}
	var p *Program
	if len(t.faults) == 0 {
		p = t.program()
	}
	if len(t.faults) == 0 {
		if n := len(p.Document()); n > writtenMax {
			t.fault("", 0, 0, "has %d bytes in its canonical form, more than the %d that a command of the log may have", n, writtenMax)
		}
	}
	if len(t.faults) == 0 {
		return p, nil
	}
	slices.SortStableFunc(t.faults, func(a, b Fault) int {
		return cmp.Or(cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column), cmp.Compare(a.Pointer, b.Pointer))
	})
	if n := len(t.faults); n > faultsMax {
		t.faults = append(t.faults[:faultsMax:faultsMax], Fault{Detail: fmt.Sprintf("has %d more faults", n-faultsMax)})
	}
	return nil, &Error{Faults: t.faults}
}

// BuiltinName is the shipped program that a new data folder takes when it is
// given none.
const BuiltinName = "uds-rustore"

// Builtin is the document of that program.
func Builtin() []byte {
	doc, ok := Shipped(BuiltinName)
	if !ok {
		panic("program: the built-in program " + BuiltinName + " is not shipped")
	}
	return doc
}

// Shipped is the document of a program that is shipped; false when there is none
// of this name.
func Shipped(name string) (doc []byte, ok bool) {
	doc, err := programs.Files.ReadFile(name + ".yaml")
	return doc, err == nil
}

// ShippedNames are the names of the programs that are shipped, in their order.
func ShippedNames() []string {
	files, err := programs.Files.ReadDir(".")
	if err != nil {
		panic("program: list the shipped programs: " + err.Error())
	}
	var names []string
	for _, f := range files {
		names = append(names, strings.TrimSuffix(f.Name(), ".yaml"))
	}
	return names
}

// program makes a program of a tree that the schema accepts, noting what a
// schema cannot say.
func (t *tree) program() *Program {
	plain, err := json.Marshal(t.root)
	if err != nil {
		panic("program: " + err.Error())
	}
	d := absent()
	if err := json.Unmarshal(plain, &d); err != nil {
		panic("program: the schema lets pass what a document cannot hold: " + err.Error())
	}
	d.complete()

	p := &Program{
		Name:       d.Program,
		Currency:   d.Currency,
		MinorUnits: d.MinorUnits,
		TimeZone:   d.TimeZone,
		EarnBase:   numberOf[EarnBase](earnBaseWords, d.EarnBase),
		Rounding:   numberOf[kopilka.Rounding](roundingWords, d.Rounding),
		TierPolicy: TierPolicy{
			Metric:     numberOf[TierMetric](tierMetricWords, d.TierPolicy.Metric),
			WindowDays: d.TierPolicy.WindowDays,
			Downgrade:  numberOf[Downgrade](downgradeWords, d.TierPolicy.Downgrade),
		},
		Expiry:      Expiry{numberOf[ExpiryPolicy](expiryWords, d.Expiry.Policy), d.Expiry.Months},
		PendingDays: d.PendingDays,
		Returns:     numberOf[kopilka.ReturnsPolicy](returnsWords, d.Returns.SpentPoints),
	}
	if p.Zone, err = loadZone(d.TimeZone); err != nil {
		t.faultAt("/time_zone", "%q is no time zone: %s", cut(d.TimeZone), err)
		p.Zone = time.UTC // for what else there is to tell
	}
	for _, n := range namings {
		p.RedeemAllowedBy[n] = slices.Contains(d.RedeemAllowedBy, n.String())
	}
	if d.Returns.Welcome == takeWord {
		p.Takes |= kopilka.TakeWelcome
	}
	if d.Returns.Once == takeWord {
		p.Takes |= kopilka.TakeOnce
	}
	if d.Returns.Tier == takeWord {
		p.Takes |= kopilka.TakeTier
	}
	t.rfm(p, &d.RFM)
	t.tiers(p, &d)
	t.offers(p, &d.offerDoc)
	// A month has 28 days at least.
	if p.Expiry.Policy == ExpiryLots {
		at, days := "/pending_days", p.PendingDays
		if days < 28*p.Expiry.Months {
			at, days = "/fraud/hold_days", days+p.Fraud.HoldDays
		}
		if days >= 28*p.Expiry.Months {
			t.faultAt(at, "points would run out before they can be spent: %d days is not less than the shortest expiry, %d months of 28 days",
				days, p.Expiry.Months)
		}
	}
	return p
}

func loadZone(name string) (*time.Location, error) {
	if name == "" || name == "Local" {
		return nil, errors.New("the zone of one machine is not that of a shop")
	}
	return time.LoadLocation(name)
}

func (t *tree) tiers(p *Program, d *document) {
	first := t.firstOf("tier")
	for i, tier := range d.Tiers {
		at := fmt.Sprintf("/tiers/%d", i)
		first(at, tier.ID)
		// Staff who set tiers by hand look at no threshold, nor do segments.
		if p.TierPolicy.Metric == BySpend || p.TierPolicy.Metric == ByCount {
			switch {
			case i == 0 && tier.Threshold != 0:
				t.faultAt(at+"/threshold", "the lowest tier begins at 0, or new members would have none")
			case i > 0 && tier.Threshold <= d.Tiers[i-1].Threshold:
				t.faultNear(at, "/threshold", "the threshold %d is not above that of the tier before, %d", tier.Threshold, d.Tiers[i-1].Threshold)
			}
		}
		p.Tiers = append(p.Tiers, Tier{ID: tier.ID, Name: tier.Name, EarnBP: tier.EarnBP, MaxRedeemBP: *tier.MaxRedeemBP, Threshold: tier.Threshold,
			Segments: t.segmentNumbers(p, at+"/segments", tier.Segments)})
	}
	t.tiersOfSegments(p)
}

// tiersOfSegments sees to it that every segment leads to one tier, and every
// tier but the first, which is for all others, has a segment.
func (t *tree) tiersOfSegments(p *Program) {
	if p.TierPolicy.Metric == BySegment && p.TierPolicy.Downgrade != DowngradeNone {
		t.faultAt("/tier_policy/downgrade", "a tier by segment follows the segment both ways: there is nothing to downgrade")
	}
	tierOf := map[uint8]string{}
	for i := range p.Tiers {
		at, segments := fmt.Sprintf("/tiers/%d", i), p.Tiers[i].Segments
		switch {
		case p.TierPolicy.Metric != BySegment && len(segments) > 0:
			t.faultAtKey(at+"/segments", "means nothing where the metric of tier_policy is %s, not segment", p.TierPolicy.Metric)
		case p.TierPolicy.Metric == BySegment && i == 0 && len(segments) > 0:
			t.faultAtKey(at+"/segments", "the first tier is for all whose segment no other tier lists")
		case p.TierPolicy.Metric == BySegment && i > 0 && len(segments) == 0:
			t.faultAt(at, "nobody would reach the tier: it lacks the key segments")
		}
		for j, n := range segments {
			if before, twice := tierOf[n]; twice {
				t.faultAt(fmt.Sprintf("%s/segments/%d", at, j), "leads to the tier %s already", before)
			}
			tierOf[n] = p.Tiers[i].ID
		}
	}
}

// written tells whether a document has the key behind a pointer.
func (t *tree) written(pointer string) bool {
	_, ok := t.places[pointer]
	return ok
}

// faultNear notes a fault at a key of an object or, where the key is absent, at
// the object.
func (t *tree) faultNear(object, key, format string, args ...any) {
	if t.written(object + key) {
		object += key
	}
	t.faultAt(object, format, args...)
}

func (t *tree) rfm(p *Program, d *rfmDoc) {
	p.RFM = RFM{
		WindowDays: d.WindowDays,
		Metric:     numberOf[Metric](metricWords, d.Metric),
		Boundaries: numberOf[Boundaries](boundariesWords, d.Boundaries),
		R:          t.axis("/rfm/r", &d.R),
		F:          t.axis("/rfm/f", &d.F),
		M:          t.axis("/rfm/m", &d.M),
	}
	if p.RFM.Metric == Avg {
		if p.RFM.M.Quintiles {
			t.faultAt("/rfm/m/quintiles", "fifths by average are not counted: take thresholds, or the metric sum")
		}
		// An average is compared by a product of threshold and receipts.
		for i, v := range p.RFM.M.Thresholds {
			if v > kopilka.AmountMax {
				t.faultAt(fmt.Sprintf("/rfm/m/thresholds/%d", i), "%d is above the most of one receipt, %d", v, int64(kopilka.AmountMax))
			}
		}
	}
	if d.Segments == nil {
		p.RFM.Segments = six()
		return
	}
	p.RFM.Segments = t.segments(d.Segments)
}

func (t *tree) axis(at string, d *axisDoc) Axis {
	a := Axis{Quintiles: d.Quintiles}
	for i, v := range d.Thresholds {
		a.Thresholds[i] = v
		if i > 0 && v <= d.Thresholds[i-1] {
			t.faultAt(fmt.Sprintf("%s/thresholds/%d", at, i), "%d is not above the threshold before, %d", v, d.Thresholds[i-1])
		}
	}
	return a
}

func (t *tree) segments(entries []segmentDoc) Segments {
	names := []Segment{none}
	var rules []Rule
	for i, e := range entries {
		at := fmt.Sprintf("/rfm/segments/%d", i)
		if e.ID == none.ID {
			t.faultAt(at+"/id", "%s is the segment of members without purchases: take another id", none.ID)
		}
		n := slices.IndexFunc(names, func(s Segment) bool { return s.ID == e.ID })
		switch {
		case n < 0:
			n = len(names)
			if n == segmentsMax+1 {
				t.faultAt(at, "is segment %d; there may be %d", n, segmentsMax)
			}
			if e.Name == nil {
				e.Name = map[string]string{"en": e.ID}
			}
			names = append(names, Segment{e.ID, e.Name})
		case e.Name != nil && !maps.Equal(e.Name, names[n].Name):
			t.faultAt(at+"/name", "an earlier entry of %s has another name", e.ID)
		}
		rules = append(rules, Rule{uint8(n), t.scores(at+"/r", e.R), t.scores(at+"/f", e.F), t.scores(at+"/m", e.M)})
	}
	s, open, r, f, m := own(names, rules)
	switch {
	case len(t.faults) > 0: // which may be why a cell is open
	case open == 1:
		t.faultAt("/rfm/segments", "no entry holds r=%d f=%d m=%d", r, f, m)
	case open > 1:
		t.faultAt("/rfm/segments", "no entry holds r=%d f=%d m=%d, and %d more cells", r, f, m, open-1)
	}
	return s
}

func (t *tree) scores(at string, d []int) Scores {
	if d[0] > d[1] {
		t.faultAt(at, "ends at %d, before it begins at %d", d[1], d[0])
	}
	return Scores{d[0], d[1]}
}
