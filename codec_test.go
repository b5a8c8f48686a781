package kopilka

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"
)

// everyKind is an empty command of every kind.
func everyKind() (all []Command) {
	var d Decoder
	for k := Kind(1); k < kindEnd; k++ {
		all = append(all, reflect.New(reflect.TypeOf(d.command(k)).Elem()).Interface().(Command))
	}
	return all
}

// fill gives every field of v a random value: small ones, large ones and zeros.
func fill(rng *rand.Rand, v reflect.Value) {
	n := rng.Uint64() >> rng.IntN(64)
	if rng.IntN(5) == 0 {
		n = 0
	}
	switch v.Kind() {
	case reflect.Bool:
		v.SetBool(n&1 == 1)
	case reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		v.SetUint(n & (1<<v.Type().Bits() - 1))
	case reflect.Int:
		v.SetInt(int64(n >> 1))
	case reflect.Int32:
		v.SetInt(int64(int32(n)))
	case reflect.Int64:
		v.SetInt(int64(n))
	case reflect.String:
		b := make([]byte, rng.IntN(40))
		for i := range b {
			b[i] = byte(rng.Uint32())
		}
		v.SetString(string(b))
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), int(n%5), int(n%5)))
		fallthrough
	case reflect.Array:
		for i := range v.Len() {
			fill(rng, v.Index(i))
		}
	case reflect.Struct:
		for i := range v.NumField() {
			fill(rng, v.Field(i))
		}
	default:
		panic("a field of kind " + v.Kind().String())
	}
}

// text is a value to compare by: it shows every field, and nothing as empty.
func text(v any) string { return fmt.Sprintf("%+v", v) }

// Whatever is written is read again, one after another, by a decoder that has
// read others before.
func TestCommandsRoundTrip(t *testing.T) {
	const seed = 1
	rng := rand.New(rand.NewPCG(seed, 1))
	var d Decoder
	for round := range 300 {
		var body []byte
		all := everyKind()
		rng.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
		for i, c := range all {
			if round > 0 { // at first all are empty
				fill(rng, reflect.ValueOf(c).Elem())
			}
			if r, ok := c.(*Receipt); ok && i%4 == 0 { // longer than two bytes of length can say
				r.Lines = append(r.Lines, Line{SKU: strings.Repeat("x", 1<<14)})
			}
			body = AppendCommand(body, c)
		}
		rest := body
		for _, want := range all {
			got, after, err := d.Next(rest)
			if err != nil || got.Kind() != want.Kind() || text(got) != text(want) {
				t.Fatalf("seed %d, round %d: %v\n got %+v\nwant %+v", seed, round, err, got, want)
			}
			if HeadOf(got).ID != HeadOf(want).ID {
				t.Fatalf("seed %d, round %d: id %q; want %q", seed, round, HeadOf(got).ID, HeadOf(want).ID)
			}
			rest = after
		}
		if _, _, err := d.Next(rest); err == nil {
			t.Fatal("a command was read from nothing")
		}
	}
}

// A command that was cut is refused, wherever the cut is.
func TestCommandCut(t *testing.T) {
	rng := rand.New(rand.NewPCG(2, 1))
	var d Decoder
	for _, c := range everyKind() {
		fill(rng, reflect.ValueOf(c).Elem())
		body := AppendCommand(nil, c)
		for n := range body {
			if got, _, err := d.Next(body[:n]); err == nil {
				t.Fatalf("%s cut from %d bytes to %d reads as %+v", c.Kind(), len(body), n, got)
			}
		}
	}
}

// Fields that an older version did not write read as zero, and a field that is
// cut in the middle is a fault.
func TestOlderCommand(t *testing.T) {
	d := decoder{b: appendString(appendUint(nil, 300), "anna")}
	if n, s := d.uint(), d.string(); n != 300 || s != "anna" || d.err != nil {
		t.Fatalf("%d %q %v", n, s, d.err)
	}
	var fixed [4]byte
	d.fixed(fixed[:])
	if d.uint() != 0 || d.int() != 0 || d.bool() || d.string() != "" || d.count() != 0 || fixed != [4]byte{} || d.err != nil {
		t.Fatalf("behind the end there is something, or %v", d.err)
	}
	f := func(b []byte, read func(d *decoder)) {
		t.Helper()
		d := decoder{b: b}
		if read(&d); d.err == nil {
			t.Fatalf("%x was read", b)
		}
		if d.uint() != 0 {
			t.Fatalf("after a fault something was read")
		}
	}
	f([]byte{0x80}, func(d *decoder) { d.uint() })
	f([]byte{0x80}, func(d *decoder) { d.int() })
	f(bytes.Repeat([]byte{0xff}, 11), func(d *decoder) { d.uint() })
	f([]byte{2, 'x'}, func(d *decoder) { d.bytes() })
	f([]byte{2, 0}, func(d *decoder) { d.count() })
	f([]byte{1, 2, 3}, func(d *decoder) { d.fixed(make([]byte, 4)) })
}

func TestUnknownKind(t *testing.T) {
	var d Decoder
	for _, k := range []byte{0, byte(kindEnd), 255} {
		if _, _, err := d.Next([]byte{k, 0}); err == nil || !strings.Contains(err.Error(), "newer version") {
			t.Fatalf("kind %d: %v", k, err)
		}
		if Kind(k).String() != "unknown" {
			t.Fatalf("kind %d is called %s", k, Kind(k))
		}
	}
	for _, c := range everyKind() {
		if c.Kind().String() == "unknown" || c.Kind().String() == "" {
			t.Fatalf("kind %d has no name", c.Kind())
		}
	}
}

