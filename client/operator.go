package client

import (
	"encoding/json"
	"net/url"
	"strconv"
	"time"
)

// Books reads the sums over all members: one JSON object, as the reference has it.
func (c *Client) Books() (json.RawMessage, error) { return c.raw("/v1/books") }

// RFM reads the rule of segments in force, its boundaries and every cell at the
// end of a business day (YYYY-MM-DD), or now when asOf is empty: one JSON object.
func (c *Client) RFM(asOf string) (json.RawMessage, error) {
	return c.raw(query("/v1/rfm", "as_of", asOf))
}

// Program reads the program in force: one JSON object.
func (c *Client) Program() (json.RawMessage, error) { return c.raw("/v1/program") }

func (c *Client) raw(path string) (json.RawMessage, error) {
	var out json.RawMessage
	_, err := c.call("GET", path, nil, &out)
	return out, err
}

// PutProgram puts a program, a document in YAML or JSON, in force at once, or
// only checks it when dryRun is set. A document at fault is a *Problem with the
// places in Errors.
func (c *Client) PutProgram(id string, document []byte, dryRun bool) (json.RawMessage, error) {
	params := []string{"id", id, "dry_run", ""}
	if dryRun {
		params[3] = strconv.FormatBool(dryRun)
	}
	a, err := c.do(request{method: "PUT", path: query("/v1/program", params...), body: document,
		contentType: "application/yaml", command: !dryRun})
	return a.body, err
}

// NewKey is an API key to be made.
type NewKey struct {
	ID    string `json:"id,omitempty"` // of the command
	Role  string `json:"role"`         // till, analyst, admin
	Store string `json:"store,omitempty"`
	Note  string `json:"note,omitempty"`
}

// Key is an API key. Key itself is only in the answer that made it.
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
func (c *Client) Keys() ([]Key, error) {
	var out struct {
		Data []Key `json:"data"`
	}
	_, err := c.call("GET", "/v1/keys", nil, &out)
	return out.Data, err
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
