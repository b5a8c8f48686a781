package importer

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/go-faster/jx"
)

// HTTP is the sink into a running server, through POST /v1/import. A lost
// answer costs nothing: the same lines are sent again, and are replays.
type HTTP struct {
	base   string
	key    string
	earn   bool
	client *http.Client
	pause  time.Duration // before the first new try; doubles
}

// NewHTTP imports into the server at base, such as http://127.0.0.1:8080, with
// an admin key.
func NewHTTP(base, key string, earn bool) *HTTP {
	return &HTTP{base: strings.TrimRight(base, "/"), key: key, earn: earn,
		client: &http.Client{Timeout: 5 * time.Minute}, pause: 200 * time.Millisecond}
}

// triesMax is how often lines are sent that the server could not take.
const triesMax = 8

// Open implements Sink.
func (x *HTTP) Open(ctx context.Context) (Books, error) {
	status, body, err := x.call(ctx, "GET", "/v1/program", nil)
	if err != nil {
		return Books{}, err
	}
	if status != http.StatusOK {
		return Books{}, x.unexpected("GET /v1/program", status, body)
	}
	var in struct {
		Program struct {
			TimeZone string `json:"time_zone"`
		} `json:"program"`
	}
	if err := json.Unmarshal(body, &in); err != nil {
		return Books{}, fmt.Errorf("read the program of %s: %w", x.base, err)
	}
	zone, err := time.LoadLocation(in.Program.TimeZone)
	if err != nil {
		return Books{}, fmt.Errorf("the program of %s: %w", x.base, err)
	}
	return Books{Name: "books at " + x.base, Zone: zone, Earn: x.earn}, nil
}

// Has implements Sink. The server finds receipts by id, and nothing else.
func (x *HTTP) Has(ctx context.Context, id string) (bool, error) {
	status, body, err := x.call(ctx, "GET", "/v1/receipts/"+url.PathEscape(id), nil)
	switch {
	case err != nil:
		return false, err
	case status == http.StatusOK, status == http.StatusNotFound:
		return status == http.StatusOK, nil
	}
	return false, x.unexpected("GET /v1/receipts/"+id, status, body)
}

// Submit implements Sink.
func (x *HTTP) Submit(ctx context.Context, rows []*Row, results []Result) error {
	path := "/v1/import"
	if x.earn {
		path += "?earn=true"
	}
	all := make([]int, len(rows))
	for i := range all {
		all[i] = i
	}
	if err := x.send(ctx, path, rows, results, all, appendRow); err != nil {
		return err
	}
	var grants []int
	for i, row := range rows {
		if row.Profile.Balance > 0 && (results[i].Fate == Done || results[i].Fate == Replayed) {
			grants = append(grants, i)
		}
	}
	return x.send(ctx, "/v1/batch", rows, results, grants, appendBalance)
}

// send posts one line for each of the rows at these places, and again those
// that the server could not take at the moment.
func (x *HTTP) send(ctx context.Context, path string, rows []*Row, results []Result, at []int, line func(*jx.Encoder, *Row)) error {
	pause := x.pause
	for try := 1; len(at) > 0; try++ {
		var e jx.Encoder
		for _, i := range at {
			line(&e, rows[i])
			e.Raw([]byte{'\n'})
		}
		again, wait, err := x.post(ctx, path, e.Bytes(), rows, results, at)
		if len(again) < len(at) {
			try = 0 // it goes on
		}
		if len(again) == 0 {
			return err
		}
		if try >= triesMax {
			return fmt.Errorf("%d rows, after %d tries: %w", len(again), try, err)
		}
		select {
		case <-time.After(max(wait, pause)):
		case <-ctx.Done():
			return ctx.Err()
		}
		at, pause = again, min(2*pause, 10*time.Second)
	}
	return nil
}

// post sends lines and reads their answers into results. It gives the places
// that are worth another try, why, and after how long the server wants it.
func (x *HTTP) post(ctx context.Context, path string, body []byte, rows []*Row, results []Result, at []int) (again []int, wait time.Duration, err error) {
	req, err := x.request(ctx, "POST", path, bytes.NewReader(body))
	if err != nil {
		return nil, 0, err
	}
	req.Header.Set("Content-Type", "application/x-ndjson")
	resp, err := x.client.Do(req)
	if err != nil {
		if ctx.Err() != nil {
			return nil, 0, ctx.Err()
		}
		return at, 0, fmt.Errorf("POST %s%s: %w", x.base, path, err)
	}
	defer resp.Body.Close()
	seconds, _ := strconv.Atoi(resp.Header.Get("Retry-After"))
	wait = time.Duration(min(max(seconds, 0), 60)) * time.Second
	if resp.StatusCode != http.StatusOK {
		text, _ := io.ReadAll(io.LimitReader(resp.Body, 4096))
		err := x.unexpected("POST "+path, resp.StatusCode, text)
		if retryable(resp.StatusCode) {
			return at, wait, err
		}
		return nil, 0, err
	}
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		return at, wait, fmt.Errorf("POST %s%s: read the answers: %w", x.base, path, err)
	}
	for n, i := range at {
		var a answer
		var line []byte
		line, text, _ = bytes.Cut(text, []byte{'\n'})
		if err := json.Unmarshal(line, &a); err != nil || a.Status == 0 {
			return nil, 0, fmt.Errorf("POST %s%s: line %d of %d is not an answer: %.200q", x.base, path, n+1, len(at), line)
		}
		if retryable(a.Status) || a.unenrolled(rows[i]) {
			again = append(again, i)
			continue
		}
		a.tell(rows[i], &results[i])
	}
	if len(again) > 0 {
		err = errors.New("the server could not take them")
	}
	return again, wait, err
}

