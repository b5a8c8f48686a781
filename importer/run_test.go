package importer

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
	"github.com/kopilka/kopilka"
)

// recorder is books that keep the rows, and nothing else.
type recorder struct {
	name   string
	earn   bool
	rows   []Row
	ids    map[string]uint64 // id → content
	calls  int
	failAt int // of the calls of Submit; 0 = never
}

func discard() *slog.Logger { return slog.New(slog.DiscardHandler) }

func newRecorder() *recorder { return &recorder{name: "recorder", ids: map[string]uint64{}} }

var errBroken = errors.New("the books cannot be reached")

func (x *recorder) Open(context.Context) (Books, error) {
	zone, err := time.LoadLocation("Europe/London")
	return Books{Name: x.name, Zone: zone, Earn: x.earn}, err
}

func (x *recorder) Has(_ context.Context, id string) (bool, error) {
	_, has := x.ids[id]
	return has, nil
}

func (x *recorder) Submit(_ context.Context, rows []*Row, results []Result) error {
	x.calls++
	if x.calls == x.failAt {
		return errBroken
	}
	for i, row := range rows {
		results[i] = x.take(row)
	}
	return nil
}

func (x *recorder) take(row *Row) Result {
	var print kopilka.ContentPrint
	print.SetSecret(kopilka.ContentSecret{1})
	content := row.said(&print)
	if was, known := x.ids[row.ID]; known {
		if was != content {
			return Result{Fate: Refused, Reason: "idempotency-mismatch"}
		}
		return Result{Fate: Replayed}
	}
	for _, name := range []string{row.ReturnOf, row.Profile.Referrer} {
		if name != "" && !slices.ContainsFunc(x.rows, func(r Row) bool { return r.ID == name || r.Deed == Person && r.Card == name }) {
			return Result{Fate: Later, Reason: name + " is not known"}
		}
	}
	x.ids[row.ID] = content
	kept := *row
	kept.fields = nil
	x.rows = append(x.rows, kept)
	return Result{Fate: Done}
}

