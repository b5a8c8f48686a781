package api

import (
	"testing"
	"time"

	"github.com/kopilka/kopilka/limit"
	"github.com/valyala/fasthttp"
)

// BenchmarkLimits is one read of a member by a till, without the network: with no limits
// and with all of them, which let it through.
func BenchmarkLimits(b *testing.B) {
	most := limit.Rate{Count: 1_000_000, Per: time.Second}
	for _, x := range []struct {
		name   string
		limits Limits
	}{{"off", Limits{}}, {"on", Limits{Key: most, Card: most, Misses: most, WrongKeys: most}}} {
		b.Run(x.name, func(b *testing.B) {
			s := openWith(b, testProgram, Options{Limits: x.limits})
			s.enrol("c1")
			var ctx fasthttp.RequestCtx
			ctx.Init(&fasthttp.Request{}, nil, nil)
			ctx.Request.Header.SetMethod("GET")
			ctx.Request.SetRequestURI("/v1/members/c1")
			ctx.Request.Header.Set("Authorization", "Bearer "+s.keys["till"])
			b.ReportAllocs()
			for b.Loop() {
				ctx.Response.Reset()
				s.server.handle(&ctx)
				if status := ctx.Response.StatusCode(); status != 200 && status != 429 {
					b.Fatalf("status %d: %s", status, ctx.Response.Body())
				}
			}
		})
	}
}