// Reading a frame allocates nothing.
func TestDecoderAllocs(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 1))
	var body []byte
	for _, c := range everyKind() {
		fill(rng, reflect.ValueOf(c).Elem())
		body = AppendCommand(body, c)
	}
	var d Decoder
	read := func() {
		for rest := body; len(rest) > 0; {
			var err error
			if _, rest, err = d.Next(rest); err != nil {
				t.Fatal(err)
			}
		}
	}
	read()
	if n := testing.AllocsPerRun(100, read); n != 0 {
		t.Fatalf("reading a command of every kind allocates %v times", n)
	}
}

func TestOutcomeRoundTrip(t *testing.T) {
	const seed = 4
	rng := rand.New(rand.NewPCG(seed, 1))
	var got Outcome
	for round := range 500 {
		var want Outcome
		if round > 0 {
			fill(rng, reflect.ValueOf(&want).Elem())
		}
		if want.Goods == 0 {
			want.CashRefund, want.Restored, want.Lapsed, want.Taken, want.DebtMade = 0, 0, 0, 0, 0
			want.CertificateRestored, want.CertificateLapsed = 0, 0
		}
		if len(want.Uses) == 0 {
			want.CertificateUsed, want.Discount = 0, 0
		}
		if len(want.Legs) == 0 {
			want.LegsExpired = nil
		}
		// What only a refusal tells is not kept.
		want.Available, want.Requested, want.MaxRedeem, want.MaxCertificate, want.Coupon, want.Unfit = 0, 0, 0, 0, 0, 0
		b := want.Append(nil)
		if err := got.Read(b); err != nil || text(got) != text(want) {
			t.Fatalf("seed %d, round %d: %v\n got %+v\nwant %+v", seed, round, err, got, want)
		}
		clear(b)
		if text(got) != text(want) {
			t.Fatalf("seed %d, round %d: the outcome aliases what it was read from", seed, round)
		}
	}
	got.Reset()
	if text(got) != text(Outcome{Member: NoMember}) {
		t.Fatalf("reset: %+v", got)
	}
}

func TestKept(t *testing.T) {
	var kept []byte
	want := []string{"1 a", "300 ", "301 " + strings.Repeat("b", 500)}
	kept = AppendKept(kept, 1, []byte("a"))
	kept = AppendKept(kept, 300, nil)
	kept = AppendKept(kept, 301, bytes.Repeat([]byte("b"), 500))

	var got []string
	collect := func(seq Seq, outcome []byte) bool {
		got = append(got, fmt.Sprintf("%d %s", seq, outcome))
		return len(got) < 3
	}
	if err := EachKept(kept, collect); err != nil || !slices.Equal(got, want) {
		t.Fatalf("%q, %v", got, err)
	}
	got = got[:0]
	if err := EachKept(SkipKept(kept), collect); err != nil || !slices.Equal(got, want[1:]) {
		t.Fatalf("after the first: %q, %v", got, err)
	}
	got = make([]string, 2)
	if err := EachKept(kept, collect); err != nil || len(got) != 3 {
		t.Fatalf("stopped after %d, %v", len(got)-2, err)
	}
	if err := EachKept(kept[:len(kept)-1], func(Seq, []byte) bool { return true }); err == nil {
		t.Fatal("a cut kept part was read")
	}
}

// FuzzDecoder: no bytes make the decoder panic, and what it has read it writes
// and reads again as the same.
func FuzzDecoder(f *testing.F) {
	rng := rand.New(rand.NewPCG(5, 1))
	for _, c := range everyKind() {
		f.Add(AppendCommand(nil, c))
		fill(rng, reflect.ValueOf(c).Elem())
		f.Add(AppendCommand(nil, c))
	}
	f.Add([]byte{byte(KindReceipt), 3, 0xff, 0xff, 0xff})
	f.Fuzz(func(t *testing.T, body []byte) {
		var a, b Decoder
		for len(body) > 0 {
			c, rest, err := a.Next(body)
			if err != nil {
				return
			}
			if len(rest) >= len(body) {
				t.Fatalf("%d bytes left of %d", len(rest), len(body))
			}
			again, after, err := b.Next(AppendCommand(nil, c))
			if err != nil || len(after) != 0 || text(again) != text(c) {
				t.Fatalf("%v\n got %+v\nwant %+v", err, again, c)
			}
			body = rest
		}
	})
}

// FuzzOutcome: no bytes make reading an outcome panic.
func FuzzOutcome(f *testing.F) {
	o := Outcome{Member: 7, Goods: 5, Left: Remains{Lines: make([]RemainsLine, 2), Spent: make([]Lot, 1)}}
	f.Add(o.Append(nil))
	f.Fuzz(func(t *testing.T, b []byte) {
		var o, again Outcome
		if o.Read(b) != nil {
			return
		}
		if o.Goods == 0 {
			o.CashRefund, o.Restored, o.Lapsed, o.Taken, o.DebtMade = 0, 0, 0, 0, 0
		}
		if err := again.Read(o.Append(nil)); err != nil || text(again) != text(o) {
			t.Fatalf("%v\n got %+v\nwant %+v", err, again, o)
		}
	})
}
