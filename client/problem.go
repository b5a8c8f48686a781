package client

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/kopilka/kopilka"
)

// Problem is the server's no, as RFC 9457 has it.
type Problem struct {
	Type      string  `json:"type"`
	Title     string  `json:"title"`
	Status    int     `json:"status"`
	Code      string  `json:"code"` // one of docs/reference/errors.md; empty when the answer was none of Kopilka's
	Detail    string  `json:"detail"`
	Errors    []Fault `json:"errors"`
	Retryable bool    `json:"retryable"` // the same request may succeed later
	RequestID string  `json:"request_id"`

	// What some codes tell.
	Available      kopilka.Points `json:"available"`       // of insufficient-points
	Requested      kopilka.Points `json:"requested"`       // of insufficient-points
	MaxRedeem      kopilka.Points `json:"max_redeem"`      // of redeem-cap-exceeded
	MaxCertificate kopilka.Points `json:"max_certificate"` // of redeem-cap-exceeded
}

// Fault is one place in a request and what is wrong with it.
type Fault struct {
	Pointer string `json:"pointer"` // RFC 6901
	Detail  string `json:"detail"`
}

// Error is the code, the detail and the places at fault.
func (p *Problem) Error() string {
	var b strings.Builder
	if p.Code != "" {
		b.WriteString(p.Code)
	} else {
		fmt.Fprintf(&b, "status %d", p.Status)
	}
	if p.Detail != "" {
		b.WriteString(": " + p.Detail)
	}
	for _, f := range p.Errors {
		if f.Pointer != "" {
			b.WriteString(" (at " + f.Pointer + ")")
		}
	}
	return b.String()
}

// readProblem takes what came with a status of 400 or more; something between
// the client and the server may have said it in its own words.
func readProblem(status int, body []byte) *Problem {
	p := &Problem{}
	if json.Unmarshal(body, p) != nil || p.Code == "" {
		return &Problem{Status: status, Detail: string(body[:min(len(body), 200)])}
	}
	p.Status = status
	return p
}
