package importer

import (
	"encoding/csv"
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// pourRows imports a file of so many rows, which have made ids, and holds what came
// of it against one law: every row is taken, under its own number, or set
// aside as it stood; those in bad are, and no other.
func pourRows(t *testing.T, what string, header string, rows []string, end string, bad ...int) {
	t.Helper()
	path := write(t, "r.csv", header+"\n"+strings.Join(rows, "\n")+end)
	x := newRecorder()
	s := mustRun(t, Options{Kind: Receipts, File: path}, x)
	if s.Rows != int64(len(rows)) || s.SetAside != int64(len(bad)) || s.Receipts != s.Rows-s.SetAside {
		t.Fatalf("%s: rows %d, set aside %d, taken %d; want %d and %v set aside\n%s", what, s.Rows, s.SetAside, s.Receipts, len(rows), bad, strings.Join(rows, "\n"))
	}
	var taken []int
	for _, row := range x.rows {
		no, err := strconv.Atoi(row.ID[strings.LastIndexByte(row.ID, '-')+1:])
		if err != nil || int64(no) != row.No {
			t.Fatalf("%s: row %d has the id %s", what, row.No, row.ID)
		}
		if int(row.Amount) != 1000+no-1 {
			t.Fatalf("%s: row %d has the amount of row %d", what, no, row.Amount-1000+1)
		}
		taken = append(taken, no-1)
	}
	if len(bad) == 0 {
		return
	}
	// The file of rows set aside is a CSV that is sound from end to end.
	rejected, err := csv.NewReader(strings.NewReader(readRejected(t, path))).ReadAll()
	if err != nil {
		t.Fatalf("%s: %v", what, err)
	}
	for i, no := range slices.Sorted(slices.Values(bad)) {
		if slices.Contains(taken, no) || rejected[i+1][0] != fmt.Sprint(no+1) || rejected[i+1][2] != rows[no] {
			t.Fatalf("%s: set aside is %q; want row %d, %q", what, rejected[i+1], no+1, rows[no])
		}
	}
}

const quotesHeader = "member,timestamp,amount,store,note"

// sales are rows whose amount tells their number, some with fields in quotes.
func sales(n int, store, note string) []string {
	rows := make([]string, n)
	for i := range rows {
		rows[i] = fmt.Sprintf("m%d,2026-01-%02d,%d,%s,%s", i, i%28+1, 1000+i, store, note)
	}
	return rows
}

// stray puts a quote into a row.
func stray(row string, at int) string { return row[:at] + `"` + row[at:] }

// TestStrayQuote puts one quote at every place of every row: that row is set
// aside, and no other is touched.
func TestStrayQuote(t *testing.T) {
	for _, fields := range [][2]string{{"S1", "n"}, {"", ""}, {`"S 1"`, `"n, n"`}, {`"S ""1"""`, `""`}} {
		plain := sales(6, fields[0], fields[1])
		pourRows(t, "no quote", quotesHeader, plain, "\n")
		for no := range plain {
			for at := range len(plain[no]) + 1 {
				rows := slices.Clone(plain)
				rows[no] = stray(rows[no], at)
				end := [...]string{"\n", "", "\r\n"}[at%3]
				pourRows(t, fmt.Sprintf("row %d, place %d, end %q", no+1, at, end), quotesHeader, rows, end, no)
			}
		}
	}
}

// TestTwoStrayQuotes puts one into each of two rows, at every place of both: what
// lies between them is not a field.
func TestTwoStrayQuotes(t *testing.T) {
	plain := sales(6, "S", "n")
	for a := range len(plain[1]) + 1 {
		for b := range len(plain[1]) + 1 {
			rows := slices.Clone(plain)
			other := 2 + (a+b)%4
			rows[1], rows[other] = stray(rows[1], a), stray(rows[other], b)
			pourRows(t, fmt.Sprintf("row 2, place %d; row %d, place %d", a, other+1, b), quotesHeader, rows, "\n", 1, other)
		}
	}
}

// TestStrayQuoteAroundADelimiter has a row among the lines of a quote that has
// more delimiters than columns.
func TestStrayQuoteAroundADelimiter(t *testing.T) {
	rows := sales(6, "S", `"n, n"`)
	rows[1] = strings.Replace(rows[1], `"n, n"`, `"n`, 1)
	rows[2] = strings.Replace(rows[2], `"n, n"`, `""n, n"`, 1)
	pourRows(t, "two rows", quotesHeader, rows, "\n", 1, 2)
}

// TestNoRowVanishes strews quotes over files at random.
func TestNoRowVanishes(t *testing.T) {
	for seed := range uint64(300) {
		rnd := rand.New(rand.NewPCG(seed, 31))
		fields := []string{"", "x", `"x"`, `""`, `"x, y"`, `"say ""x"""`}
		var rows []string
		for i := range 2 + rnd.IntN(40) {
			rows = append(rows, fmt.Sprintf("m%d,2026-01-%02d,%d,%s,%s", i, i%28+1, 1000+i,
				fields[rnd.IntN(len(fields))], fields[rnd.IntN(len(fields))]))
		}
		var bad []int
		for no := range rows {
			if rnd.IntN(6) == 0 {
				rows[no] = stray(rows[no], rnd.IntN(len(rows[no])+1))
				bad = append(bad, no)
			}
		}
		pourRows(t, fmt.Sprint("seed ", seed), quotesHeader, rows, []string{"", "\n"}[rnd.IntN(2)], bad...)
	}
}

// TestNotesOfManyLines are fields in quotes as they should be: one row each,
// whatever the column that they stand in.
func TestNotesOfManyLines(t *testing.T) {
	const note = `"first, with a delimiter` + "\n\n" + `third ""line"", one, two, three, four` + "\r\n" + `the last"`
	f := func(header, row string) {
		t.Helper()
		var rows []string
		for i := range 9 {
			rows = append(rows, strings.NewReplacer("M", fmt.Sprint("m", i), "T", "2026-01-05", "A", fmt.Sprint(1000+i), "NOTE", note).Replace(row))
		}
		pourRows(t, row, header, rows, "\n")
	}
	f("note,member,timestamp,amount", "NOTE,M,T,A")
	f("member,note,timestamp,amount", "M,NOTE,T,A")
	f("member,timestamp,amount,note", "M,T,A,NOTE")
	f("member,note,timestamp,amount,more", "M,NOTE,T,A,NOTE")

	x := newRecorder()
	s := mustRun(t, Options{Kind: Members, File: write(t, "m.csv", "card,comment\nanna,\"likes\ncoffee, tea\"\nboris,\n")}, x)
	if s.Rows != 2 || s.Members != 2 || x.rows[1].Card != "boris" {
		t.Fatalf("%+v", s)
	}
	// A fault in such a row leaves it one row.
	path := write(t, "r.csv", "member,timestamp,amount,note\nm,2026-01-05,bad,"+note+"\nm,2026-01-05,5,\n")
	s = mustRun(t, Options{Kind: Receipts, File: path}, newRecorder())
	rejected, err := csv.NewReader(strings.NewReader(readRejected(t, path))).ReadAll()
	if err != nil || s.Rows != 2 || s.SetAside != 1 || !strings.HasPrefix(rejected[1][5], "first, with a delimiter\n\nthird \"line\"") {
		t.Fatalf("%+v, %q, %v", s, rejected, err)
	}
}

// TestQuoteInTheHeader is an error: what the columns are is not known.
func TestQuoteInTheHeader(t *testing.T) {
	for at := range len(quotesHeader) + 1 {
		path := write(t, "r.csv", stray(quotesHeader, at)+"\n"+strings.Join(sales(3, "S", "n"), "\n"))
		_, err := Run(t.Context(), Options{Kind: Receipts, File: path}, newRecorder())
		if err == nil || !strings.Contains(err.Error(), "read the header: line 1: a ") {
			t.Fatalf("place %d: %v", at, err)
		}
	}
}

// TestResumeBesideTornLines goes on in a file with torn lines where it was.
func TestResumeBesideTornLines(t *testing.T) {
	saveAlways(t)
	rows := sales(30, `"S"`, "n")
	for no := 1; no < len(rows); no += 4 {
		rows[no] = stray(rows[no], no%9)
	}
	text := quotesHeader + "\n" + strings.Join(rows, "\n")
	whole := newRecorder()
	path := write(t, "r.csv", text)
	want := mustRun(t, Options{Kind: Receipts, File: path, BatchRows: 4}, whole)
	wantRejected := readRejected(t, path)
	for failAt := 2; failAt <= 7; failAt++ {
		path := write(t, "r.csv", text)
		x := newRecorder()
		x.failAt = failAt
		opts := Options{Kind: Receipts, File: path, BatchRows: 4}
		if _, err := Run(t.Context(), opts, x); err == nil {
			t.Fatalf("fail at %d: it did not", failAt)
		}
		s := mustRun(t, opts, x)
		if s.Resumed != int64(failAt-1)*4 || s.Rows != want.Rows || s.SetAside != want.SetAside || len(x.rows) != len(whole.rows) || readRejected(t, path) != wantRejected {
			t.Fatalf("fail at %d: %+v; want %+v", failAt, s, want)
		}
	}
}
