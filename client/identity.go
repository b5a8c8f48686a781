package client

import (
	"encoding/json"
	"iter"
	"net/url"
	"time"

	"github.com/kopilka/kopilka"
)

// Card is a card that leads to a member.
type Card struct {
	Card    string `json:"card"`
	Carrier string `json:"carrier"` // plastic, app, wallet, …
	Blocked bool   `json:"blocked"` // known, and may neither earn nor spend
}

// PutCard makes a card lead to a member, or changes one of his: fields that are
// empty stay as they are.
type PutCard struct {
	ID      string `json:"id,omitempty"`
	Carrier string `json:"carrier,omitempty"`
	Blocked *bool  `json:"blocked,omitempty"`
}

func member(card, rest string) string { return "/v1/members/" + url.PathEscape(card) + rest }

// PutCard makes number lead to the member of a card, or changes it.
func (c *Client) PutCard(card, number string, change PutCard) (*Card, error) {
	var out Card
	if _, err := c.call("PUT", member(card, "/cards/"+url.PathEscape(number)), change, &out); err != nil {
		return nil, err
	}
	return &out, nil
}

// AppCode is the short-lived code that a member's app shows to a till.
type AppCode struct {
	Code      string    `json:"code"`
	ExpiresAt time.Time `json:"expires_at"`
}

// NewCode makes a code for the member of a card. Nothing is recorded of it.
func (c *Client) NewCode(card string) (*AppCode, error) {
	var out AppCode
	if _, err := c.call("POST", member(card, "/codes"), nil, &out); err != nil {
		return nil, err
	}
	return &out, nil
}

// ByHand is why the office does something, and who does.
type ByHand struct {
	ID     string `json:"id"`
	Reason string `json:"reason"`
	Actor  string `json:"actor"`
}

// Merged is what a merge, or its undoing, brought from one member to another.
type Merged struct {
	Answer
	FromMemberID  string         `json:"from_member_id"`
	PointsMoved   kopilka.Points `json:"points_moved"`
	DebtMoved     kopilka.Points `json:"debt_moved"`
	ReceiptsMoved int64          `json:"receipts_moved"`
	AmountMoved   kopilka.Money  `json:"amount_moved"`
}

// Merge makes the member of the card from a part of the member of into.
func (c *Client) Merge(into, from string, why ByHand) (*Merged, error) {
	return c.merged(member(into, "/merge"), struct {
		ByHand
		From string `json:"from"`
	}{why, from})
}

// UndoMerge takes a merge back, by its id.
func (c *Client) UndoMerge(merge string, why ByHand) (*Merged, error) {
	return c.merged("/v1/merges/"+url.PathEscape(merge)+"/undo", why)
}

func (c *Client) merged(path string, in any) (*Merged, error) {
	var out Merged
	a, err := c.call("POST", path, in, &out)
	if err != nil {
		return nil, err
	}
	out.Replayed = a.replayed
	return &out, nil
}

// Erase forgets the person behind a card.
func (c *Client) Erase(card string, why ByHand) error {
	_, err := c.call("POST", member(card, "/erase"), why, nil)
	return err
}

// Export reads all that is known of the member of a card, as the server writes it.
func (c *Client) Export(card string) (json.RawMessage, error) {
	var out json.RawMessage
	_, err := c.call("GET", member(card, "/export"), nil, &out)
	return out, err
}

// ConsentEntry is a consent, or, with Given false, the end of one.
type ConsentEntry struct {
	Given       bool        `json:"given"`
	TextVersion string      `json:"text_version"`
	At          time.Time   `json:"at"`
	Source      string      `json:"source"`
	Seq         kopilka.Seq `json:"seq"`
	RecordedAt  time.Time   `json:"recorded_at"`
}

// Consents reads what a member agreed to and took back, the newest first.
func (c *Client) Consents(card string) iter.Seq2[ConsentEntry, error] {
	return pages[ConsentEntry](c, member(card, "/consents"))
}

// Note is what a contact centre wrote down about a member.
type Note struct {
	ID         string      `json:"id"`
	Text       string      `json:"text"`
	Actor      string      `json:"actor"`
	Seq        kopilka.Seq `json:"seq"`
	RecordedAt time.Time   `json:"recorded_at"`
}

// AddNote writes a note about the member of a card: ID, Text and Actor of it.
func (c *Client) AddNote(card string, n Note) error {
	_, err := c.call("POST", member(card, "/notes"), struct {
		ID    string `json:"id"`
		Text  string `json:"text"`
		Actor string `json:"actor"`
	}{n.ID, n.Text, n.Actor}, nil)
	return err
}

// Notes reads the notes about a member, the newest first.
func (c *Client) Notes(card string) iter.Seq2[Note, error] {
	return pages[Note](c, member(card, "/notes"))
}