// answer is what is read of a line of the server.
type answer struct {
	Status   int    `json:"status"`
	Code     string `json:"code"`
	Detail   string `json:"detail"`
	Replayed bool   `json:"replayed"`
	Enrolled bool   `json:"enrolled"`
}

func (a *answer) tell(row *Row, r *Result) {
	reason := a.Code
	if a.Detail != "" {
		reason += ": " + a.Detail
	}
	waits := row.ReturnOf != "" && (a.Code == "not-found" || a.Code == "member-not-found") ||
		row.Profile.Referrer != "" && a.Code == "member-not-found"
	switch {
	case a.Status < 300 && a.Replayed && r.Fate != Done:
		r.Fate = Replayed
	case a.Status < 300:
		r.Fate, r.Enrolled = Done, r.Enrolled || a.Enrolled && !a.Replayed
	case waits:
		r.Fate, r.Reason = Later, reason
	default:
		refuse(r, reason)
	}
}

// unenrolled tells that the server did not find the card of a row. An import
// makes members of the cards that it does not know, so that has failed, as on a
// full disk, and says nothing about the row. A return may name another one's
// receipt, which is answered so too: it is tried at the end.
func (a *answer) unenrolled(row *Row) bool {
	return a.Code == "member-not-found" && row.Deed != Person && row.ReturnOf == ""
}

// retryable tells what may succeed later unchanged: the server is busy, its
// disk is full, or something before it has failed.
func retryable(status int) bool {
	switch status {
	case http.StatusRequestTimeout, http.StatusTooManyRequests, http.StatusBadGateway,
		http.StatusServiceUnavailable, http.StatusGatewayTimeout, http.StatusInsufficientStorage:
		return true
	}
	return false
}

func (x *HTTP) request(ctx context.Context, method, path string, body io.Reader) (*http.Request, error) {
	req, err := http.NewRequestWithContext(ctx, method, x.base+path, body)
	if err != nil {
		return nil, err
	}
	req.Header.Set("Authorization", "Bearer "+x.key)
	return req, nil
}

func (x *HTTP) call(ctx context.Context, method, path string, body io.Reader) (int, []byte, error) {
	req, err := x.request(ctx, method, path, body)
	if err != nil {
		return 0, nil, err
	}
	resp, err := x.client.Do(req)
	if err != nil {
		return 0, nil, err
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(io.LimitReader(resp.Body, 1<<20))
	if err != nil {
		return 0, nil, fmt.Errorf("%s %s%s: %w", method, x.base, path, err)
	}
	return resp.StatusCode, b, nil
}

func (x *HTTP) unexpected(what string, status int, body []byte) error {
	var a answer
	_ = json.Unmarshal(body, &a) // what is no problem document says nothing
	if a.Code == "" {
		return fmt.Errorf("%s at %s: status %d", what, x.base, status)
	}
	return fmt.Errorf("%s at %s: status %d, %s: %s", what, x.base, status, a.Code, a.Detail)
}

// appendRow writes the line of a row.
func appendRow(e *jx.Encoder, row *Row) {
	e.ObjStart()
	defer e.ObjEnd()
	switch row.Deed {
	case Person:
		appendMember(e, row)
		return
	case Sale:
		text(e, "op", "receipt")
	case GoodsBack:
		text(e, "op", "return")
		text(e, "receipt", row.ReturnOf)
	}
	text(e, "id", row.ID)
	text(e, "card", row.Card)
	text(e, "store", row.Store)
	text(e, "till", row.Till)
	text(e, "cashier", row.Cashier)
	text(e, "receipt_no", row.ReceiptNo)
	text(e, "occurred_at", row.At.String())
	e.FieldStart("amount")
	e.Int64(int64(row.Amount))
	if row.Redeemed > 0 {
		e.FieldStart("redeem")
		e.Int64(int64(row.Redeemed))
	}
}

func appendMember(e *jx.Encoder, row *Row) {
	p := &row.Profile
	text(e, "op", "member")
	text(e, "id", row.ID)
	text(e, "card", row.Card)
	text(e, "phone", p.Phone)
	text(e, "name", p.Name)
	text(e, "birth_date", p.BirthDate)
	text(e, "sex", p.Sex)
	text(e, "store", row.Store)
	if p.RegisteredAt != 0 {
		text(e, "registered_at", p.RegisteredAt.String())
	}
	text(e, "referrer", p.Referrer)
	text(e, "source", p.Source)
}

// appendBalance writes the opening balance of a row of members, a grant.
func appendBalance(e *jx.Encoder, row *Row) {
	e.ObjStart()
	text(e, "op", "accrual")
	text(e, "id", row.balanceID())
	text(e, "card", row.Card)
	e.FieldStart("points")
	e.Int64(int64(row.Profile.Balance))
	text(e, "reason", balanceReason)
	e.ObjEnd()
}

const balanceReason = "opening balance"

// text writes a field that is not empty.
func text(e *jx.Encoder, name, v string) {
	if v != "" {
		e.FieldStart(name)
		e.Str(v)
	}
}
