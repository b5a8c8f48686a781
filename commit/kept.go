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
	buf     []byte
	dropped int // bytes at the front of buf that frames have brought into the log
	taken   int // bytes behind them that are in frames on their way
}

// keptMany is when outcomes have piled up: see Queue.propose.
const keptMany = 1 << 20

func (k *kept) add(seq kopilka.Seq, outcome []byte) {
	k.buf = kopilka.AppendKept(k.buf, seq, outcome)
}

// bytes are the records that are not dropped.
func (k *kept) bytes() []byte { return k.buf[k.dropped:] }

// take gives a copy of the next whole records, up to max bytes.
func (k *kept) take(max int) []byte {
	rest := k.bytes()[k.taken:]
	n := 0
	for n < len(rest) {
		size := len(rest[n:]) - len(kopilka.SkipKept(rest[n:]))
		if n+size > max {
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
	if !bytes.HasPrefix(k.bytes(), in) {
		panic(fmt.Sprintf("commit: the log holds other outcomes than its commands have now: %d bytes of outcomes, %d in the books", len(in), len(k.bytes())))
	}
	k.dropped += len(in)
	k.taken = max(0, k.taken-len(in))
	if k.dropped > len(k.buf)/2 {
		k.buf = k.buf[:copy(k.buf, k.bytes())]
		k.dropped = 0
	}
}

// find gives the outcome of a position, if it is here.
func (k *kept) find(seq kopilka.Seq, out *kopilka.Outcome) (found bool, err error) {
	return findKept(k.bytes(), seq, out)
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
