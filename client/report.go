package client

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/url"

	"github.com/kopilka/kopilka"
)

// Period is the business days of a report (YYYY-MM-DD), both included. What is empty
// is the server's choice: the month of To so far, and today.
type Period struct {
	From, To string
	T0       string // of reactivation: the day by whose end people had stopped coming
	Audience string // of effect: whose two groups are compared
	Mailing  string // of effect, instead of Audience: whose effect it is
	Segment  string // of effect: only who was in it before; empty: all
}

// Report is the figures of a report and its tables, by their names in the reference.
type Report struct {
	Name     string
	From, To string      // business days; empty of liability
	AsOf     string      // of liability: the day on which that is owed
	Seq      kopilka.Seq // position up to which it counts
	Figures  map[string]*int64
	Tables   map[string][]Row
}

// Row is a row of a table: the words that tell it apart, and its figures. A figure
// is nil where there is nothing to divide by.
type Row struct {
	Words   map[string]string
	Figures map[string]*int64
}

// Report makes a report: program, staff, stores, liability, and so on.
func (c *Client) Report(name string, p Period) (*Report, error) {
	var out Report
	if _, err := c.call("GET", p.of(name), nil, &out); err != nil {
		return nil, err
	}
	return &out, nil
}

// ReportCSV writes one table of a report to w: figures, or one that the report has;
// the first there is when table is empty.
func (c *Client) ReportCSV(w io.Writer, name, table string, p Period) error {
	return c.csv(w, request{method: "GET", path: p.of(name, "table", table)})
}

func (p Period) of(report string, params ...string) string {
	return query("/v1/reports/"+url.PathEscape(report), append(params, "from", p.From, "to", p.To, "t0", p.T0, "audience", p.Audience, "mailing", p.Mailing, "segment", p.Segment)...)
}

// UnmarshalJSON reads a report of any name: lists are tables, numbers figures.
func (r *Report) UnmarshalJSON(b []byte) error {
	var all map[string]json.RawMessage
	if err := json.Unmarshal(b, &all); err != nil {
		return err
	}
	*r = Report{Figures: map[string]*int64{}, Tables: map[string][]Row{}}
	own := map[string]any{"report": &r.Name, "from": &r.From, "to": &r.To, "as_of": &r.AsOf, "seq": &r.Seq}
	for name, value := range all {
		var err error
		if to, known := own[name]; known {
			err = json.Unmarshal(value, to)
		} else if bytes.HasPrefix(value, []byte("[")) {
			var rows []Row
			err = json.Unmarshal(value, &rows)
			r.Tables[name] = rows
		} else {
			var n *int64
			err = json.Unmarshal(value, &n)
			r.Figures[name] = n
		}
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	return nil
}

// UnmarshalJSON reads a row: strings are words, numbers figures.
func (r *Row) UnmarshalJSON(b []byte) error {
	var all map[string]json.RawMessage
	if err := json.Unmarshal(b, &all); err != nil {
		return err
	}
	*r = Row{Words: map[string]string{}, Figures: map[string]*int64{}}
	for name, value := range all {
		var err error
		if bytes.HasPrefix(value, []byte(`"`)) {
			var word string
			err = json.Unmarshal(value, &word)
			r.Words[name] = word
		} else {
			var n *int64
			err = json.Unmarshal(value, &n)
			r.Figures[name] = n
		}
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	return nil
}
