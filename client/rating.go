package client

import (
	"encoding/json"
	"net/url"
	"time"

	"github.com/kopilka/kopilka"
)

// Rating is what a buyer thought of a receipt.
type Rating struct {
	ID    string `json:"id,omitempty"`
	Stars int    `json:"stars"` // 1–5
	Text  string `json:"text,omitempty"`
}

// StoredRating is the newest rating of a receipt.
type StoredRating struct {
	Stars      int         `json:"stars"`
	Text       string      `json:"text"`
	Seq        kopilka.Seq `json:"seq"`
	RecordedAt time.Time   `json:"recorded_at"`
}

// Rate tells what a buyer thought of a receipt.
func (c *Client) Rate(receipt string, r Rating) (*Answer, error) {
	var out Answer
	a, err := c.call("PUT", "/v1/receipts/"+url.PathEscape(receipt)+"/rating", r, &out)
	if err != nil {
		return nil, err
	}
	out.Replayed = a.replayed
	return &out, nil
}

// Explain tells how a receipt came about, as the server's JSON.
func (c *Client) Explain(receipt string) (json.RawMessage, error) {
	var out json.RawMessage
	_, err := c.call("GET", "/v1/receipts/"+url.PathEscape(receipt)+"/explain", nil, &out)
	return out, err
}