func write(t *testing.T, name, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

func mustRun(t *testing.T, opts Options, sink Sink) Summary {
	t.Helper()
	s, err := Run(t.Context(), opts, sink)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func readRejected(t *testing.T, path string) string {
	t.Helper()
	b, err := os.ReadFile(path + ".rejected.csv")
	if errors.Is(err, os.ErrNotExist) {
		return ""
	}
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// TestFaultsOfReceipts has a row of every kind of fault.
func TestFaultsOfReceipts(t *testing.T) {
	const header = "receipt_id,member,timestamp,amount,store,points_redeemed,return_of"
	f := func(row, reason string) {
		t.Helper()
		path := write(t, "r.csv", header+"\n"+row+"\ngood,m1,2026-01-02,5,,,\n")
		sink := newRecorder()
		s := mustRun(t, Options{Kind: Receipts, File: path}, sink)
		if s.Rows != 2 || s.SetAside != 1 || len(sink.rows) != 1 || sink.rows[0].ID != "good" || s.RejectedFile == "" {
			t.Fatalf("%s: %+v", row, s)
		}
		got := readRejected(t, path)
		if !strings.HasPrefix(got, "row,reason,"+header+"\n1,") || !strings.Contains(got, reason) || strings.Count(got, "\n") < 2 {
			t.Fatalf("%s: rejected is %q; want the reason %q", row, got, reason)
		}
	}
	f("a,m,2026-01-01,x,,,", "amount \"\"x\"\" is not a plain decimal number")
	f("a,m,2026-01-01,,,,", "amount is empty")
	f("a,m,,5,,,", "timestamp is empty")
	f("a,m,yesterday,5,,,", "timestamp")
	f(",m,2026-01-01,5,,,", "receipt_id is empty")
	f("a b,m,2026-01-01,5,,,", "receipt_id")
	f(strings.Repeat("a", 65)+",m,2026-01-01,5,,,", "receipt_id")
	f("a,m/n,2026-01-01,5,,,", "member")
	f("a,Ирина,2026-01-01,5,,,", "member")
	f("a,"+strings.Repeat("m", 33)+",2026-01-01,5,,,", "member")
	f("a,m,2026-01-01,5,"+strings.Repeat("s", 65)+",,", "store")
	f("a,m,2026-01-01,5,\xff,,", "store is not valid UTF-8")
	f("a,m,2026-01-01,5,s\x01,,", "control character")
	f("a,m,2026-01-01,5,,-1,", "points_redeemed is negative")
	f("a,,2026-01-01,5,,1,", "points_redeemed stands on a row without a member")
	f("a,m,2026-01-01,5,,,b", "return_of stands on a row whose amount is not negative")
	f("a,m,2026-01-01,0,,,b", "return_of stands on a row whose amount is not negative")
	f("a,m,2026-01-01,-5,,,b c", "return_of")
	f("a,m,2026-01-01,-5,,,nothing", "nothing is not known")
	f("a,m,2026-01-01,5,,", "wrong number of fields")
	f("a,m,2026-01-01,5,,,,", "wrong number of fields")
	f("a,m\"n,2026-01-01,5,,,", "bare \"\"")
}

func TestFaultsOfMembers(t *testing.T) {
	const header = "card,phone,name,birth_date,sex,store,registered_at,referrer,source,balance"
	f := func(row, reason string) {
		t.Helper()
		path := write(t, "m.csv", header+"\n"+row+"\ngood,,,,,,,,,\n")
		sink := newRecorder()
		s := mustRun(t, Options{Kind: Members, File: path}, sink)
		if s.Rows != 2 || s.SetAside != 1 || s.Members != 1 {
			t.Fatalf("%s: %+v", row, s)
		}
		if got := readRejected(t, path); !strings.Contains(got, reason) {
			t.Fatalf("%s: rejected is %q; want the reason %q", row, got, reason)
		}
	}
	f(",,,,,,,,,", "card is empty")
	f("a/b,,,,,,,,,", "card")
	f("a,12345,,,,,,,,", "phone")
	f("a,,,1985-02-30,,,,,,", "birth_date")
	f("a,,,,male?,,,,,", "sex")
	f("a,,,,,,soon,,,", "registered_at")
	f("a,,,,,,,a,,", "referrer is the member's own card")
	f("a,,,,,,,b,,", "b is not known")
	f("a,,,,,,,,,-1", "balance is negative")
	f("a,,,,,,,,,1.5", "balance")
}

// TestShapes reads the same rows in every wrapping.
func TestShapes(t *testing.T) {
	const plain = "receipt_id,member,timestamp,amount,till\n" +
		"1,m1,2026-06-01 10:00:00,5,\"t,1\"\n2,,2026-06-01,-7,\"a \"\"b\"\"\"\n3,Abbey O'Reilly,2026-06-03T10:00:00Z,0,\n"
	want := newRecorder()
	mustRun(t, Options{Kind: Receipts, File: write(t, "plain.csv", plain)}, want)
	if len(want.rows) != 3 || want.rows[0].Till != "t,1" || want.rows[1].Till != `a "b"` || want.rows[2].Card != "Abbey_O'Reilly" ||
		want.rows[1].Deed != GoodsBack || want.rows[1].Amount != 7 || want.rows[0].At.String() != "2026-06-01T09:00:00.000Z" {
		t.Fatalf("%+v", want.rows)
	}
	f := func(name, text string, opts Options) {
		t.Helper()
		got := newRecorder()
		opts.Kind, opts.File = Receipts, write(t, name, text)
		mustRun(t, opts, got)
		if !reflect.DeepEqual(got.rows, want.rows) {
			t.Fatalf("%s: %+v; want %+v", name, got.rows, want.rows)
		}
	}
	var gz bytes.Buffer
	z := gzip.NewWriter(&gz)
	z.Write([]byte(plain))
	z.Close()
	zs, err := zstd.NewWriter(nil)
	if err != nil {
		t.Fatal(err)
	}
	f("gz", gz.String(), Options{})
	f("gz-with-mark", gzipped("\xef\xbb\xbf"+plain), Options{})
	f("zstd", string(zs.EncodeAll([]byte(plain), nil)), Options{})
	f("mark", "\xef\xbb\xbf"+plain, Options{})
	f("crlf", strings.ReplaceAll(plain, "\n", "\r\n"), Options{})
	f("no newline at the end", strings.TrimSuffix(plain, "\n"), Options{})
	f("blanks", strings.ReplaceAll(plain, ",m1,", ", m1 ,"), Options{})
	f("empty lines", strings.ReplaceAll(plain, "\n", "\n\n"), Options{})
	f("small batches", plain, Options{BatchRows: 1})
	f("semicolons", "receipt_id;member;timestamp;amount;till\n1;m1;2026-06-01 10:00:00;5;t,1\n2;;2026-06-01;-7;\"a \"\"b\"\"\"\n"+
		"3;Abbey O'Reilly;2026-06-03T10:00:00Z;0;\n", Options{Delimiter: ';'})
	f("other names and more columns", "kind,no,who,when,sum,reg\nsale,1,m1,2026-06-01 10:00:00,5,\"t,1\"\n"+
		"refund,2,,2026-06-01,-7,\"a \"\"b\"\"\"\nsale,3,Abbey O'Reilly,2026-06-03T10:00:00Z,0,\n",
		Options{Columns: map[string]string{"receipt_id": "no", "member": "who", "timestamp": "when", "amount": "sum", "till": "reg"}})
}

func gzipped(s string) string {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	z.Write([]byte(s))
	z.Close()
	return b.String()
}

// TestFilesThatCannotBeRead are errors, not rows set aside.
func TestFilesThatCannotBeRead(t *testing.T) {
	f := func(text string, opts Options, want string) {
		t.Helper()
		opts.File = write(t, "r.csv", text)
		if opts.Kind == 0 {
			opts.Kind = Receipts
		}
		_, err := Run(t.Context(), opts, newRecorder())
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Fatalf("%q: %v; want %q", text, err, want)
		}
	}
	f("", Options{}, "is empty")
	f("receipt_id,member_id,timestamp,amount\n", Options{}, `no column "member" for member; it has receipt_id, member_id`)
	f("member;timestamp;amount\n", Options{}, "no column")
	f("member,member,timestamp,amount\n", Options{}, "twice")
	f("member,timestamp,amount\n", Options{Columns: map[string]string{"store": "shop"}}, `no column "shop" for store`)
	f("member,timestamp,amount\n", Options{Columns: map[string]string{"shop": "store"}}, `receipts have no column "shop"`)
	f("member,timestamp,amount\n", Options{Kind: Members}, `no column "card"`)
	f("member,timestamp,amount\n", Options{Decimals: 5}, "5 decimals")
	f("member,timestamp,amount\n", Options{Delimiter: '"'}, "cannot stand between fields")
	f("PK\x03\x04rest", Options{}, "zip archive")
	f("\xff\xfem\x00", Options{}, "UTF-16")
	f(gzipped("member,timestamp,amount\nm,2026-01-01,5\n")[:30], Options{}, "unexpected EOF")
	if _, err := Run(t.Context(), Options{Kind: Receipts, File: "there is no such file"}, newRecorder()); err == nil {
		t.Fatal("a file that is not there was read")
	}
}

// TestMadeIDs are the same for the same file, packed or not, and others for
// another file.
func TestMadeIDs(t *testing.T) {
	const text = "member,timestamp,amount\nm1,2026-06-01,5\nm1,2026-06-02,5\n"
	ids := func(name, text string) (ids []string) {
		x := newRecorder()
		mustRun(t, Options{Kind: Receipts, File: write(t, name, text)}, x)
		for _, row := range x.rows {
			ids = append(ids, row.ID)
		}
		return ids
	}
	plain := ids("sales.csv", text)
	if len(plain) != 2 || plain[0] == plain[1] || !strings.HasSuffix(plain[1], "-2") || len(plain[1]) != 10 {
		t.Fatal(plain)
	}
	if packed := ids("sales.csv.gz", gzipped(text)); !slices.Equal(packed, plain) {
		t.Fatalf("packed: %v; plain: %v", packed, plain)
	}
	if other := ids("other.csv", text); other[0] == plain[0] {
		t.Fatalf("two files have the id %s", plain[0])
	}
}

// TestLater takes returns before their receipts, and referrers after who they invited.
func TestLater(t *testing.T) {
	x := newRecorder()
	path := write(t, "r.csv", "receipt_id,member,timestamp,amount,return_of\nc,m,2026-06-03,-1,b\nb2,m,2026-06-02,-2,a\nd,m,2026-06-02,-2,none\na,m,2026-06-01,5,\nb,m,2026-06-02,3,\n"+
		"e,m,2026-06-02,3,\nf,m,2026-06-02,3,\ng,m,2026-06-02,3,\nh,m,2026-06-02,3,\n")
	s := mustRun(t, Options{Kind: Receipts, File: path, BatchRows: 1}, x)
	if s.Rows != 9 || s.Receipts != 6 || s.Returns != 2 || s.SetAside != 1 || !strings.Contains(readRejected(t, path), "3,none is not known,d,m,2026-06-02,-2,none\n") {
		t.Fatalf("%+v %q", s, readRejected(t, path))
	}
	x = newRecorder()
	path = write(t, "m.csv", "card,referrer\nd,c\nc,b\nb,a\na,\nx,y\ny,x\n")
	s = mustRun(t, Options{Kind: Members, File: path}, x)
	if s.Members != 4 || s.SetAside != 2 {
		t.Fatalf("%+v %q", s, readRejected(t, path))
	}
}

// random makes a file with good rows and bad ones.
func random(rnd *rand.Rand, rows int) string {
	var b strings.Builder
	b.WriteString("receipt_id,member,timestamp,amount\n")
	for i := range rows {
		amount := fmt.Sprint(rnd.IntN(1000) - 200)
		if rnd.IntN(10) == 0 {
			amount = "bad"
		}
		fmt.Fprintf(&b, "r%d,m%d,2026-01-%02d,%s\n", i, rnd.IntN(50), 1+rnd.IntN(28), amount)
	}
	return b.String()
}

func TestCancel(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	path := write(t, "r.csv", random(rand.New(rand.NewPCG(5, 6)), 100))
	if _, err := Run(ctx, Options{Kind: Receipts, File: path, BatchRows: 10}, newRecorder()); !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
}

const onlineRetail = "../../shared/data/onlineretail/receipts.csv.gz"

func retailOptions(t testing.TB) Options {
	t.Helper()
	if _, err := os.Stat(onlineRetail); err != nil {
		t.Skipf("SKIPPED, the data of Online Retail are not there: %v", err)
	}
	dir := t.TempDir()
	return Options{Kind: Receipts, File: onlineRetail, Decimals: 2, Columns: map[string]string{"member": "member_id"},
		ProgressDir: dir, RejectedFile: filepath.Join(dir, "rejected.csv")}
}

// TestOnlineRetail holds the real data against the figures of their README.
func TestOnlineRetail(t *testing.T) {
	x := newRecorder()
	s := mustRun(t, retailOptions(t), x)
	if s.Rows != 25_900 || s.SetAside != 0 || s.Anonymous != 3_710 || s.Receipts+s.Returns != 25_900 {
		t.Fatalf("%+v", s)
	}
	var net, netOfMembers kopilka.Money
	members := map[string]bool{}
	withMember, sales, returns, zero := 0, 0, 0, 0
	for _, row := range x.rows {
		amount := row.Amount
		if row.Deed == GoodsBack {
			amount = -amount
		}
		net += amount
		if row.Card == "" {
			continue
		}
		withMember++
		members[row.Card] = true
		netOfMembers += amount
		switch {
		case amount > 0:
			sales++
		case amount < 0:
			returns++
		default:
			zero++
		}
	}
	if net != 974_774_793 || netOfMembers != 830_006_581 {
		t.Fatalf("net %d, of members %d", net, netOfMembers)
	}
	if withMember != 22_190 || sales != 18_532 || returns != 3_654 || zero != 4 || len(members) != 4_372 {
		t.Fatalf("%d with a member: %d sales, %d returns, %d of nothing; %d members", withMember, sales, returns, zero, len(members))
	}
}

// BenchmarkRead is reading and checking alone: both passes, no books.
func BenchmarkRead(b *testing.B) {
	path := filepath.Join(b.TempDir(), "r.csv")
	const rows = 100_000
	if err := os.WriteFile(path, []byte(random(rand.New(rand.NewPCG(7, 8)), rows)), 0o644); err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Run(b.Context(), Options{Kind: Receipts, File: path}, nowhere{}); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(rows)*float64(b.N)/b.Elapsed().Seconds(), "rows/s")
}

// nowhere takes everything and keeps nothing.
type nowhere struct{}

func (nowhere) Open(context.Context) (Books, error) {
	return Books{Name: "nowhere", Zone: time.UTC}, nil
}

func (nowhere) Has(context.Context, string) (bool, error) { return false, nil }

func (nowhere) Submit(_ context.Context, rows []*Row, results []Result) error {
	for i := range rows {
		results[i].Fate = Done
	}
	return nil
}
