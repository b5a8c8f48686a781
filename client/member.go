package client

import (
	"iter"
	"net/url"
	"strconv"
	"time"

	"github.com/kopilka/kopilka"
)

// PutMember enrols a member or changes one: fields that are empty stay as they are.
type PutMember struct {
	ID           string         `json:"id,omitempty"`
	Card         string         `json:"card,omitempty"`
	Phone        string         `json:"phone,omitempty"` // E.164
	Name         string         `json:"name,omitempty"`
	BirthDate    string         `json:"birth_date,omitempty"` // YYYY-MM-DD
	Sex          string         `json:"sex,omitempty"`        // f, m
	Store        string         `json:"store,omitempty"`
	RegisteredAt time.Time      `json:"registered_at,omitzero"`
	Referrer     string         `json:"referrer,omitempty"` // card of the member who invited
	Source       string         `json:"source,omitempty"`
	State        string         `json:"state,omitempty"` // registered, installed
	Blocked      *bool          `json:"blocked,omitempty"`
	Consent      *Consent       `json:"consent,omitempty"`
	Attributes   map[string]any `json:"attributes,omitempty"`
	Cashier      string         `json:"cashier,omitempty"` // who enrols
	Carrier      string         `json:"carrier,omitempty"` // what the card is: plastic, app, wallet, …
	Tier         string         `json:"tier,omitempty"`    // to be set by hand
}

// Consent is what a member agreed to, when and where.
type Consent struct {
	TextVersion string    `json:"text_version"`
	At          time.Time `json:"at"`
	Source      string    `json:"source"`
}

// Member is how a member stands.
type Member struct {
	MemberID string         `json:"member_id"`
	Card     string         `json:"card"`
	State    string         `json:"state"`
	Blocked  bool           `json:"blocked"`
	Balance  kopilka.Points `json:"balance"`
	Pending  kopilka.Points `json:"pending"`
	Held     kopilka.Points `json:"held"`
	Debt     kopilka.Points `json:"debt"`
	Tier     string         `json:"tier"`
	Lots     []Lot          `json:"lots"` // soonest to expire first
	RFM      RFMStanding    `json:"rfm"`
	Segment  string         `json:"segment"`
	Seq      kopilka.Seq    `json:"seq"` // position of the log that this was read at

	Cards        []Card        `json:"cards"` // the one that enrolled first
	Certificates []Certificate `json:"certificates"`
	Holds        []HeldFor     `json:"holds"`
	Notes        int           `json:"notes"` // how many the contact centre has written

	TierProgress *TierProgress `json:"tier_progress"`
	NextExpiry   *NextExpiry   `json:"next_expiry"`
	LastReceipt  *LastReceipt  `json:"last_receipt"`

	// The profile; empty in answers that do not show it.
	Phone        string         `json:"phone"`
	Name         string         `json:"name"`
	BirthDate    string         `json:"birth_date"`
	Sex          string         `json:"sex"`
	Store        string         `json:"store"`
	Source       string         `json:"source"`
	RegisteredAt time.Time      `json:"registered_at"`
	Referrer     string         `json:"referrer"`
	Consent      *Consent       `json:"consent"`
	Attributes   map[string]any `json:"attributes"`
}

// HeldFor is points that are set aside for an order.
type HeldFor struct {
	ID        string         `json:"id"` // of the hold
	Points    kopilka.Points `json:"points"`
	ExpiresAt time.Time      `json:"expires_at"`
}

// TierProgress is how far it is to the next tier.
type TierProgress struct {
	Metric   string `json:"metric"` // spend, count, manual, segment
	Value    int64  `json:"value"`
	NextTier string `json:"next_tier"` // empty in the highest
	Missing  int64  `json:"missing"`
}

// LastReceipt is the newest receipt that the log has of a member.
type LastReceipt struct {
	ID     string        `json:"id"`
	Seq    kopilka.Seq   `json:"seq"`
	At     time.Time     `json:"at"`
	Amount kopilka.Money `json:"amount"`
}

// Lot is points with the times between which they can be spent.
type Lot struct {
	Left        kopilka.Points `json:"left"`
	ActivatesAt *time.Time     `json:"activates_at"` // nil: can be spent now
	ExpiresAt   *time.Time     `json:"expires_at"`   // nil: never
}

// RFMStanding is a member's recency, frequency and money, with their scores.
type RFMStanding struct {
	RecencyDays *int          `json:"recency_days"` // nil: no purchase
	Frequency   int           `json:"frequency"`
	Monetary    kopilka.Money `json:"monetary"`
	R           int           `json:"r"`
	F           int           `json:"f"`
	M           int           `json:"m"`
}

// PutMember enrols the member of m.Card, or changes them.
func (c *Client) PutMember(m PutMember) (*Answer, error) {
	path := "/v1/members/" + url.PathEscape(m.Card)
	m.Card = "" // named by the path
	var out Answer
	a, err := c.call("PUT", path, m, &out)
	if err != nil {
		return nil, err
	}
	out.Replayed = a.replayed
	return &out, nil
}

// Member reads how the member of a card stands, at a position of the log that
// is minSeq or later.
func (c *Client) Member(card string, minSeq kopilka.Seq) (*Member, error) {
	var m Member
	if _, err := c.call("GET", query("/v1/members/"+url.PathEscape(card), "min_seq", seqParam(minSeq)), nil, &m); err != nil {
		return nil, err
	}
	return &m, nil
}

func seqParam(s kopilka.Seq) string {
	if s == 0 {
		return ""
	}
	return strconv.FormatUint(uint64(s), 10)
}

// FindMembers finds members by card, phone or the beginning of a name.
func (c *Client) FindMembers(q string) iter.Seq2[Member, error] {
	return pages[Member](c, "/v1/members", "q", q)
}

// Entry is one line of a member's ledger. The points of all entries add up to
// balance + pending + held − debt.
type Entry struct {
	Kind       string         `json:"kind"` // earn, redeem, grant, adjust, restore, lapse, take, debt, expire
	Points     kopilka.Points `json:"points"`
	Seq        kopilka.Seq    `json:"seq"` // of the command that made it; 0 for what expired since the last one
	ID         string         `json:"id"`
	At         time.Time      `json:"at"` // when it happened; RecordedAt is when the log heard of it
	RecordedAt time.Time      `json:"recorded_at"`
	Amount     kopilka.Money  `json:"amount"`
	Store      string         `json:"store"`
	Receipt    string         `json:"receipt"` // of returns
	Reason     string         `json:"reason"`
	Actor      string         `json:"actor"`
}

// Ledger reads a member's entries, the newest first.
func (c *Client) Ledger(card string) iter.Seq2[Entry, error] {
	return pages[Entry](c, "/v1/members/"+url.PathEscape(card)+"/ledger")
}

// pages reads a list page after page. After an error it ends.
func pages[T any](c *Client, path string, params ...string) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		cursor := ""
		for {
			var page struct {
				Data       []T    `json:"data"`
				NextCursor string `json:"next_cursor"`
			}
			if _, err := c.call("GET", query(path, append(params[:len(params):len(params)], "cursor", cursor)...), nil, &page); err != nil {
				var none T
				yield(none, err)
				return
			}
			for _, row := range page.Data {
				if !yield(row, nil) {
					return
				}
			}
			if cursor = page.NextCursor; cursor == "" {
				return
			}
		}
	}
}
