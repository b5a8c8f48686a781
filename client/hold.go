package client

import (
	"net/url"
	"time"

	"github.com/kopilka/kopilka"
)

// Hold sets points aside for an order.
type Hold struct {
	ID string `json:"id,omitempty"`
	Buyer
	Deed
	Points    kopilka.Points `json:"points"`
	ExpiresAt time.Time      `json:"expires_at,omitzero"` // zero = in 24 hours
}

// Capture spends points of a hold; zero Points are all of them. What it does not
// spend is free.
type Capture struct {
	ID   string `json:"id,omitempty"`
	Hold string `json:"hold,omitempty"` // id of the hold
	Deed
	Points Spend         `json:"points,omitempty"`
	Amount kopilka.Money `json:"amount,omitempty"` // of the goods that it pays for in part
}

// Void gives a hold up.
type Void struct {
	ID   string `json:"id,omitempty"`
	Hold string `json:"hold,omitempty"` // id of the hold
	Deed
}

// Hold sets points aside.
func (c *Client) Hold(h Hold) (*Answer, error) { return c.till("/v1/holds", h) }

// Capture spends points of a hold.
func (c *Client) Capture(x Capture) (*Answer, error) {
	path := holdPath(x.Hold) + "/capture"
	x.Hold = "" // named by the path
	return c.till(path, x)
}

// Void frees the points of a hold.
func (c *Client) Void(x Void) (*Answer, error) {
	path := holdPath(x.Hold) + "/void"
	x.Hold = "" // named by the path
	return c.till(path, x)
}

func holdPath(id string) string { return "/v1/holds/" + url.PathEscape(id) }

// StoredHold is a hold as the log has it.
type StoredHold struct {
	Deed
	ID         string         `json:"id"`
	Seq        kopilka.Seq    `json:"seq"`
	MemberID   string         `json:"member_id"`
	State      string         `json:"state"` // open, captured, voided, lapsed, forfeited
	Points     kopilka.Points `json:"points"`
	ExpiresAt  time.Time      `json:"expires_at"`
	End        *HoldEnd       `json:"end"` // nil while it is open, and when it lapsed or was forfeited
	RecordedAt time.Time      `json:"recorded_at"`
}

// HoldEnd is what ended a hold.
type HoldEnd struct {
	Kind       string         `json:"kind"` // capture, void, receipt
	ID         string         `json:"id"`
	Seq        kopilka.Seq    `json:"seq"`
	Redeemed   kopilka.Points `json:"redeemed"`
	Freed      kopilka.Points `json:"freed"`
	RecordedAt time.Time      `json:"recorded_at"`
}

// FindHold reads a hold by its id.
func (c *Client) FindHold(id string) (*StoredHold, error) {
	var out StoredHold
	if _, err := c.call("GET", holdPath(id), nil, &out); err != nil {
		return nil, err
	}
	return &out, nil
}
