package importer

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/kopilka/kopilka"
)

// Row is one row of a file, checked and in our terms.
type Row struct {
	No   int64 // of the rows after the header, from 1
	Deed Deed
	ID   string
	Card string // empty: anonymous

	// Of sales and returns.
	At        kopilka.Time
	Amount    kopilka.Money // not negative; of a return, what comes back
	Redeemed  kopilka.Points
	ReturnOf  string // id of the receipt; empty = a return that names none
	Store     string // of members too
	Till      string
	Cashier   string
	ReceiptNo string

	Profile Profile // of members

	// fields are those of the record, without their quotes; of a line that is
	// torn there is one, the whole line as it stands in the file.
	fields []string
}

// Deed is what a row tells of.
type Deed uint8

// Deeds.
const (
	Sale Deed = iota + 1
	GoodsBack
	Person
)

// Profile is what a row of members says beside card and store. What is empty is
// left as it is.
type Profile struct {
	Phone, Name, BirthDate, Sex string
	RegisteredAt                kopilka.Time // 0 = not given
	Referrer                    string       // a card
	Source                      string
	Balance                     kopilka.Points // opening balance
}

// reader takes rows off a file.
type reader struct {
	opts    Options
	zone    *time.Location
	records *records
	source  *source
	header  []string
	at      map[string]int // our name → place in a record
	prefix  string         // of ids that are made
	no      int64
}

// fault is what is wrong with a row: it is set aside with this reason.
type fault struct{ reason string }

func (f fault) Error() string { return f.reason }

func openReader(opts Options, zone *time.Location) (*reader, error) {
	src, err := openSource(opts.File)
	if err != nil {
		return nil, err
	}
	name := sha256.Sum256([]byte(baseName(opts.File)))
	r := &reader{opts: opts, zone: zone, source: src, records: newRecords(src.text, opts.Delimiter),
		prefix: hex.EncodeToString(name[:4]) + "-"}
	if err := r.readHeader(); err != nil {
		src.Close()
		return nil, fmt.Errorf("import: %s: %w", opts.File, err)
	}
	return r, nil
}

func (r *reader) Close() error { return r.source.Close() }

// readHeader finds the columns.
func (r *reader) readHeader() error {
	record, err := r.records.next(nil)
	if err == io.EOF {
		return errors.New("is empty: the first row must name the columns")
	}
	if err != nil {
		return fmt.Errorf("read the header: %w", err)
	}
	places := map[string]int{}
	for i, name := range record {
		name = strings.TrimSpace(name)
		r.header = append(r.header, name)
		if _, twice := places[name]; twice {
			places[name] = -1
			continue
		}
		places[name] = i
	}
	r.at = map[string]int{}
	names, required := r.opts.Kind.columns()
	for i, our := range names {
		their, asked := r.opts.Columns[our]
		if !asked {
			their = our
		}
		at, there := places[their]
		switch {
		case there && at < 0:
			return fmt.Errorf("the header names %q twice", their)
		case there:
			r.at[our] = at
		case asked || i < required:
			return fmt.Errorf("has no column %q for %s; it has %s (--columns %s=… names another one, --delimiter another delimiter)",
				their, our, strings.Join(r.header, ", "), our)
		}
	}
	r.records.row = r.isRow
	return nil
}

// isRow tells whether a line by itself, its quotes taken away, is a row without
// a fault, be it with more fields for the delimiters that were in quotes. A note
// that somebody wrote over many lines may have as many commas as the file has
// columns; it does not have a time, a phone or a date of birth in the right place
// as well.
func (r *reader) isRow(line []byte) bool {
	row := Row{fields: strings.Split(strings.ReplaceAll(string(line), `"`, ""), string(r.opts.Delimiter))}
	if len(row.fields) < len(r.header) || r.parse(&row) != nil {
		return false
	}
	p := &row.Profile
	return row.At != 0 || p.Phone != "" || p.BirthDate != "" || p.RegisteredAt != 0
}

// next reads the next row into row, whose fields it appends to keep, so that a
// batch of rows shares one slice. It returns io.EOF after the last row, a fault
// for a row that is set aside, and any other error when the file cannot be read on.
func (r *reader) next(row *Row, keep []string) ([]string, error) {
	n := len(keep)
	keep, err := r.records.next(keep)
	if err == io.EOF {
		return keep, io.EOF
	}
	r.no++
	var t *torn
	if errors.As(err, &t) {
		keep = append(keep, t.text)
	} else if err != nil {
		return keep, fmt.Errorf("import: %s: row %d: %w", r.opts.File, r.no, err)
	}
	*row = Row{No: r.no, fields: keep[n:len(keep):len(keep)]}
	if t != nil {
		return keep, fault{t.Error()}
	}
	return keep, r.parse(row)
}

