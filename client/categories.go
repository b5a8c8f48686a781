package client

import "github.com/kopilka/kopilka"

// Categories is what a member has bought of each category of goods, less what came back.
type Categories struct {
	Data []BoughtCategory `json:"data"` // by name
	Seq  kopilka.Seq      `json:"seq"`  // position of the log that this was read at
}

// BoughtCategory is goods of one category.
type BoughtCategory struct {
	Category   string        `json:"category"` // empty: of no category
	Receipts   int64         `json:"receipts"`
	Lines      int64         `json:"lines"`
	Amount     kopilka.Money `json:"amount"`
	LastBought string        `json:"last_bought"` // business day, YYYY-MM-DD
}

// Categories reads what the member of a card has bought on the business days from from
// to to (YYYY-MM-DD); what is empty is ever, and today.
func (c *Client) Categories(card, from, to string) (*Categories, error) {
	var out Categories
	if _, err := c.call("GET", query(member(card, "/categories"), "from", from, "to", to), nil, &out); err != nil {
		return nil, err
	}
	return &out, nil
}
