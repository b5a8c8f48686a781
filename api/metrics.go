package api

import (
	"bytes"
	"fmt"
	"time"

	"github.com/VictoriaMetrics/metrics"
)

var inFlight = metrics.GetOrCreateCounter(`kopilka_http_requests_in_flight`)

// meter is how long requests of one route took, by class of status.
type meter [6]*metrics.Histogram

// unrouted is the meter of requests that reached no route.
var unrouted = meterOf("none")

func newMeter(r *route) meter { return meterOf(r.method + " " + r.path) }

func meterOf(route string) (m meter) {
	for class := 2; class <= 5; class++ {
		m[class] = metrics.GetOrCreateHistogram(
			fmt.Sprintf(`kopilka_http_request_duration_seconds{route=%q,status="%dxx"}`, route, class))
	}
	return m
}

func (m *meter) observe(status int, start time.Time) {
	if class := status / 100; class >= 2 && class <= 5 {
		m[class].UpdateDuration(start)
	}
}

// problems counts problems by code.
var problems = func() map[code]*metrics.Counter {
	counters := map[code]*metrics.Counter{}
	for c := range kinds {
		counters[c] = metrics.GetOrCreateCounter(fmt.Sprintf(`kopilka_http_refusals_total{code=%q}`, string(c)))
	}
	return counters
}()

// metrics writes what all rooms count, in the text format of Prometheus.
func (s *Server) metrics(c *call) *problem {
	var b bytes.Buffer
	metrics.WritePrometheus(&b, true)
	c.ctx.Response.Header.SetContentType("text/plain; version=0.0.4; charset=utf-8")
	c.ctx.Response.SetBody(b.Bytes())
	return nil
}

// healthz says that the process answers.
func (s *Server) healthz(c *call) *problem { return c.word(200, "ok") }

// readyz says whether requests are taken: not before the books are read, and
// not once the server is stopping.
func (s *Server) readyz(c *call) *problem {
	if !s.serving.Load() {
		return problemOf(codeOverloaded, "the server is stopping")
	}
	return c.word(200, "ready")
}

func (c *call) word(status int, word string) *problem {
	c.out.ObjStart()
	strField(&c.out, "status", word)
	c.out.ObjEnd()
	return c.reply(status)
}
