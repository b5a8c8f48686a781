package program

import (
	"encoding/json"
	"maps"

	"github.com/kopilka/kopilka"
)

// document is a program as it is written. A pointer or an empty list stands
// for an absent key.
type document struct {
	Program         string        `json:"program"`
	Currency        string        `json:"currency"`
	MinorUnits      int           `json:"minor_units"`
	TimeZone        string        `json:"time_zone"`
	EarnBase        string        `json:"earn_base"`
	Rounding        string        `json:"rounding"`
	Tiers           []tierDoc     `json:"tiers"`
	TierPolicy      tierPolicyDoc `json:"tier_policy"`
	Expiry          expiryDoc     `json:"expiry"`
	PendingDays     int           `json:"pending_days"`
	Returns         returnsDoc    `json:"returns"`
	RedeemAllowedBy []string      `json:"redeem_allowed_by"`
	offerDoc
	RFM rfmDoc `json:"rfm"`
}

type tierDoc struct {
	ID          string            `json:"id"`
	Name        map[string]string `json:"name"`
	EarnBP      kopilka.BP        `json:"earn_bp"`
	MaxRedeemBP *kopilka.BP       `json:"max_redeem_bp"`
	Threshold   int64             `json:"threshold"`
	Segments    []string          `json:"segments,omitempty"`
}

type tierPolicyDoc struct {
	Metric     string `json:"metric"`
	WindowDays int    `json:"window_days"`
	Downgrade  string `json:"downgrade"`
}

type expiryDoc struct {
	Policy string `json:"policy"`
	Months int    `json:"months,omitempty"`
}

type returnsDoc struct {
	SpentPoints string `json:"spent_points"`
	Welcome     string `json:"welcome"`
	Once        string `json:"once"`
	Tier        string `json:"tier"`
}

type rfmDoc struct {
	WindowDays int         `json:"window_days"`
	Metric     string      `json:"metric"`
	Boundaries string      `json:"boundaries"`
	R          axisDoc     `json:"r"`
	F          axisDoc     `json:"f"`
	M          axisDoc     `json:"m"`
	Segments   segmentsDoc `json:"segments"`
}

type axisDoc struct {
	Thresholds []int64 `json:"thresholds,omitempty"`
	Quintiles  bool    `json:"quintiles,omitempty"`
}

// segmentsDoc is a list of entries, or the word six when it has none.
type segmentsDoc []segmentDoc

type segmentDoc struct {
	ID   string            `json:"id"`
	Name map[string]string `json:"name,omitempty"`
	R    []int             `json:"r,omitempty"`
	F    []int             `json:"f,omitempty"`
	M    []int             `json:"m,omitempty"`
}

func (s *segmentsDoc) UnmarshalJSON(b []byte) error {
	*s = nil
	if b[0] == '"' {
		return nil // the schema knows no word but six
	}
	return json.Unmarshal(b, (*[]segmentDoc)(s))
}

func (s segmentsDoc) MarshalJSON() ([]byte, error) {
	if s == nil {
		return []byte(`"six"`), nil
	}
	return json.Marshal([]segmentDoc(s))
}

// absent is a document of no keys: what each key is worth where it is not
// written, except inside lists, which complete sees to.
func absent() document {
	return document{
		Currency:   "XXX",
		MinorUnits: 2,
		TimeZone:   "UTC",
		EarnBase:   Total.String(),
		Rounding:   roundingWords[kopilka.Floor],
		TierPolicy: tierPolicyDoc{BySpend.String(), 365, DowngradeNone.String()},
		Expiry:     expiryDoc{Policy: NoExpiry.String()},
		Returns:    returnsDoc{returnsWords[kopilka.WithinBalance], keepWord, keepWord, keepWord},
		offerDoc:   offerDoc{AppCode: appCodeDoc{codeMinutes}},
		RFM:        rfmDoc{WindowDays: 365, Metric: Sum.String(), Boundaries: Live.String()},
	}
}

