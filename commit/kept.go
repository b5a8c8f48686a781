package commit

import (
	"bytes"
	"fmt"

	"github.com/kopilka/kopilka"
)

// kept is the outcomes that are in no frame yet, as records of AppendKept in
// order of position. They ride in the next frames: taken when a frame is
// proposed, dropped when it is applied. A replay makes them anew, and dropping
// compares, so books that no longer come out as they did are found out at once.
type kept struct {
	buf   []byte // records not dropped
	taken int    // bytes of buf that are in frames on their way
}

// keptMax bounds the outcomes in one frame. With FrameMax it stays below the
// size at which Badger stores values elsewhere; what does not fit waits.
const keptMax = 192 << 10

func (k *kept) add(seq kopilka.Seq, outcome []byte) {
	k.buf = kopilka.AppendKept(k.buf, seq, outcome)
}

func (k *kept) bytes() []byte { return k.buf }

// take gives a copy of the next whole records, up to keptMax; at least one, if
// there is one.
func (k *kept) take() []byte {
	rest := k.buf[k.taken:]
	n := 0
	for n < len(rest) {
		size := recordLen(rest[n:])
		if n > 0 && n+size > keptMax {
			break
		}
		n += size
	}
	k.taken += n
	return bytes.Clone(rest[:n])
}

// giveBack undoes the newest take.
func (k *kept) giveBack(n int) { k.taken -= n }

// drop lets go of what a frame has brought into the log.
func (k *kept) drop(in []byte) {
	if !bytes.HasPrefix(k.buf, in) {
		panic(fmt.Sprintf("commit: the log holds other outcomes than its commands have now: %d bytes of outcomes, %d in the books", len(in), len(k.buf)))
	}
	k.buf = k.buf[:copy(k.buf, k.buf[len(in):])]
	k.taken = max(0, k.taken-len(in))
}

// find gives the outcome of a position, if it is here.
func (k *kept) find(seq kopilka.Seq, out *kopilka.Outcome) (found bool, err error) {
	return findKept(k.buf, seq, out)
}

func findKept(records []byte, seq kopilka.Seq, out *kopilka.Outcome) (found bool, err error) {
	e := kopilka.EachKept(records, func(s kopilka.Seq, b []byte) bool {
		if s == seq {
			found, err = true, out.Read(b)
		}
		return s < seq
	})
	if err == nil {
		err = e
	}
	return found, err
}

// recordLen is the length of the first record.
func recordLen(b []byte) int {
	rest := kopilka.SkipKept(b)
	return len(b) - len(rest)
}
