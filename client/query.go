package client

import (
	"encoding/json"
	"fmt"
	"io"

	"github.com/kopilka/kopilka"
)

// Query asks for members by an expression, such as "core & age:30..45 & !blocked".
type Query struct {
	Expr   string `json:"expr"`
	Limit  int    `json:"limit,omitempty"`  // 1–1000: a page of members; 0: only how many
	Cursor string `json:"cursor,omitempty"` // NextCursor of the page before
}

// Selection is whom an expression means.
type Selection struct {
	Count      int64       `json:"count"`
	AsOf       string      `json:"as_of"` // business day, YYYY-MM-DD
	Seq        kopilka.Seq `json:"seq"`
	Expr       string      `json:"expr"` // as it was understood; it can be sent back
	Data       []Selected  `json:"data"`
	NextCursor string      `json:"next_cursor"` // empty: no more
}

// Selected is a member with where he stands.
type Selected struct {
	MemberID    string        `json:"member_id"`
	Card        string        `json:"card"`
	RecencyDays *int          `json:"recency_days"` // nil: never bought
	Frequency   int64         `json:"frequency"`
	Monetary    kopilka.Money `json:"monetary"`
	R           int           `json:"r"` // scores from 1 to 5; 0: never bought
	F           int           `json:"f"`
	M           int           `json:"m"`
	Segment     string        `json:"segment"`
}

// queryPath is a route that is posted to and changes nothing.
const queryPath = "/v1/segments/query"

// Query counts the members whom an expression means and, with a limit, shows a page
// of them. An expression at fault is a *Problem that says where.
func (c *Client) Query(q Query) (*Selection, error) {
	var out Selection
	if _, err := c.call("POST", queryPath, q, &out); err != nil {
		return nil, err
	}
	return &out, nil
}

// QueryCSV writes all members whom an expression means to w as the server streams them.
func (c *Client) QueryCSV(w io.Writer, expr string) error {
	body, err := json.Marshal(Query{Expr: expr})
	if err != nil {
		return fmt.Errorf("client: POST %s: %w", queryPath, err)
	}
	return c.csv(w, request{method: "POST", path: queryPath, body: body})
}
