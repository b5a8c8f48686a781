package main

import (
	"bytes"
	"compress/gzip"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/kopilka/kopilka"
)

// The data is real and not part of the project: see docs/testing.md.
const retailFile = "../../../shared/data/onlineretail/receipts.csv.gz"

const retailProgram = `
program: retail
currency: GBP
time_zone: Europe/London
rfm: {window_days: %d, r: %s, f: %s, m: %s}
`

const (
	rCuts     = "{thresholds: [30, 90, 180, 365]}"
	fCuts     = "{thresholds: [2, 3, 5, 8]}"
	mCuts     = "{thresholds: [500000, 2000000, 5000000, 15000000]}"
	quintiles = "{quintiles: true}"
)

// TestOnlineRetail imports 25 900 real receipts and holds what the server says
// of every member against a calculator in this file, and its six counts against
// one in another language.
func TestOnlineRetail(t *testing.T) {
	rows := readRetail(t)
	dir := filepath.Join(t.TempDir(), "data")
	program := filepath.Join(t.TempDir(), "program.yaml")
	document := func(window int, r, f, m string) string { return fmt.Sprintf(retailProgram, window, r, f, m) }
	if err := os.WriteFile(program, []byte(document(365, rCuts, fCuts, mCuts)), 0o666); err != nil {
		t.Fatal(err)
	}
	out, err := runProgram("import", "receipts", retailFile, "--data", dir, "--program", program,
		"--columns", "member=member_id", "--decimals", "2", "--time-zone", "Europe/London",
		"--progress-dir", t.TempDir(), "--rejected", filepath.Join(t.TempDir(), "rejected.csv"))
	if err != nil || !strings.Contains(out, "25900") {
		t.Fatalf("import: %v\n%s", err, out)
	}
	p := startServer(t, dir)
	defer p.end(t)

	const counts = "16 1871 0 1593 73 785 34"
	if got := sixCounts(t, p); got != counts {
		t.Errorf("the six counts and none at 2011-12-09 are %s; want %s", got, counts)
	}
	if awk, err := exec.LookPath("awk"); err != nil {
		t.Log("SKIPPED: there is no awk to recompute the counts with")
	} else {
		plain, err := exec.Command("sh", "-c", "gzip -dc "+retailFile+" | "+awk+" -v day=2011-12-09 -v window=365 -f testdata/six_counts.awk").Output()
		if err != nil || strings.TrimSpace(string(plain)) != counts {
			t.Errorf("awk says %s, %v; want %s", plain, err, counts)
		}
	}

	for _, window := range []int{365, 90, 0} {
		for _, scores := range [][3]string{{rCuts, fCuts, mCuts}, {quintiles, quintiles, quintiles}, {rCuts, quintiles, mCuts}} {
			put(t, p, document(window, scores[0], scores[1], scores[2]))
			for _, day := range []string{"2011-12-09", "2011-12-10", "2011-06-30", "2010-12-01", "2012-03-09"} {
				d, err := kopilka.ParseDay(day)
				if err != nil {
					t.Fatal(err)
				}
				want := calculate(rows, d, window, scores)
				got := strings.Split(strings.TrimSpace(get(t, p, "/v1/rfm/members?as_of="+day)), "\n")
				if got[0] != "member,recency_days,frequency,monetary,r,f,m,segment" {
					t.Fatalf("the header is %s", got[0])
				}
				got = got[1:]
				slices.Sort(got)
				if len(got) != len(want) {
					t.Fatalf("%s, window %d: %d members; want %d", day, window, len(got), len(want))
				}
				for i := range want {
					if got[i] != want[i] {
						t.Fatalf("%s, window %d, %v: %s; want %s", day, window, scores, got[i], want[i])
					}
				}
			}
		}
	}
}

// retailRow is a receipt of a member.
type retailRow struct {
	member string
	day    kopilka.Day
	amount int64
}

