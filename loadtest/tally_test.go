package main

import (
	"maps"
	"testing"

	"github.com/kopilka/kopilka/bench/workload"
)

func TestFields(t *testing.T) {
	f := func(body, key string, want int64) {
		t.Helper()
		if got := intField([]byte(body), key); got != want {
			t.Fatalf("%s in %s: got %d; want %d", key, body, got, want)
		}
	}
	f(`{"id":"a","earned":129,"redeemed":0}`, `"earned":`, 129)
	f(`{"id":"a","earned":129}`, `"earned":`, 129)
	f(`{"points":-7}`, `"points":`, -7)
	f(`{"points":9007199254740993}`, `"points":`, 9007199254740993)
	f(`{"balance":null}`, `"balance":`, 0)
	f(`{}`, `"balance":`, 0)
	if got := textField([]byte(`{"status":409,"code":"insufficient-points"}`), `"code":"`); got != "insufficient-points" {
		t.Fatal(got)
	}
	if got := textField([]byte(`{"code":"cut`), `"code":"`); got != "" {
		t.Fatal(got)
	}
}

// TestTally counts what was acknowledged once, whoever was told.
func TestTally(t *testing.T) {
	o := &options{members: 10, sample: 5}
	ty := newTally(o)
	f := func(e workload.Event, status int, replayed bool, body string, known bool, points int64) {
		t.Helper()
		if got := ty.answered(&e, status, replayed, []byte(body)); got != known {
			t.Fatalf("%s: known is %t", body, got)
		}
		if got := ty.sums.points(); got != points {
			t.Fatalf("%s: got %d points; want %d", body, got, points)
		}
	}
	sale := workload.Event{Op: workload.Receipt, ID: "a", Buyer: 2}
	f(sale, 201, false, `{"earned":10,"redeemed":3}`, true, 7)
	f(sale, 200, true, `{"earned":10,"redeemed":3}`, true, 7)
	f(sale, 409, false, `{"code":"insufficient-points"}`, true, 7)
	f(sale, 503, false, `{"code":"overloaded"}`, true, 7)
	f(sale, 503, false, `{"code":"outcome-unknown"}`, false, 7)
	f(sale, 500, false, `{"code":"internal"}`, false, 7)
	f(sale, 502, false, `bad gateway`, false, 7)
	f(workload.Event{Op: workload.Receipt, ID: "b", Buyer: 3, Twice: true}, 201, false, `{"earned":1,"redeemed":0}`, true, 8)
	f(workload.Event{Op: workload.Return, ID: "c", Buyer: 2}, 201, false, `{"points_restored":3,"points_lapsed":1,"points_taken":10}`, true, 0)
	f(workload.Event{Op: workload.Receipt, ID: "d", Buyer: workload.Nobody}, 201, false, `{"earned":0,"redeemed":0}`, true, 0)
	if ty.members[2] != 7+3-1-10 || len(ty.members) != 1 {
		t.Fatalf("members %v", ty.members)
	}
	if !ty.heard["b"] || ty.heard["a"] {
		t.Fatalf("heard %v", ty.heard)
	}
	if s := ty.sums; s.receipts != 2 || s.anonymous != 1 || s.returns != 1 {
		t.Fatalf("sums %+v", s)
	}
	f(sale, 302, false, ``, false, 0)
	f(sale, 0, false, `a line without a status`, false, 0)
	if !maps.Equal(ty.failures, map[string]int64{"outcome-unknown": 1, "internal": 1, "status 502": 1, "status 302": 1, "status 0": 1}) {
		t.Fatalf("failures %v", ty.failures)
	}
	if !maps.Equal(ty.refusals, map[string]int64{"insufficient-points": 1, "overloaded": 1}) {
		t.Fatalf("refusals %v", ty.refusals)
	}
}
