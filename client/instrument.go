package client

import (
	"io"
	"net/url"
	"time"

	"github.com/kopilka/kopilka"
)

// Certificate is a value that a member has beside his points.
type Certificate struct {
	ID        string         `json:"id"` // of its rule in the program
	Left      kopilka.Points `json:"left"`
	ValidFrom string         `json:"valid_from"` // first and last business day on which it pays
	ValidTo   string         `json:"valid_to"`
}

// NewCertificate is a certificate of the program to be given by hand.
type NewCertificate struct {
	ID          string         `json:"id"`
	Certificate string         `json:"certificate"`
	Points      kopilka.Points `json:"points,omitempty"`     // 0: as the program says
	ValidDays   int            `json:"valid_days,omitempty"` // likewise
	Reason      string         `json:"reason"`
	Actor       string         `json:"actor"`
}

// GiveCertificate gives the member of a card a certificate.
func (c *Client) GiveCertificate(card string, n NewCertificate) (*Certificate, error) {
	var out struct {
		Certificate
		Rule string `json:"certificate"`
	}
	if _, err := c.call("POST", member(card, "/certificates"), n, &out); err != nil {
		return nil, err
	}
	out.ID = out.Rule
	return &out.Certificate, nil
}

// Instrument is what an instrument of the program has done.
type Instrument struct {
	ID         string            `json:"id"`
	Name       map[string]string `json:"name"` // by language
	Kind       string            `json:"kind"` // gift_certificate, coupon, discount_card
	Code       string            `json:"code"` // of a coupon that all share
	Emitted    int64             `json:"emitted"`
	Uses       int64             `json:"uses"`
	Points     int64             `json:"points"`      // value or discount given
	BudgetLeft *int64            `json:"budget_left"` // nil: no bound
	StartsAt   *time.Time        `json:"starts_at"`
	EndsAt     *time.Time        `json:"ends_at"`
}

// Instruments lists the instruments of the program in force.
func (c *Client) Instruments() ([]Instrument, error) {
	var out struct {
		Data []Instrument `json:"data"`
	}
	_, err := c.call("GET", "/v1/instruments", nil, &out)
	return out.Data, err
}

// Emission is numbers of an instrument that were made at once.
type Emission struct {
	ID         string      `json:"id"`
	Seq        kopilka.Seq `json:"seq"`
	Instrument string      `json:"instrument"`
	Prefix     string      `json:"prefix"`
	Count      int         `json:"count"`
	First      string      `json:"first"`
	ValidFrom  string      `json:"valid_from"`
	ValidTo    string      `json:"valid_to"` // empty: without end
}

// Emit makes count numbers of an instrument, under a prefix or, when that is empty,
// under the program's.
func (c *Client) Emit(instrument, id string, count int, prefix string) (*Emission, error) {
	var out Emission
	_, err := c.call("POST", "/v1/instruments/"+url.PathEscape(instrument)+"/emissions", struct {
		ID     string `json:"id"`
		Count  int    `json:"count"`
		Prefix string `json:"prefix,omitempty"`
	}{id, count, prefix}, &out)
	if err != nil {
		return nil, err
	}
	return &out, nil
}

// Numbers copies the numbers of an emission to w, as CSV.
func (c *Client) Numbers(w io.Writer, instrument, emission string) error {
	return c.csv(w, request{method: "GET", path: query("/v1/instruments/"+url.PathEscape(instrument)+"/numbers", "emission", emission)})
}

// Number is what a number or a code is that a till was shown.
type Number struct {
	Number     string         `json:"number"`
	Instrument string         `json:"instrument"`
	Kind       string         `json:"kind"`
	Value      kopilka.Points `json:"value"` // of a gift certificate when it was new
	Left       kopilka.Points `json:"left"`
	Uses       int64          `json:"uses"`
	UsesMax    int64          `json:"uses_max"`   // 0: no bound
	ValidFrom  string         `json:"valid_from"` // empty for a code
	ValidTo    string         `json:"valid_to"`   // empty: without end
	Good       bool           `json:"good"`       // it can be used now, as far as that does not depend on the receipt
}

// Number looks a number or a code up.
func (c *Client) Number(number string) (*Number, error) {
	var out Number
	if _, err := c.call("GET", "/v1/numbers/"+url.PathEscape(number), nil, &out); err != nil {
		return nil, err
	}
	return &out, nil
}
