package client

import (
	"io"
	"iter"
	"net/url"
	"time"

	"github.com/kopilka/kopilka"
)

// NewAudience is members to be frozen: whom an expression means.
type NewAudience struct {
	ID      string     `json:"id"`
	Expr    string     `json:"expr"`
	Control kopilka.BP `json:"control_bp,omitempty"` // share to be held out, up to 9 000
	Name    string     `json:"name,omitempty"`
}

// Audience is members who were frozen at one position.
type Audience struct {
	ID         string          `json:"id"`
	Seq        kopilka.Seq     `json:"seq"`
	Name       string          `json:"name"`
	Expr       string          `json:"expr"`
	AsOf       string          `json:"as_of"` // business day, YYYY-MM-DD
	Control    kopilka.BP      `json:"control_bp"`
	Members    int64           `json:"members"`
	Addressed  int64           `json:"addressed"`
	HeldOut    int64           `json:"held_out"`
	RecordedAt time.Time       `json:"recorded_at"`
	Grants     []AudienceGrant `json:"grants"` // of one audience that is asked for alone
}

// AudienceGrant is points that the addressed of an audience were given.
type AudienceGrant struct {
	ID      string         `json:"id"`
	Seq     kopilka.Seq    `json:"seq"`
	Points  kopilka.Points `json:"points"`  // for each
	Members int64          `json:"members"` // who got them
	Total   int64          `json:"total"`   // who stood for the addressed
}

func audience(id, rest string) string { return "/v1/audiences/" + url.PathEscape(id) + rest }

// Freeze freezes whom an expression means.
func (c *Client) Freeze(n NewAudience) (*Audience, error) {
	var out Audience
	if _, err := c.call("POST", "/v1/audiences", n, &out); err != nil {
		return nil, err
	}
	return &out, nil
}

// Audiences walks over all audiences, the newest first.
func (c *Client) Audiences() iter.Seq2[Audience, error] { return pages[Audience](c, "/v1/audiences") }

// Audience reads one audience, with what was granted to it.
func (c *Client) Audience(id string) (*Audience, error) {
	var out Audience
	if _, err := c.call("GET", audience(id, ""), nil, &out); err != nil {
		return nil, err
	}
	return &out, nil
}

// AudienceCSV writes the members of a group, addressed or held_out, to w as the
// server streams them.
func (c *Client) AudienceCSV(w io.Writer, id, group string) error {
	return c.csv(w, request{method: "GET", path: audience(id, "/members?group="+url.QueryEscape(group))})
}

// GrantAudience gives points to every member who was addressed.
func (c *Client) GrantAudience(id string, points kopilka.Points, why ByHand) (*AudienceGrant, error) {
	var out AudienceGrant
	body := struct {
		ByHand
		Points kopilka.Points `json:"points"`
	}{why, points}
	if _, err := c.call("POST", audience(id, "/grants"), body, &out); err != nil {
		return nil, err
	}
	return &out, nil
}
