package importer

import (
	"bufio"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"
	"testing/iotest"
)

// readRecords gives all records of a text, and its torn lines by their number.
func readRecords(t *testing.T, src io.Reader) (all [][]string, tears map[int64]*torn, lines int64, err error) {
	t.Helper()
	r := newRecords(bufio.NewReaderSize(src, sourceBuffer), ',')
	tears = map[int64]*torn{}
	for {
		fields, err := r.next(nil)
		var bad *torn
		switch {
		case errors.As(err, &bad):
			if _, twice := tears[bad.line]; twice {
				t.Fatalf("line %d is torn twice", bad.line)
			}
			tears[bad.line] = bad
		case err == io.EOF:
			return all, tears, r.line, nil
		case err != nil:
			return all, tears, r.line, err
		default:
			all = append(all, fields)
		}
	}
}

// TestRecords names the cases of the grammar one by one.
func TestRecords(t *testing.T) {
	f := func(text string, want ...string) {
		t.Helper()
		all, tears, _, err := readRecords(t, strings.NewReader(text))
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, fields := range all {
			got = append(got, fmt.Sprintf("%q", fields))
		}
		for line := range int64(20) {
			if bad := tears[line]; bad != nil {
				got = append(got, fmt.Sprintf("%d %s: %s", line, bad.reason, bad.text))
			}
		}
		if !slices.Equal(got, want) {
			t.Fatalf("%q:\ngot  %q\nwant %q", text, got, want)
		}
	}
	const (
		bare    = `a bare " in a field that is not in quotes`
		single  = `a " inside a field in quotes that is not doubled`
		unended = "a quote is not closed up to the end of the file"
	)
	f("")
	f("\n\r\n\n")
	f("a", `["a"]`)
	f("a,\r\n,b", `["a" ""]`, `["" "b"]`)
	f("\"a,\"\"b\"\"\n\nc\",d\n", `["a,\"b\"\n\nc" "d"]`)
	f("\"\",\"\"\n", `["" ""]`)
	f("a,b\nc\nd,e\n", `["a" "b"]`, `["d" "e"]`, "2 wrong number of fields: 1, where the header has 2: c")
	f("a,b\nc\"c,d\ne,f\n", `["a" "b"]`, `["e" "f"]`, "2 "+bare+`: c"c,d`)
	f("a,b\n\"c\"c,d\ne,f\n", `["a" "b"]`, `["e" "f"]`, "2 "+single+`: "c"c,d`)
	f("a,b\n\"c,d\r\ne,f\n", `["a" "b"]`, `["e" "f"]`, "2 "+unended+`: "c,d`)
	f("a,b\n\"c,d\ne,\"f\"\ng,h", `["a" "b"]`, `["e" "f"]`, `["g" "h"]`, "2 "+single+`: "c,d`)
	f("a,b\nc,\"d\ne\",f\ng,h", `["a" "b"]`, `["g" "h"]`, "2 wrong number of fields: 3, where the header has 2: c,\"d", "3 "+bare+`: e",f`)
	f("a,b\nc,\"", `["a" "b"]`, "2 "+unended+`: c,"`)
}

// TestRecordsAgainstTwin reads random texts beside encoding/csv. What that
// reads without a fault is read the same; otherwise no line is lost.
func TestRecordsAgainstTwin(t *testing.T) {
	sound := 0
	for seed := range uint64(30_000) {
		rnd := rand.New(rand.NewPCG(seed, 21))
		var b strings.Builder
		parts := []string{"a", "b", ",", ",", "\n", "\n", "\r\n", `"`, `"x"`, `"`, "\"p\nq\"", `""`, "\r"}
		for range 1 + rnd.IntN(16) {
			b.WriteString(parts[rnd.IntN(len(parts))])
		}
		text := b.String()
		all, tears, lines, err := readRecords(t, iotest.HalfReader(strings.NewReader(text)))
		if err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
		if want, err := csv.NewReader(strings.NewReader(text)).ReadAll(); err == nil {
			sound++
			if len(tears) > 0 || len(want)+len(all) > 0 && !reflect.DeepEqual(all, want) {
				t.Fatalf("seed %d: %q: %q, torn %v; encoding/csv has %q", seed, text, all, tears, want)
			}
		}
		whole := strings.Split(text, "\n")
		if whole[len(whole)-1] == "" {
			whole = whole[:len(whole)-1]
		}
		if lines != int64(len(whole)) {
			t.Fatalf("seed %d: %q: %d lines taken of %d", seed, text, lines, len(whole))
		}
		for _, bad := range tears {
			if stood := strings.TrimSuffix(whole[bad.line-1], "\r"); bad.text != stood {
				t.Fatalf("seed %d: %q: line %d is set aside as %q; it is %q", seed, text, bad.line, bad.text, stood)
			}
		}
	}
	if sound < 1000 {
		t.Fatalf("only %d sound texts: the generator is at fault", sound)
	}
}

