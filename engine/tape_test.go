package engine

import (
	"bufio"
	"bytes"
	"io"
	"math/rand/v2"
	"reflect"
	"sync"
	"testing"

	"github.com/kopilka/kopilka"
)

// tape is commands as the log holds them: written down, with the log's time.
type tape []taped

type taped struct {
	at   kopilka.Time
	body []byte
}

// record makes up n commands, as TestStep does, and writes them down.
func record(seed uint64, n int) (tape, *till) {
	s := New()
	x := newTill(seed, s)
	var t tape
	var out kopilka.Outcome
	for queue := x.openers(); len(t) < n; queue = x.next() {
		for _, c := range queue {
			t = append(t, taped{x.now, kopilka.AppendCommand(nil, c)})
			s.Apply(x.now, c, &out)
			x.took(c, &out)
		}
	}
	return t, x
}

// play gives the commands to a state and calls each, unless nil, after every one.
func (t tape) play(tb testing.TB, s *State, each func(i int, out *kopilka.Outcome)) *State {
	tb.Helper()
	var d kopilka.Decoder
	var out kopilka.Outcome
	for i, e := range t {
		c, rest, err := d.Next(e.body)
		if err != nil || len(rest) != 0 {
			tb.Fatalf("command %d of the tape: %v, %d bytes after it", i, err, len(rest))
		}
		s.Apply(e.at, c, &out)
		if each != nil {
			each(i, &out)
		}
	}
	return s
}

// The same commands, written down and read back, give the same books and the
// same answers.
func TestReplay(t *testing.T) {
	for seed := range uint64(20) {
		tape, x := record(seed, 300)
		var answers [][]byte
		first := tape.play(t, New(), func(_ int, out *kopilka.Outcome) { answers = append(answers, out.Append(nil)) })
		second := tape.play(t, New(), func(i int, out *kopilka.Outcome) {
			if got := out.Append(nil); !bytes.Equal(got, answers[i]) {
				t.Fatalf("seed %d: command %d was answered\n%x, and then\n%x", seed, i, answers[i], got)
			}
			var back kopilka.Outcome
			if err := back.Read(answers[i]); err != nil || out.Refusal == 0 && !bytes.Equal(back.Append(nil), answers[i]) {
				t.Fatalf("seed %d: the kept outcome of command %d reads as %+v, %v", seed, i, back, err)
			}
		})
		if a, b, c := first.Hash(), second.Hash(), x.s.Hash(); a != b || a != c {
			t.Fatalf("seed %d: hashes %x, %x, and %x before the commands were written down", seed, a, b, c)
		}
	}
}

// interleaved goes on with a tape in the middle of whatever is written through
// it: some commands at every Write.
type interleaved struct {
	io.Writer
	apply func()
}

func (w *interleaved) Write(p []byte) (int, error) {
	w.apply()
	return w.Writer.Write(p)
}

