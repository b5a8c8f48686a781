package client

import (
	"bytes"
	"encoding/json"
	"fmt"

	"github.com/kopilka/kopilka"
)

// Op is a command that can stand in a batch: a Receipt, Accrual, Redemption,
// Return, Hold, Capture, Void, Adjustment or PutMember.
type Op interface{ op() string }

func (Receipt) op() string    { return "receipt" }
func (Accrual) op() string    { return "accrual" }
func (Redemption) op() string { return "redemption" }
func (Return) op() string     { return "return" }
func (Hold) op() string       { return "hold" }
func (Capture) op() string    { return "capture" }
func (Void) op() string       { return "void" }
func (Adjustment) op() string { return "adjustment" }
func (PutMember) op() string  { return "member" }

// Result is what became of one line of a batch.
type Result struct {
	Status   int         `json:"status"` // as the op's own route would have answered
	Replayed bool        `json:"replayed"`
	ID       string      `json:"id"`
	Seq      kopilka.Seq `json:"seq"`

	body []byte
}

// Err is the line's *Problem, or nil when it was accepted.
func (r *Result) Err() error {
	if r.Status < 400 {
		return nil
	}
	return readProblem(r.Status, r.body)
}

// Answer is the line's answer as the op's own route would have given it.
func (r *Result) Answer() (*Answer, error) {
	if err := r.Err(); err != nil {
		return nil, err
	}
	a := &Answer{Replayed: r.Replayed}
	if err := json.Unmarshal(r.body, a); err != nil {
		return nil, fmt.Errorf("client: line of a batch: %w", err)
	}
	return a, nil
}

// Batch sends commands together and gives one result for each, in their order.
// Every line stands alone: one that is refused does not stop the rest.
func (c *Client) Batch(ops ...Op) ([]Result, error) {
	var body []byte
	for _, o := range ops {
		fields, err := json.Marshal(o)
		if err != nil {
			return nil, fmt.Errorf("client: %s in a batch: %w", o.op(), err)
		}
		body = append(body, `{"op":"`...)
		body = append(body, o.op()...)
		body = append(body, '"')
		if len(fields) > len("{}") {
			body = append(body, ',')
		}
		body = append(append(body, fields[1:]...), '\n')
	}
	return c.BatchLines(body, len(ops))
}

// BatchLines sends lines that are written already, each with its end, and
// expects n results.
func (c *Client) BatchLines(body []byte, n int) ([]Result, error) {
	a, err := c.do(request{method: "POST", path: "/v1/batch", body: body, contentType: "application/x-ndjson", command: true})
	if err != nil {
		return nil, err
	}
	results := make([]Result, 0, n)
	for line := range bytes.Lines(a.body) {
		r := Result{body: line}
		if err := json.Unmarshal(line, &r); err != nil {
			return nil, fmt.Errorf("client: line %d of the answer to a batch: %w", len(results)+1, err)
		}
		results = append(results, r)
	}
	if len(results) != n {
		return nil, fmt.Errorf("client: a batch of %d lines was answered by %d: %w", n, len(results), ErrUnknown)
	}
	return results, nil
}