func readRetail(t *testing.T) (rows []retailRow) {
	f, err := os.Open(retailFile)
	if errors.Is(err, fs.ErrNotExist) {
		t.Skip("SKIPPED: there is no ../shared/data/onlineretail/receipts.csv.gz beside the checkout; real receipts are not tested")
	}
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	all, err := csv.NewReader(z).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range all[1:] {
		if r[1] == "" {
			continue
		}
		day, err := kopilka.ParseDay(r[2][:10])
		if err != nil {
			t.Fatal(err)
		}
		pence, err := strconv.ParseInt(strings.Replace(r[3], ".", "", 1), 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		rows = append(rows, retailRow{r[1], day, pence})
	}
	return rows
}

// calculate is RFM from scratch, in plain code: one CSV row a member, sorted.
func calculate(rows []retailRow, at kopilka.Day, window int, axes [3]string) []string {
	type member struct {
		last    int
		f, m    int64
		r, fs   int
		ms      int
		segment string
	}
	members := map[string]*member{}
	for _, r := range rows {
		if r.day > at {
			continue
		}
		x := members[r.member]
		if x == nil {
			x = &member{last: -1}
			members[r.member] = x
		}
		if r.amount > 0 {
			x.last = max(x.last, int(r.day))
		}
		if window == 0 || int(r.day) > int(at)-window {
			x.m += r.amount
			if r.amount > 0 {
				x.f++
			}
		}
	}
	var bought []*member
	for _, x := range members {
		if x.last >= 0 {
			bought = append(bought, x)
		}
	}
	// rank scores by quintiles: 1 + ⌊5·worse/n⌋.
	rank := func(value func(*member) int64, set func(*member, int)) {
		sorted := slices.Clone(bought)
		slices.SortFunc(sorted, func(a, b *member) int { return int(max(-1, min(1, value(a)-value(b)))) })
		worse := 0
		for i, x := range sorted {
			if i > 0 && value(x) != value(sorted[i-1]) {
				worse = i
			}
			set(x, 1+5*worse/len(sorted))
		}
	}
	cut := func(v int64, cuts ...int64) int {
		s := 1
		for _, c := range cuts {
			if v >= c {
				s++
			}
		}
		return s
	}
	if axes[0] == quintiles {
		rank(func(x *member) int64 { return int64(x.last) }, func(x *member, s int) { x.r = s })
	} else {
		for _, x := range bought {
			age := int(at) - x.last
			x.r = 1
			for i, c := range []int{365, 180, 90, 30} {
				if age <= c {
					x.r = i + 2
				}
			}
		}
	}
	if axes[1] == quintiles {
		rank(func(x *member) int64 { return x.f }, func(x *member, s int) { x.fs = s })
	} else {
		for _, x := range bought {
			x.fs = cut(x.f, 2, 3, 5, 8)
		}
	}
	if axes[2] == quintiles {
		rank(func(x *member) int64 { return x.m }, func(x *member, s int) { x.ms = s })
	} else {
		for _, x := range bought {
			x.ms = cut(x.m, 500000, 2000000, 5000000, 15000000)
			if x.f == 0 {
				x.ms = 1
			}
		}
	}
	var out []string
	for card, x := range members {
		if x.last < 0 {
			out = append(out, fmt.Sprintf("%s,,0,%d,0,0,0,none", card, x.m))
			continue
		}
		often, much := x.fs >= 3, x.ms >= 4
		switch {
		case x.r >= 3 && often && much:
			x.segment = "core"
		case x.r >= 3 && often:
			x.segment = "loyal"
		case x.r >= 3 && much:
			x.segment = "whales"
		case x.r >= 3:
			x.segment = "new"
		case x.r == 2 && (often || much):
			x.segment = "sleeping"
		default:
			x.segment = "lost"
		}
		out = append(out, fmt.Sprintf("%s,%d,%d,%d,%d,%d,%d,%s", card, int(at)-x.last, x.f, x.m, x.r, x.fs, x.ms, x.segment))
	}
	slices.Sort(out)
	return out
}

func sixCounts(t *testing.T, p *process) string {
	var s struct {
		Data []struct {
			ID      string
			Members int
		}
	}
	r := remote{url: p.url, key: testKey}
	if err := r.call(http.MethodGet, "/v1/segments?as_of=2011-12-09", nil, &s); err != nil {
		t.Fatal(err)
	}
	var counts []string
	for _, id := range []string{"core", "loyal", "whales", "new", "sleeping", "lost", "none"} {
		for _, x := range s.Data {
			if x.ID == id {
				counts = append(counts, strconv.Itoa(x.Members))
			}
		}
	}
	return strings.Join(counts, " ")
}

func get(t *testing.T, p *process, path string) string {
	t.Helper()
	return ask(t, http.MethodGet, p.url+path, nil)
}

func put(t *testing.T, p *process, document string) {
	t.Helper()
	ask(t, http.MethodPut, p.url+"/v1/program", []byte(document))
}

func ask(t *testing.T, method, url string, body []byte) string {
	t.Helper()
	req, err := http.NewRequest(method, url, bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+testKey)
	client := http.Client{Timeout: 30 * time.Second}
	answer, err := client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil || answer.StatusCode >= 300 {
		t.Fatalf("%s %s: %s: %s, %v", method, url, answer.Status, text, err)
	}
	return string(text)
}