// get is a column of the row, without blanks around it; empty when the file
// has no such column.
func (r *reader) get(row *Row, our string) string {
	at, ok := r.at[our]
	if !ok {
		return ""
	}
	return strings.TrimSpace(row.fields[at])
}

// columns reads one column after another; the first fault sticks.
type columns struct {
	r     *reader
	row   *Row
	fault error
}

// read gives a column through its parser; a column that is empty is absent.
func read[T any](c *columns, our string, parse func(string) (T, error)) (v T) {
	s := c.r.get(c.row, our)
	if s == "" || c.fault != nil {
		return v
	}
	v, err := parse(s)
	if err != nil {
		c.fault = fault{our + " " + err.Error()}
	}
	return v
}

func (c *columns) need(our string) {
	if c.fault == nil && c.r.get(c.row, our) == "" {
		c.fault = fault{our + " is empty"}
	}
}

func (c *columns) text(our string, max int) string {
	return read(c, our, func(s string) (string, error) { return parseText(s, max) })
}

func (c *columns) time(our string) kopilka.Time {
	return read(c, our, func(s string) (kopilka.Time, error) { return parseTime(s, c.r.zone) })
}

func (c *columns) amount(our string) kopilka.Money {
	return read(c, our, func(s string) (kopilka.Money, error) { return parseAmount(s, c.r.opts.Decimals) })
}

func (c *columns) points(our string) kopilka.Points {
	v := c.amount(our)
	if v < 0 && c.fault == nil {
		c.fault = fault{our + " is negative"}
	}
	return kopilka.Points(v)
}

func (r *reader) parse(row *Row) error {
	if r.opts.Kind == Members {
		return r.parseMember(row)
	}
	c := &columns{r: r, row: row}
	c.need("timestamp")
	c.need("amount")
	row.Deed = Sale
	row.Card = read(c, "member", parseCard)
	row.At = c.time("timestamp")
	row.Amount = c.amount("amount")
	row.Store = c.text("store", shortMax)
	row.Till = c.text("till", shortMax)
	row.Cashier = c.text("cashier", shortMax)
	row.ReceiptNo = c.text("receipt_no", shortMax)
	row.ReturnOf = read(c, "return_of", parseID)
	if _, named := r.at["receipt_id"]; named {
		c.need("receipt_id")
		row.ID = read(c, "receipt_id", parseID)
	} else {
		row.ID = r.prefix + strconv.FormatInt(row.No, 10)
	}
	switch {
	case c.fault != nil:
	case row.Amount < 0:
		// Points of a return follow from its receipt, whatever the row says.
		row.Deed, row.Amount = GoodsBack, -row.Amount
	case row.ReturnOf != "":
		c.fault = fault{"return_of stands on a row whose amount is not negative"}
	default:
		row.Redeemed = c.points("points_redeemed")
		if row.Redeemed > 0 && row.Card == "" && c.fault == nil {
			c.fault = fault{"points_redeemed stands on a row without a member"}
		}
	}
	return c.fault
}

func (r *reader) parseMember(row *Row) error {
	c := &columns{r: r, row: row}
	c.need("card")
	row.Deed = Person
	row.Card = read(c, "card", parseCard)
	row.Store = c.text("store", shortMax)
	p := &row.Profile
	p.Phone = read(c, "phone", parsePhone)
	p.Name = c.text("name", nameMax)
	p.BirthDate = read(c, "birth_date", parseBirthDate)
	p.Sex = read(c, "sex", parseSex)
	p.RegisteredAt = c.time("registered_at")
	p.Referrer = read(c, "referrer", parseCard)
	p.Source = c.text("source", shortMax)
	p.Balance = c.points("balance")
	if c.fault == nil && p.Referrer == row.Card {
		c.fault = fault{"referrer is the member's own card"}
	}
	row.ID = row.profileID()
	return c.fault
}

// profileID is made of what the row says: the same row again is a replay, and a
// row that was corrected since is a change.
func (row *Row) profileID() string {
	p := &row.Profile
	h := sha256.New()
	for _, s := range []string{row.Card, row.Store, p.Phone, p.Name, p.BirthDate, p.Sex,
		strconv.FormatInt(int64(p.RegisteredAt), 10), p.Referrer, p.Source} {
		fmt.Fprintf(h, "%d:%s", len(s), s)
	}
	return "member-" + hex.EncodeToString(h.Sum(nil)[:16])
}

// balanceID is made of the card alone: a member has one opening balance, however
// often and in however many files it comes.
func (row *Row) balanceID() string { return "opening-balance-" + row.Card }
