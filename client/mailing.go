package client

import (
	"iter"
	"net/url"
	"time"

	"github.com/kopilka/kopilka"
)

// NewMailing is a message to an audience over channels, one after the other.
type NewMailing struct {
	ID              string       `json:"id"`
	Audience        string       `json:"audience"`
	Name            string       `json:"name,omitempty"`
	Channels        []NewChannel `json:"channels"`
	StartsAt        time.Time    `json:"starts_at,omitzero"`
	EndsAt          time.Time    `json:"ends_at,omitzero"`
	RequiresConsent bool         `json:"requires_consent,omitempty"` // only who has given consent is due
}

// NewChannel is one way of a mailing to reach people.
type NewChannel struct {
	Channel string        `json:"channel"`
	Timeout int           `json:"timeout_minutes"` // after which silence means that it is lost
	Cost    kopilka.Money `json:"cost,omitempty"`  // of one message
}

// Mailing is a message to an audience, with how far it has come.
type Mailing struct {
	ID              string      `json:"id"`
	Seq             kopilka.Seq `json:"seq"`
	Audience        string      `json:"audience"`
	Name            string      `json:"name"`
	StartsAt        *time.Time  `json:"starts_at"`
	EndsAt          *time.Time  `json:"ends_at"`
	RequiresConsent bool        `json:"requires_consent"`
	Channels        []Channel   `json:"channels"`
	RecordedAt      time.Time   `json:"recorded_at"`
}

// Channel is a channel of a mailing with what became of its messages.
type Channel struct {
	Channel    string        `json:"channel"`
	Timeout    int           `json:"timeout_minutes"`
	Cost       kopilka.Money `json:"cost"` // of one message
	Dispatched int64         `json:"dispatched"`
	Delivered  int64         `json:"delivered"`
	Failed     int64         `json:"failed"`
	TimedOut   int64         `json:"timed_out"` // this and Due of one mailing that is asked for alone
	Due        int64         `json:"due"`
	TotalCost  kopilka.Money `json:"total_cost"`
}

// Dispatch is members who were handed out to a channel.
type Dispatch struct {
	ID         string      `json:"id"`
	Seq        kopilka.Seq `json:"seq"`
	Mailing    string      `json:"mailing"`
	Channel    string      `json:"channel"`
	Members    []Recipient `json:"members"`
	RecordedAt time.Time   `json:"recorded_at"`
}

// Recipient is one to whom a message goes; what is not known of him is empty.
type Recipient struct {
	MemberID string `json:"member_id"`
	Card     string `json:"card"`
	Phone    string `json:"phone"`
	Name     string `json:"name"`
}

// Delivery is what became of the message to a member.
type Delivery struct {
	MemberID string `json:"member_id"`
	Status   string `json:"status"` // delivered or failed
}

// Heard is how much a gateway has told.
type Heard struct {
	ID         string      `json:"id"`
	Seq        kopilka.Seq `json:"seq"`
	Mailing    string      `json:"mailing"`
	Channel    string      `json:"channel"`
	Delivered  int64       `json:"delivered"`
	Failed     int64       `json:"failed"`
	RecordedAt time.Time   `json:"recorded_at"`
}

func mailing(id, rest string) string { return "/v1/mailings/" + url.PathEscape(id) + rest }

// Mail begins a mailing.
func (c *Client) Mail(n NewMailing) (*Mailing, error) {
	var out Mailing
	if _, err := c.call("POST", "/v1/mailings", n, &out); err != nil {
		return nil, err
	}
	return &out, nil
}

// Mailings walks over all mailings, the newest first.
func (c *Client) Mailings() iter.Seq2[Mailing, error] { return pages[Mailing](c, "/v1/mailings") }

// Mailing reads one mailing, with what is lost and who is due.
func (c *Client) Mailing(id string) (*Mailing, error) {
	var out Mailing
	if _, err := c.call("GET", mailing(id, ""), nil, &out); err != nil {
		return nil, err
	}
	return &out, nil
}

// Dispatch hands out up to limit members who are due on a channel, 0 = 1 000. The same
// id gives the same members again.
func (c *Client) Dispatch(to, id, channel string, limit int) (*Dispatch, error) {
	var out Dispatch
	body := struct {
		ID      string `json:"id"`
		Channel string `json:"channel"`
		Limit   int    `json:"limit,omitempty"`
	}{id, channel, limit}
	if _, err := c.call("POST", mailing(to, "/dispatches"), body, &out); err != nil {
		return nil, err
	}
	return &out, nil
}

// Deliver tells what became of messages on a channel.
func (c *Client) Deliver(of, id, channel string, results []Delivery) (*Heard, error) {
	var out Heard
	body := struct {
		ID      string     `json:"id"`
		Channel string     `json:"channel"`
		Results []Delivery `json:"results"`
	}{id, channel, results}
	if _, err := c.call("POST", mailing(of, "/deliveries"), body, &out); err != nil {
		return nil, err
	}
	return &out, nil
}