// A picture is the state at its instant, although commands go on while it is
// written; and whoever goes on from it ends where the others end.
func TestPicture(t *testing.T) {
	debts, down, holds, certificates, numbers := 0, 0, 0, 0, 0
	for seed := range uint64(40) {
		rng := rand.New(rand.NewPCG(seed, 2))
		tape, _ := record(seed, 400)
		// Anywhere, but rather where somebody is in debt, on the way down, or holds something.
		var rare [3][]int
		s := New()
		tape.play(t, s, func(i int, _ *kopilka.Outcome) {
			held, _ := claimed(s)
			for what, there := range []bool{len(s.debts) > 0, len(s.above) > 0, held > 0} {
				if there {
					rare[what] = append(rare[what], i+1)
				}
			}
		})
		at := rng.IntN(len(tape))
		some := rare[seed%3]
		if len(rare[0]) > 0 {
			some = rare[0] // debts are the rarest
		}
		if len(some) > 0 && rng.IntN(4) > 0 {
			at = some[rng.IntN(len(some))]
		}
		s = tape[:at].play(t, New(), nil)
		debts += len(s.debts)
		down += len(s.above)
		held, given := claimed(s)
		holds, certificates, numbers = holds+held, certificates+given, numbers+s.Numbers()
		then := s.Hash()

		p := s.Picture(new(sync.Mutex))
		var written bytes.Buffer
		rest := tape[at:]
		_, err := p.WriteTo(&interleaved{&written, func() {
			n := min(len(rest), rng.IntN(40))
			rest[:n].play(t, s, nil)
			rest = rest[n:]
		}})
		if err != nil {
			t.Fatal(err)
		}
		p.Close()
		rest.play(t, s, nil)

		back := New()
		size := written.Len()
		written.WriteString("what follows")
		r := bufio.NewReaderSize(&written, 1<<20)
		if err := back.Restore(r); err != nil {
			t.Fatalf("seed %d: restore a picture of %d bytes: %v", seed, size, err)
		}
		if rest, _ := io.ReadAll(r); string(rest) != "what follows" {
			t.Fatalf("seed %d: after the picture follows %q", seed, rest)
		}
		if back.Seq() != kopilka.Seq(at) || back.Hash() != then {
			t.Fatalf("seed %d: a picture at position %d came back at %d with another hash", seed, at, back.Seq())
		}
		if err := back.Check(); err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
		if tape[at:].play(t, back, nil); back.Hash() != s.Hash() {
			t.Fatalf("seed %d: books restored at %d of %d end elsewhere", seed, at, len(tape))
		}
		if back.Now() != s.Now() || !reflect.DeepEqual(back.Keys(), s.Keys()) {
			t.Fatalf("seed %d: at %s with %d keys; want %s with %d", seed, back.Now(), len(back.Keys()), s.Now(), len(s.Keys()))
		}
	}
	if debts == 0 || down == 0 || holds == 0 || certificates == 0 || numbers == 0 {
		t.Fatalf("%d members in debt, %d on the way down, %d holds, %d certificates and %d numbers in all pictures", debts, down, holds, certificates, numbers)
	}
}

// claimed counts the holds and certificates of all members.
func claimed(s *State) (holds, certificates int) {
	for m := range kopilka.MemberNo(s.Members()) {
		v := s.Row(m, s.Now())
		holds, certificates = holds+len(v.Holds), certificates+len(v.Certificates)
	}
	return holds, certificates
}

// A picture that is cut anywhere is refused.
func TestPictureCut(t *testing.T) {
	tape, _ := record(1, 100)
	s := tape.play(t, New(), nil)
	var b bytes.Buffer
	p := s.Picture(new(sync.Mutex))
	if _, err := p.WriteTo(&b); err != nil {
		t.Fatal(err)
	}
	p.Close()
	whole := b.Bytes()
	for _, n := range []int{0, 3, 4, 100, len(whole) / 2, len(whole) - 1} {
		if err := New().Restore(bytes.NewReader(whole[:n])); err == nil {
			t.Fatalf("a picture cut from %d to %d bytes was restored", len(whole), n)
		}
	}
}

// Reading the books, all of them and after every command, leaves them as they
// are.
func TestReadingChangesNothing(t *testing.T) {
	for seed := range uint64(10) {
		tape, x := record(seed, 300)
		quiet := tape.play(t, New(), nil)
		s := New()
		var quote kopilka.Outcome
		tape.play(t, s, func(int, *kopilka.Outcome) {
			if s.Members() == 0 {
				return
			}
			x.s = s
			sale := x.receipt()
			if sale.Member != kopilka.NoMember && int(sale.Member) >= s.Members() {
				sale.Member = x.anyone() // the hold is of somebody who comes later
			}
			s.Quote(s.Now(), sale, &quote)
			s.Member(x.anyone(), s.Now())
			if err := s.Check(); err != nil {
				t.Fatal(err)
			}
		})
		if s.Hash() != quiet.Hash() {
			t.Fatalf("seed %d: reading changed the books", seed)
		}
	}
}
