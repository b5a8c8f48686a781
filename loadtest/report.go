package main

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"os"
	"runtime"
	"slices"
	"strings"
	"text/tabwriter"
	"time"
)

// report is what a run found. Waits are in microseconds.
type report struct {
	Command    string    `json:"command"`
	Machine    string    `json:"machine"`
	At         time.Time `json:"at"`
	Seconds    float64   `json:"seconds"`
	Requests   int64     `json:"requests"`
	Commands   int64     `json:"commands"`
	PerSecond  float64   `json:"commands_per_second"`
	Waits      waits     `json:"wait_us"`
	Refusals   counts    `json:"refusals"`
	Failures   counts    `json:"failures"`
	NotSent    int64     `json:"arrivals_not_sent"`
	Unknown    int       `json:"unknown_settled"`
	Figures    int       `json:"figures_compared"`
	Members    int       `json:"members_compared"`
	Wrong      []string  `json:"wrong"`
	EchoRounds []round   `json:"echo_rounds,omitempty"`
	Ratio      *ratio    `json:"echo_ratio,omitempty"`
}

// counts are by code.
type counts map[string]int64

func (c counts) sum() (n int64) {
	for _, v := range c {
		n += v
	}
	return n
}

type waits struct {
	P50  int64 `json:"p50"`
	P90  int64 `json:"p90"`
	P99  int64 `json:"p99"`
	P999 int64 `json:"p99_9"`
	Max  int64 `json:"max"`
}

// round is one turn of the closed loop against the server and the echo.
type round struct {
	First  string  `json:"first"`             // server or echo
	Server float64 `json:"server_per_second"` // requests
	Echo   float64 `json:"echo_per_second"`
	Ratio  float64 `json:"ratio"`
}

// ratio is of the rounds' ratios.
type ratio struct {
	Median float64 `json:"median"`
	Min    float64 `json:"min"`
	Max    float64 `json:"max"`
}

func newReport(o *options, t *tally, p pace) *report {
	return &report{
		Command:   commandLine(os.Args[1:], o.key),
		Machine:   fmt.Sprintf("%s/%s, %d CPUs", runtime.GOOS, runtime.GOARCH, runtime.NumCPU()),
		At:        time.Now().UTC().Truncate(time.Second),
		Seconds:   p.took.Seconds(),
		Requests:  t.requests,
		Commands:  t.commands,
		PerSecond: float64(t.commands) / p.took.Seconds(),
		Waits: waits{P50: t.waits.ValueAtQuantile(50), P90: t.waits.ValueAtQuantile(90), P99: t.waits.ValueAtQuantile(99),
			P999: t.waits.ValueAtQuantile(99.9), Max: t.waits.Max()},
		Refusals: t.refusals,
		Failures: t.failures,
		NotSent:  p.missed,
		Wrong:    []string{},
	}
}

// commandLine is how this was called, but for the key: reports are passed around.
func commandLine(args []string, key string) string {
	line := strings.Join(slices.Concat([]string{"kopilka-loadtest"}, args), " ")
	if key == "" {
		return line
	}
	return strings.ReplaceAll(line, key, "…")
}

// answered fails when nothing was: figures of nothing prove nothing.
func (r *report) answered() error {
	if r.Commands > 0 {
		return nil
	}
	return fmt.Errorf("nothing was answered with 2xx in the %.1f s that count: %d refused, %d failed, %d not sent",
		r.Seconds, r.Refusals.sum(), r.Failures.sum(), r.NotSent)
}

// print writes the report for people.
func (r *report) print(to io.Writer) {
	w := tabwriter.NewWriter(to, 0, 0, 2, ' ', 0)
	ms := func(us int64) string { return fmt.Sprintf("%.3f ms", float64(us)/1000) }
	fmt.Fprintf(w, "throughput\t%.0f commands a second, %d in %.1f s\n", r.PerSecond, r.Commands, r.Seconds)
	fmt.Fprintf(w, "wait\tp50 %s  p90 %s  p99 %s  p99.9 %s  max %s\n",
		ms(r.Waits.P50), ms(r.Waits.P90), ms(r.Waits.P99), ms(r.Waits.P999), ms(r.Waits.Max))
	for _, code := range slices.Sorted(maps.Keys(r.Refusals)) {
		fmt.Fprintf(w, "refused\t%s: %d\n", code, r.Refusals[code])
	}
	for _, code := range slices.Sorted(maps.Keys(r.Failures)) {
		fmt.Fprintf(w, "failed\t%s: %d\n", code, r.Failures[code])
	}
	if r.NotSent > 0 {
		fmt.Fprintf(w, "overload\t%d arrivals were not sent before the end\n", r.NotSent)
	}
	for i, e := range r.EchoRounds {
		fmt.Fprintf(w, "round %d\tserver %.0f/s  echo %.0f/s  ratio %.3f  (%s first)\n", i+1, e.Server, e.Echo, e.Ratio, e.First)
	}
	if r.Ratio != nil {
		fmt.Fprintf(w, "server/echo\tmedian %.3f  min %.3f  max %.3f\n", r.Ratio.Median, r.Ratio.Min, r.Ratio.Max)
	}
	switch {
	case r.Figures == 0:
		fmt.Fprintf(w, "books\tnot compared\n")
	case len(r.Wrong) == 0:
		fmt.Fprintf(w, "books\tequal to what the tills were told: %d sums, %d members with their ledgers, %d unknown outcomes settled\n",
			r.Figures, r.Members, r.Unknown)
	default:
		fmt.Fprintf(w, "books\tWRONG in %d places\n", len(r.Wrong))
	}
	w.Flush()
}

func (r *report) writeJSON(file string) error {
	b, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(file, append(b, '\n'), 0o644)
}
