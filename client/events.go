package client

import (
	"fmt"
	"strings"
	"time"

	"github.com/kopilka/kopilka"
)

// Events is a page of the feed of changes.
type Events struct {
	Data      []Event     `json:"data"`       // in the order of the log
	NextAfter kopilka.Seq `json:"next_after"` // everything up to it is told
	Seq       kopilka.Seq `json:"seq"`        // the newest position of the log
}

// Event is one change of one member. Type is enrolled, merged, unmerged, erased,
// balance, tier or segment, and says which of the fields below it has.
type Event struct {
	Seq        kopilka.Seq `json:"seq"`
	Type       string      `json:"type"`
	Cause      string      `json:"cause"` // the kind of the command; drift is the server's own
	MemberID   string      `json:"member_id"`
	Card       string      `json:"card"` // as it is now; empty of who was forgotten
	RecordedAt time.Time   `json:"recorded_at"`

	Into string `json:"into"` // member_id, of merged

	Balance kopilka.Points `json:"balance"`
	Pending kopilka.Points `json:"pending"`
	Held    kopilka.Points `json:"held"`
	Debt    kopilka.Points `json:"debt"`

	From string `json:"from"` // of tier and segment; empty where there was none
	To   string `json:"to"`   // empty where there is none any more
}

// Events reads the feed on from a position, 0 for the beginning: about limit events,
// 0 for the usual number. With a wait of some seconds it waits so long for one to
// come; shorter than the client's own timeout, so that the answer is heard. Types are
// those to tell of, none for all. The next page is after NextAfter, which can move on
// while a page is empty.
func (c *Client) Events(after kopilka.Seq, limit int, wait time.Duration, types ...string) (*Events, error) {
	params := []string{"after", fmt.Sprint(uint64(after))}
	if limit > 0 {
		params = append(params, "limit", fmt.Sprint(limit))
	}
	if wait > 0 {
		params = append(params, "wait", fmt.Sprint(int(wait/time.Second)))
	}
	var out Events
	if _, err := c.call("GET", query("/v1/events", append(params, "types", strings.Join(types, ","))...), nil, &out); err != nil {
		return nil, err
	}
	return &out, nil
}
