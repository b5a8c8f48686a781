package client

import (
	"encoding/json"
	"net/url"
	"strconv"
	"time"

	"github.com/kopilka/kopilka"
)

// Books is the sums over all members, as the ledger's entries add up.
type Books struct {
	Seq               kopilka.Seq    `json:"seq"`
	Members           int64          `json:"members"`
	Receipts          int64          `json:"receipts"` // of members
	AnonymousReceipts int64          `json:"anonymous_receipts"`
	Returns           int64          `json:"returns"`
	Points            kopilka.Points `json:"points"` // what all entries add up to
	Debt              kopilka.Points `json:"debt"`
	Earned            kopilka.Points `json:"earned"`
	Granted           kopilka.Points `json:"granted"`
	Adjusted          kopilka.Points `json:"adjusted"` // signed
	Legs              kopilka.Points `json:"legs"`     // welcomes and referrals, less what returns took of them
	Redeemed          kopilka.Points `json:"redeemed"`
	Restored          kopilka.Points `json:"restored"`
	Lapsed            kopilka.Points `json:"lapsed"`
	Taken             kopilka.Points `json:"taken"`
	Expired           kopilka.Points `json:"expired"`
	Forfeited         kopilka.Points `json:"forfeited"`
	Hash              string         `json:"hash"` // of the whole state; empty unless asked for
	HashSeq           kopilka.Seq    `json:"hash_seq"`
}

// Books reads the sums over all members, with the hash of the whole state when
// hash is set.
func (c *Client) Books(hash bool) (*Books, error) {
	params := ""
	if hash {
		params = "true"
	}
	var b Books
	if _, err := c.call("GET", query("/v1/books", "hash", params), nil, &b); err != nil {
		return nil, err
	}
	return &b, nil
}

// Program is a version of the rules.
type Program struct {
	Version      int             `json:"version"` // counted from 1
	Seq          kopilka.Seq     `json:"seq"`
	InForceSince time.Time       `json:"in_force_since"`
	Program      json.RawMessage `json:"program"` // the document, completed with its defaults
	// Scheduled is the program that waits for its instant, when one does; of the
	// program in force only.
	Scheduled *ScheduledProgram `json:"scheduled"`
}

// ScheduledProgram is rules that are not in force yet.
type ScheduledProgram struct {
	Seq         kopilka.Seq     `json:"seq"`
	InForceFrom time.Time       `json:"in_force_from"`
	Program     json.RawMessage `json:"program"`
}

// Program reads the program in force, and the one that waits.
func (c *Client) Program() (*Program, error) {
	var p Program
	if _, err := c.call("GET", "/v1/program", nil, &p); err != nil {
		return nil, err
	}
	return &p, nil
}

// PutProgram puts a program, a document in YAML or JSON, in force at once. A
// document at fault is a *Problem with the places in Errors.
func (c *Client) PutProgram(id string, document []byte) error {
	_, err := c.do(request{method: "PUT", path: "/v1/program", body: document, contentType: "application/yaml", command: true, id: id})
	return err
}

// ScheduleProgram puts a program in force from an instant on, in place of the one that
// waited before.
func (c *Client) ScheduleProgram(id string, document []byte, at time.Time) error {
	_, err := c.do(request{method: "PUT", path: query("/v1/program", "at", at.Format(time.RFC3339Nano)), body: document,
		contentType: "application/yaml", command: true, id: id})
	return err
}

// WithdrawProgram withdraws the program that waits for its instant.
func (c *Client) WithdrawProgram(id string) error {
	_, err := c.do(request{method: "DELETE", path: "/v1/program/scheduled", command: true, id: id})
	return err
}

// ProgramHistory lists a page of the programs that were ever in force, the newest
// first, from a cursor on or from the beginning when it is empty; next is the cursor
// of the page behind it, empty when there is none. A limit of 0 is the server's choice.
func (c *Client) ProgramHistory(limit int, cursor string) (versions []Program, next string, err error) {
	var out struct {
		Data       []Program `json:"data"`
		NextCursor string    `json:"next_cursor"`
	}
	most := ""
	if limit > 0 {
		most = strconv.Itoa(limit)
	}
	_, err = c.call("GET", query("/v1/program/history", "limit", most, "cursor", cursor), nil, &out)
	return out.Data, out.NextCursor, err
}

// CheckProgram tells whether a document could be put in force, and changes nothing.
func (c *Client) CheckProgram(document []byte) error {
	_, err := c.do(request{method: "PUT", path: "/v1/program?dry_run=true", body: document, contentType: "application/yaml"})
	return err
}

// NewKey is an API key to be made.
type NewKey struct {
	ID    string `json:"id,omitempty"`     // of the command
	KeyID string `json:"key_id,omitempty"` // 1–16 of a–z and 0–9; empty: the server's choice
	Role  string `json:"role"`             // till, analyst, admin
	Store string `json:"store,omitempty"`
	Note  string `json:"note,omitempty"`
}

// Key is an API key. Key itself is only in the answer that made it, not even in
// its replay.
type Key struct {
	KeyID     string    `json:"key_id"`
	Key       string    `json:"key"`
	Role      string    `json:"role"`
	Store     string    `json:"store"`
	Note      string    `json:"note"`
	CreatedAt time.Time `json:"created_at"`
	Revoked   bool      `json:"revoked"`
}

// CreateKey makes an API key, which is shown this once.
func (c *Client) CreateKey(k NewKey) (*Key, error) {
	var out Key
	if _, err := c.call("POST", "/v1/keys", k, &out); err != nil {
		return nil, err
	}
	return &out, nil
}

// Keys lists all API keys, without their secrets.
func (c *Client) Keys() (all []Key, err error) {
	for path := "/v1/keys"; path != ""; {
		var page struct {
			Data       []Key  `json:"data"`
			NextCursor string `json:"next_cursor"`
		}
		if _, err := c.call("GET", path, nil, &page); err != nil {
			return nil, err
		}
		all = append(all, page.Data...)
		if path = ""; page.NextCursor != "" {
			path = "/v1/keys?cursor=" + url.QueryEscape(page.NextCursor)
		}
	}
	return all, nil
}

// RevokeKey ends a key.
func (c *Client) RevokeKey(keyID string) error {
	_, err := c.do(request{method: "DELETE", path: "/v1/keys/" + url.PathEscape(keyID), command: true})
	return err
}

// Clock is the server's time and the position of its log.
func (c *Client) Clock() (time.Time, error) { return c.clock("GET", nil) }

// SetClock moves the clock of a server that runs with --test-clock, forward only.
func (c *Client) SetClock(now time.Time) (time.Time, error) {
	return c.clock("POST", struct {
		Now time.Time `json:"now"`
	}{now})
}

func (c *Client) clock(method string, in any) (time.Time, error) {
	var out struct {
		Now time.Time `json:"now"`
	}
	_, err := c.call(method, "/v1/clock", in, &out)
	return out.Now, err
}

// Ready tells whether the server takes requests: nil when it does.
func (c *Client) Ready() error {
	_, err := c.do(request{method: "GET", path: "/readyz"})
	return err
}