// complete puts in what absent could not.
func (d *document) complete() {
	if d.Tiers == nil {
		d.Tiers = []tierDoc{{ID: "base"}}
	}
	for i := range d.Tiers {
		t := &d.Tiers[i]
		completeName(&t.Name, t.ID)
		completeCap(&t.MaxRedeemBP)
	}
	if d.RedeemAllowedBy == nil {
		for _, n := range namings {
			d.RedeemAllowedBy = append(d.RedeemAllowedBy, n.String())
		}
	}
	d.offerDoc.complete()
	d.RFM.R.complete(30, 90, 180, 365)
	d.RFM.F.complete(2, 3, 5, 8)
	d.RFM.M.complete(500_000, 2_000_000, 5_000_000, 15_000_000)
	for i := range d.RFM.Segments {
		s := &d.RFM.Segments[i]
		for _, scores := range []*[]int{&s.R, &s.F, &s.M} {
			if *scores == nil {
				*scores = []int{1, 5}
			}
		}
	}
}

func (a *axisDoc) complete(thresholds ...int64) {
	if a.Thresholds == nil && !a.Quintiles {
		a.Thresholds = thresholds
	}
}

// Document is the program in its canonical form: JSON on one line, keys in one
// order, every key written but those of which there is no rule. Parse of it gives an equal program, of which it is
// again the document; the log holds programs so.
func (p *Program) Document() []byte {
	d := document{
		Program:     p.Name,
		Currency:    p.Currency,
		MinorUnits:  p.MinorUnits,
		TimeZone:    p.TimeZone,
		EarnBase:    p.EarnBase.String(),
		Rounding:    roundingWords[p.Rounding],
		TierPolicy:  tierPolicyDoc{p.TierPolicy.Metric.String(), p.TierPolicy.WindowDays, p.TierPolicy.Downgrade.String()},
		Expiry:      expiryDoc{p.Expiry.Policy.String(), p.Expiry.Months},
		PendingDays: p.PendingDays,
		Returns: returnsDoc{returnsWords[p.Returns], keepOrTake(p.Takes, kopilka.TakeWelcome),
			keepOrTake(p.Takes, kopilka.TakeOnce), keepOrTake(p.Takes, kopilka.TakeTier)},
		RedeemAllowedBy: []string{},
		offerDoc:        p.offers(),
		RFM: rfmDoc{
			WindowDays: p.RFM.WindowDays,
			Metric:     p.RFM.Metric.String(),
			Boundaries: p.RFM.Boundaries.String(),
			R:          p.RFM.R.document(),
			F:          p.RFM.F.document(),
			M:          p.RFM.M.document(),
			Segments:   p.RFM.Segments.document(),
		},
	}
	for i := range p.Tiers {
		t := &p.Tiers[i]
		d.Tiers = append(d.Tiers, tierDoc{t.ID, t.Name, t.EarnBP, &t.MaxRedeemBP, t.Threshold, p.segmentIDs(t.Segments)})
	}
	for _, n := range namings {
		if p.RedeemAllowedBy[n] {
			d.RedeemAllowedBy = append(d.RedeemAllowedBy, n.String())
		}
	}
	b, err := json.Marshal(&d)
	if err != nil {
		panic("program: write a document: " + err.Error())
	}
	return b
}

func (a *Axis) document() axisDoc {
	if a.Quintiles {
		return axisDoc{Quintiles: true}
	}
	return axisDoc{Thresholds: a.Thresholds[:]}
}

// document names a segment where it comes first and nowhere else.
func (s *Segments) document() segmentsDoc {
	var d segmentsDoc
	named := 0
	for _, r := range s.Rules {
		e := segmentDoc{ID: s.Names[r.Segment].ID,
			R: []int{r.R.From, r.R.To}, F: []int{r.F.From, r.F.To}, M: []int{r.M.From, r.M.To}}
		if int(r.Segment) > named {
			named = int(r.Segment)
			e.Name = maps.Clone(s.Names[r.Segment].Name)
		}
		d = append(d, e)
	}
	return d
}