// TestRecordsOfAnyLength lets records of all sizes fall on the edges of the buffer.
func TestRecordsOfAnyLength(t *testing.T) {
	for seed := range uint64(4) {
		rnd := rand.New(rand.NewPCG(seed, 22))
		var b strings.Builder
		w := csv.NewWriter(&b)
		var want [][]string
		for b.Len() < 5*sourceBuffer {
			note := strings.Repeat(strings.Repeat("n", rnd.IntN(400))+"\n", rnd.IntN(recordLines))
			if rnd.IntN(3) > 0 {
				note = "short"
			}
			want = append(want, []string{fmt.Sprint(len(want)), note, "x"})
			w.Write(want[len(want)-1])
			w.Flush()
		}
		all, tears, _, err := readRecords(t, iotest.HalfReader(strings.NewReader(b.String())))
		if err != nil || len(tears) > 0 || !reflect.DeepEqual(all, want) {
			t.Fatalf("seed %d: %d records of %d, %d torn, %v", seed, len(all), len(want), len(tears), err)
		}
	}
}

// TestRecordsBounds stands on both sides of what a record may be.
func TestRecordsBounds(t *testing.T) {
	f := func(what, record string, whole bool) {
		t.Helper()
		all, tears, _, err := readRecords(t, strings.NewReader("a,b\n"+record+"\nc,d\n"))
		if err != nil || !slices.Equal(all[len(all)-1], []string{"c", "d"}) || (tears[2] == nil) != whole {
			t.Fatalf("%s: %d records, %d torn, %v", what, len(all), len(tears), err)
		}
		if whole && len(all) != 3 {
			t.Fatalf("%s: %d records", what, len(all))
		}
	}
	f("100 lines", `x,"`+strings.Repeat("\n", recordLines-1)+`"`, true)
	f("101 lines", `x,"`+strings.Repeat("\n", recordLines)+`"`, false)
	f("64 KiB in two lines", `x,"`+"\n"+strings.Repeat("y", recordBytes-len(`x,"""`)-1)+`"`, true)
	f("a byte more in two lines", `x,"`+"\n"+strings.Repeat("y", recordBytes-len(`x,"""`))+`"`, false)
	f("64 KiB in a line", `x,`+strings.Repeat("y", recordBytes-2), true)
	f("a byte more in a line", `x,`+strings.Repeat("y", recordBytes-1), false)
	f("a line longer than the buffer", `x,`+strings.Repeat("y", 3*sourceBuffer+5), false)
	f("a quote before a line longer than the buffer", "x,\"\n"+strings.Repeat("y", 3*sourceBuffer+5), false)
	f("a line that ends at the buffer's end", `x,`+strings.Repeat("y", sourceBuffer-len("a,b\nx,\n")), false)

	_, tears, lines, err := readRecords(t, strings.NewReader("a,b\n"+strings.Repeat("y", 2*sourceBuffer)))
	if err != nil || lines != 2 || len(tears[2].text) != recordBytes {
		t.Fatalf("a long line at the end: %d lines, %v", lines, err)
	}
}

// TestRecordsCutShort gives what was read before the file could not be read on.
func TestRecordsCutShort(t *testing.T) {
	broken := errors.New("broken")
	for _, tail := range []string{"", "d", "\"d\ne\n", strings.Repeat("y", recordBytes+1)} {
		all, tears, _, err := readRecords(t, io.MultiReader(strings.NewReader("a,b\n1,2\n"+tail), iotest.ErrReader(broken)))
		if err != broken || len(all) != 2 || len(tears) != 0 {
			t.Fatalf("%.10q: %d records, %d torn, %v", tail, len(all), len(tears), err)
		}
	}
}
