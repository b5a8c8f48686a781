package index

import (
	"cmp"
	"compress/gzip"
	"encoding/csv"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/kopilka/kopilka"
	"github.com/kopilka/kopilka/program"
)

// shared reads a file of real data that lies beside the checkout.
func shared(t *testing.T, name string) [][]string {
	t.Helper()
	path := filepath.Join("../../shared/data", name)
	f, err := os.Open(path)
	if os.IsNotExist(err) {
		t.Skipf("SKIPPED: there is no %s; this test holds the index against published numbers", path)
	}
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var in io.Reader = f
	if strings.HasSuffix(name, ".gz") {
		if in, err = gzip.NewReader(f); err != nil {
			t.Fatal(err)
		}
	}
	rows, err := csv.NewReader(in).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	return rows[1:]
}

func dayOf(t *testing.T, s string) kopilka.Day {
	t.Helper()
	d, err := kopilka.ParseDay(s[:10])
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// minor is a decimal amount in hundredths.
func minor(t *testing.T, s string) int64 {
	t.Helper()
	whole, part, _ := strings.Cut(s, ".")
	v, err := strconv.ParseInt(whole+(part + "00")[:2], 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// numbers gives names numbers in the order of their first row.
type numbers map[string]int

func (n numbers) of(name string) (m int, isNew bool) {
	m, ok := n[name]
	if !ok {
		m = len(n)
		n[name] = m
	}
	return m, !ok
}

// firstMatch is a table of segments where the first line that matches counts.
func firstMatch(lines []string) program.Segments {
	s := program.Segments{Names: []program.Segment{{ID: "none"}}}
	type span struct{ lo, hi int }
	var spans [][3]span
	for _, l := range lines {
		name, rest, _ := strings.Cut(l, ":")
		s.Names = append(s.Names, program.Segment{ID: name})
		var a [3]span
		if _, err := fmt.Sscanf(rest, "%d-%d %d-%d %d-%d", &a[0].lo, &a[0].hi, &a[1].lo, &a[1].hi, &a[2].lo, &a[2].hi); err != nil {
			panic(err)
		}
		spans = append(spans, a)
	}
	for cell := range 125 {
		scores := [3]int{cell/25 + 1, cell/5%5 + 1, cell%5 + 1}
		s.Cells[cell] = uint8(1 + slices.IndexFunc(spans, func(a [3]span) bool {
			for i, v := range scores {
				if v < a[i].lo || v > a[i].hi {
					return false
				}
			}
			return true
		}))
	}
	return s
}

// TestPublishedOrders holds scores and segments against the results that the R
// package rfm (MIT, Aravind Hebbali) publishes for its 995 customers.
func TestPublishedOrders(t *testing.T) {
	orders := shared(t, "rfm/orders.csv")
	scatter := shared(t, "rfm/orders_995_scatter.csv")
	heat := shared(t, "rfm/orders_heatmap_25.csv")
	distribution := shared(t, "rfm/orders_distribution.csv")

	r := program.RFM{
		R: program.Axis{Thresholds: [4]int64{114, 180, 297, 481}},
		F: program.Axis{Thresholds: [4]int64{4, 5, 6, 8}},
		M: program.Axis{Thresholds: [4]int64{25580, 38200, 50640, 66600}},
		Segments: firstMatch([]string{
			"Champions:4-5 4-5 4-5", "Loyal Customers:2-5 3-5 3-5", "Potential Loyalist:3-5 1-3 1-3",
			"New Customers:4-5 1-1 1-1", "Promising:3-4 1-1 1-1", "Need Attention:2-3 2-3 2-3",
			"About To Sleep:2-3 1-2 1-2", "At Risk:1-2 2-5 2-5", "Can't Lose Them:1-1 4-5 4-5",
			"Lost:1-2 1-2 1-2", "Others:1-5 1-5 1-5",
		}),
	}
	x := New()
	x.Start(dayOf(t, "2006-12-31"))
	x.SetRule(&r, 0)
	names := numbers{}
	for _, o := range orders {
		m, isNew := names.of(o[0])
		if isNew {
			x.Enrol(kopilka.MemberNo(m), 0)
		}
		x.Purchase(kopilka.MemberNo(m), dayOf(t, o[1]), 1, kopilka.Money(minor(t, o[2])))
	}

	// The published rows have M, R and segment, without names.
	var got, want []string
	counts := map[uint32]int{}
	cells := map[[2]uint8]Tally{}
	table := x.AsOf(x.Day()).Table()
	for m, at := range table.All() {
		if at != x.Standing(m) {
			t.Fatalf("member %d: table %+v, index %+v", m, at, x.Standing(m))
		}
		got = append(got, fmt.Sprintf("%d,%d,%s", at.Monetary/100, at.RecencyDays, r.Segments.Names[at.Segment].ID))
		counts[at.Frequency]++
		c := cells[[2]uint8{at.F, at.R}]
		c.add(&Tally{Members: 1, Amount: at.Monetary}, 1)
		cells[[2]uint8{at.F, at.R}] = c
	}
	for _, row := range scatter {
		want = append(want, strings.Join(row, ","))
	}
	slices.Sort(got)
	slices.Sort(want)
	if len(got) != 995 || !slices.Equal(got, want) {
		for i := range got {
			if i >= len(want) || got[i] != want[i] {
				t.Fatalf("%d customers of %d; the first that differs: got %s, want %s", len(got), len(want), got[i], want[i])
			}
		}
	}
	for _, row := range distribution {
		n, _ := strconv.Atoi(row[0])
		if want, _ := strconv.Atoi(row[1]); counts[uint32(n)] != want {
			t.Fatalf("%d customers with %d orders; want %d", counts[uint32(n)], n, want)
		}
	}
	// Published means of money by F and R have two decimals.
	for _, row := range heat {
		f, _ := strconv.Atoi(row[0])
		rr, _ := strconv.Atoi(row[1])
		c := cells[[2]uint8{uint8(f), uint8(rr)}]
		// The mean in hundredths times 2n is within n of twice the sum.
		if d := 2*int64(c.Amount) - 2*minor(t, row[2])*c.Members; d > c.Members || d < -c.Members {
			t.Fatalf("F %d R %d: %d for %d customers; want a mean of %s", f, rr, c.Amount, c.Members, row[2])
		}
	}
	if len(heat) != 25 {
		t.Fatalf("%d cells of F and R", len(heat))
	}

	// First rows of the published table: R, F, M and scores.
	for name, want := range map[string]Standing{
		"Abbey O'Reilly": {205, 6, 47200, 3, 4, 3, 0},
		"Add Senger":     {140, 3, 34000, 4, 1, 2, 0},
		"Aden Lesch":     {194, 4, 40500, 3, 2, 3, 0},
		"Aden Murphy":    {98, 7, 59600, 5, 4, 4, 0},
		"Admiral Senger": {132, 5, 44800, 4, 3, 3, 0},
		"Agness O'Keefe": {90, 9, 84300, 5, 5, 5, 0},
		"Ailene Hermann": {281, 8, 69900, 3, 5, 5, 0},
		"Aiyanna Bruen":  {246, 4, 15700, 3, 2, 1, 0},
	} {
		m, isNew := names.of(name)
		if isNew {
			t.Fatalf("nobody is called %s", name)
		}
		at := x.Standing(kopilka.MemberNo(m))
		at.Segment = 0
		if at != want {
			t.Fatalf("%s: %+v; want %+v", name, at, want)
		}
	}

	s := x.Summary()
	used := 0
	for _, c := range s.Cells {
		if c.Members > 0 {
			used++
		}
	}
	if used != 92 {
		t.Fatalf("%d cells are used; want 92", used)
	}
	for name, want := range map[string]int64{"Champions": 158, "Loyal Customers": 278, "Potential Loyalist": 229, "Lost": 111,
		"At Risk": 86, "About To Sleep": 50, "Others": 48, "Need Attention": 35} {
		seg := slices.IndexFunc(r.Segments.Names, func(s program.Segment) bool { return s.ID == name })
		if got := s.Segments[seg].Members; got != want {
			t.Fatalf("%s: %d; want %d", name, got, want)
		}
	}

	// By our quintiles nobody worse stands above, and equals stand together.
	r.R, r.F, r.M = program.Axis{Quintiles: true}, program.Axis{Quintiles: true}, program.Axis{Quintiles: true}
	x.SetRule(&r, 0)
	var all []Standing
	for m := range kopilka.MemberNo(x.Members()) {
		all = append(all, x.Standing(m))
	}
	sane := func(what string, value func(*Standing) int64, score func(*Standing) uint8) {
		t.Helper()
		slices.SortFunc(all, func(a, b Standing) int { return cmp.Compare(value(&a), value(&b)) })
		worse := 0
		for i := range all {
			if i > 0 && value(&all[i]) != value(&all[i-1]) {
				worse = i
			}
			if want := uint8(1 + 5*worse/len(all)); score(&all[i]) != want {
				t.Fatalf("%s: %+v with %d of %d worse; want score %d", what, all[i], worse, len(all), want)
			}
		}
	}
	sane("R", func(s *Standing) int64 { return -int64(s.RecencyDays) }, func(s *Standing) uint8 { return s.R })
	sane("F", func(s *Standing) int64 { return int64(s.Frequency) }, func(s *Standing) uint8 { return s.F })
	sane("M", func(s *Standing) int64 { return int64(s.Monetary) }, func(s *Standing) uint8 { return s.M })
}

// TestOnlineRetail folds the receipts of UCI Online Retail (CC BY 4.0, Chen
// 2015, doi 10.24432/C5BW33) as of their last day: entered at once in the order
// of the file, and day by day. A negative receipt names no receipt; a receipt of
// nothing only makes the member known.
func TestOnlineRetail(t *testing.T) {
	rows := shared(t, "onlineretail/receipts.csv.gz")
	end := dayOf(t, "2011-12-09")
	// A member is registered on the day of the earliest row.
	registered := map[string]kopilka.Day{}
	for _, row := range rows {
		d := dayOf(t, row[2])
		if was, ok := registered[row[1]]; !ok || d < was {
			registered[row[1]] = d
		}
	}
	feed := func(x *Index, twin *twin, sorted bool) numbers {
		rows := slices.Clone(rows)
		if sorted {
			slices.SortStableFunc(rows, func(a, b []string) int { return strings.Compare(a[2], b[2]) })
		}
		names := numbers{}
		for _, row := range rows {
			if row[1] == "" {
				continue
			}
			day := dayOf(t, row[2])
			for sorted && x.Day() < day {
				x.Tick(nil)
			}
			no, isNew := names.of(row[1])
			m := kopilka.MemberNo(no)
			if isNew {
				x.Enrol(m, registered[row[1]])
				twin.registered = append(twin.registered, int(registered[row[1]]))
			}
			amount := minor(t, row[3])
			switch {
			case amount > 0:
				x.Purchase(m, day, 1, kopilka.Money(amount))
				twin.receipts = append(twin.receipts, receipt{no, int(day), amount})
			case amount < 0:
				x.Purchase(m, day, 0, kopilka.Money(amount))
				twin.refunds = append(twin.refunds, refund{no, int(day), -amount})
			}
		}
		return names
	}

	f := func(what string, r program.RFM, segments [7]int64) {
		t.Helper()
		for _, sorted := range []bool{false, true} {
			x := New()
			start := end
			if sorted {
				start = dayOf(t, "2010-12-01")
			}
			x.Start(start)
			x.SetRule(&r, 90)
			twin := &twin{day: int(end), rule: r, tierWindow: 90}
			feed(x, twin, sorted)
			want := twin.standings(int(end))
			for i := range want {
				m := kopilka.MemberNo(i)
				if got := x.Standing(m); got != *want[i] {
					t.Fatalf("%s: member %d: %+v; want %+v", what, m, got, *want[i])
				}
				if err := x.Check(m); err != nil {
					t.Fatalf("%s: %v", what, err)
				}
			}
			got := [7]int64{}
			for i, s := range x.Counts() {
				got[i] = s.Members
			}
			if got != segments {
				t.Fatalf("%s: none, core, loyal, whales, new, sleeping, lost are %v; want %v", what, got, segments)
			}
			if n := x.Members(); n != 4372 || n-int(got[0]) != 4338 {
				t.Fatalf("%s: %d members, %d of them never bought; want 4372 and 4338 who did", what, n, got[0])
			}
			// Half a year before, as it would have stood.
			half := end - 182
			table := x.AsOf(half).Table()
			want = twin.standings(int(half))
			for i := range want {
				at, ok := table.Standing(kopilka.MemberNo(i))
				if ok != (want[i] != nil) || ok && at != *want[i] {
					t.Fatalf("%s: as of %s: member %d: %+v, %t; want %+v", what, half, i, at, ok, want[i])
				}
			}
		}
	}
	r := defaultRule()
	f("thresholds", r, [7]int64{34, 16, 1871, 0, 1593, 73, 785})
	r.R, r.F, r.M = program.Axis{Quintiles: true}, program.Axis{Quintiles: true}, program.Axis{Quintiles: true}
	f("quintiles", r, [7]int64{34, 1263, 312, 126, 879, 388, 1370})
}
