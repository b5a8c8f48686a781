package client

import (
	"encoding/json"
	"io"
	"net/url"

	"github.com/kopilka/kopilka"
	"github.com/valyala/fasthttp"
)

// Segments is how all members fall into segments.
type Segments struct {
	Data    []Segment   `json:"data"`
	Members int64       `json:"members"`
	AsOf    string      `json:"as_of"` // business day, YYYY-MM-DD
	Seq     kopilka.Seq `json:"seq"`
}

// Segment is one of them.
type Segment struct {
	ID       string            `json:"id"`
	Name     map[string]string `json:"name"` // by language
	Members  int64             `json:"members"`
	ShareBP  int               `json:"share_bp"`
	Turnover kopilka.Money     `json:"turnover"`
}

// Segments counts the members of every segment at the end of a business day
// (YYYY-MM-DD), or now when asOf is empty.
func (c *Client) Segments(asOf string) (*Segments, error) {
	var s Segments
	if _, err := c.call("GET", query("/v1/segments", "as_of", asOf), nil, &s); err != nil {
		return nil, err
	}
	return &s, nil
}

// RFM is the rule of segments with every cell of R×F×M.
type RFM struct {
	AsOf       string          `json:"as_of"`
	Seq        kopilka.Seq     `json:"seq"`
	Members    int64           `json:"members"`
	Rule       json.RawMessage `json:"rule"` // the part rfm of the program's document
	Boundaries Boundaries      `json:"boundaries"`
	Cells      []Cell          `json:"cells"`
	None       Tally           `json:"none"` // without a live receipt ever
}

// Boundaries are the four cut points of each axis; nil where nobody can reach one.
type Boundaries struct{ R, F, M [4]*int64 }

// Cell is the members with the same three scores.
type Cell struct {
	R       int    `json:"r"`
	F       int    `json:"f"`
	M       int    `json:"m"`
	Segment string `json:"segment"`
	Tally
}

// Tally is how many members, and what they bought in the window.
type Tally struct {
	Members  int64         `json:"members"`
	Receipts int64         `json:"receipts"`
	Amount   kopilka.Money `json:"amount"`
}

// RFM reads the rule in force, its boundaries and every cell at the end of a
// business day (YYYY-MM-DD), or now when asOf is empty.
func (c *Client) RFM(asOf string) (*RFM, error) {
	var r RFM
	if _, err := c.call("GET", query("/v1/rfm", "as_of", asOf), nil, &r); err != nil {
		return nil, err
	}
	return &r, nil
}

// SegmentCSV writes the members of a segment to w as the server streams them.
func (c *Client) SegmentCSV(w io.Writer, segment, asOf string) error {
	return c.csv(w, request{method: "GET", path: query("/v1/segments/"+url.PathEscape(segment)+"/members", "as_of", asOf)})
}

// RFMCSV writes every member's recency, frequency, money, scores and segment to w.
func (c *Client) RFMCSV(w io.Writer, asOf string) error {
	return c.csv(w, request{method: "GET", path: query("/v1/rfm/members", "as_of", asOf)})
}

// csv sends a request and copies the answer to w, as CSV.
func (c *Client) csv(w io.Writer, r request) error {
	r.accept = "text/csv"
	r.stream = func(r *fasthttp.Response) error { return r.BodyWriteTo(w) }
	_, err := c.do(r)
	return err
}
