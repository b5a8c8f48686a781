package commit

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"sync"
	"sync/atomic"
	"time"

	"github.com/kopilka/kopilka"
	"github.com/kopilka/kopilka/engine"
	"github.com/kopilka/kopilka/outcomes"
	"github.com/kopilka/kopilka/wal"
)

// machine is the books as the log sees them: entries go in, and the answers to
// those who wait for them come out.
type machine struct {
	live atomic.Bool // entries have someone waiting for them
	seq  atomic.Uint64
	due  atomic.Int64 // when a scheduled program comes into force; 0 = none waits

	mu      sync.RWMutex // guards what follows; held for writing during Apply
	state   *engine.State
	pos     kopilka.Pos
	digest  kopilka.Digest
	kept    kept
	reached *sync.Cond // on mu.RLocker: an entry was applied
	decoder kopilka.Decoder
	scratch kopilka.Outcome
	bytes   []byte

	frames  chan *frame // proposed and not yet applied, in order
	picture sync.Mutex  // one picture at a time
	runs    *outcomes.Runs
	sealing sealing
	allow   func(*engine.State, func(kopilka.Seq) (Record, error)) error // see Options
	told    func(kopilka.Seq, *kopilka.Outcome)                          // of a Replay, whose entries nobody waits for
}

// frame is the tickets of one entry on its way through the log.
type frame struct{ tickets []*ticket }

func (f *frame) answer(err error) {
	for _, t := range f.tickets {
		if t.done != nil {
			t.err = err
			close(t.done)
		}
	}
}

// framesMax is how many frames can be between proposal and application.
const framesMax = 64

func newMachine(runs *outcomes.Runs) *machine {
	m := &machine{state: engine.New(), runs: runs, frames: make(chan *frame, framesMax)}
	m.reached = sync.NewCond(m.mu.RLocker())
	return m
}

// expect notes that a frame is about to be proposed, and gives the outcomes
// that ride in it, up to max bytes.
func (m *machine) expect(f *frame, max int) []byte {
	m.frames <- f
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.kept.take(max)
}

// behind tells whether outcomes wait in such numbers that frames should bring
// more of them and fewer commands.
func (m *machine) behind() bool {
	m.mu.RLock()
	defer m.mu.RUnlock()
	return len(m.kept.bytes()) > keptMany
}

// unexpect takes a frame back that did not get into the log. The proposer is
// one goroutine, so it is the newest one, and whatever went before it will be
// applied: the channel is turned round once.
func (m *machine) unexpect(f *frame, kept []byte) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for range len(m.frames) {
		if g := <-m.frames; g != f {
			m.frames <- g
		}
	}
	m.kept.giveBack(len(kept))
}

// Apply does the commands of an entry and answers those who wait for them.
func (m *machine) Apply(e *kopilka.Entry) {
	var f *frame
	m.mu.Lock()
	if m.live.Load() {
		select {
		case f = <-m.frames:
		default:
			panic(fmt.Sprintf("commit: nobody proposed entry %d", e.Pos.Index))
		}
	}
	if e.First != m.state.Seq()+1 {
		panic(fmt.Sprintf("commit: the entry %d begins at position %d, after position %d", e.Pos.Index, e.First, m.state.Seq()))
	}
	if len(e.Kept) > 0 {
		m.kept.drop(e.Kept)
	}
	body := e.Body
	if f != nil {
		for _, t := range f.tickets {
			body = m.applyTicket(e, t, body)
		}
	} else {
		for range e.Count {
			body = m.applyOne(e, body, &m.scratch)
			if m.told != nil {
				m.told(m.state.Seq(), &m.scratch)
			}
		}
	}
	if len(body) != 0 {
		panic(fmt.Sprintf("commit: %d bytes after the commands of entry %d", len(body), e.Pos.Index))
	}
	m.pos, m.digest = e.Pos, e.Digest
	m.seq.Store(uint64(m.state.Seq()))
	m.due.Store(int64(m.state.Due()))
	m.sealing.note(m)
	m.mu.Unlock()
	m.reached.Broadcast()
	if f != nil {
		f.answer(nil)
	}
}

func (m *machine) applyTicket(e *kopilka.Entry, t *ticket, body []byte) []byte {
	outs := make([]kopilka.Outcome, t.count)
	t.answers = make([]Answer, t.count)
	for i := range outs {
		body = m.applyOne(e, body, &outs[i])
		t.answers[i] = Answer{Seq: m.state.Seq(), Outcome: &outs[i]}
	}
	return body
}

func (m *machine) applyOne(e *kopilka.Entry, body []byte, out *kopilka.Outcome) []byte {
	c, rest, err := m.decoder.Next(body)
	if err != nil {
		panic(fmt.Sprintf("commit: position %d: %v", m.state.Seq()+1, err))
	}
	m.state.Apply(e.Time, c, out)
	if out.Refusal == kopilka.Accepted && c.Kind() != kopilka.KindTick && c.Kind() != kopilka.KindGenesis {
		m.bytes = out.Append(m.bytes[:0])
		m.kept.add(m.state.Seq(), m.bytes)
	}
	return rest
}

// Applied is the position after which the machine stands.
func (m *machine) Applied() (kopilka.Pos, kopilka.Digest, kopilka.Seq) {
	m.mu.RLock()
	defer m.mu.RUnlock()
	return m.pos, m.digest, m.state.Seq()
}

func (m *machine) wait(seq kopilka.Seq, timeout time.Duration) bool {
	if kopilka.Seq(m.seq.Load()) >= seq {
		return true
	}
	late := false
	timer := time.AfterFunc(timeout, func() {
		m.mu.Lock()
		late = true
		m.mu.Unlock()
		m.reached.Broadcast()
	})
	defer timer.Stop()
	m.mu.RLock()
	defer m.mu.RUnlock()
	for m.state.Seq() < seq && !late {
		m.reached.Wait()
	}
	return m.state.Seq() >= seq
}

// snapshot is a picture of the machine: position, digest, the outcomes that no
// frame has yet, and the books.
type snapshot struct {
	m     *machine
	head  []byte
	state *engine.Picture
}

func (m *machine) Snapshot() (wal.Snapshot, error) {
	// The log's own goroutine asks, and does not wait: the tills would too.
	if !m.picture.TryLock() {
		return nil, wal.ErrBusy
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	s := &snapshot{m: m, state: m.state.Picture(m.mu.RLocker())}
	s.head = binary.LittleEndian.AppendUint32(s.head, m.pos.Epoch)
	s.head = binary.LittleEndian.AppendUint64(s.head, m.pos.Index)
	s.head = append(s.head, m.digest[:]...)
	s.head = binary.LittleEndian.AppendUint32(s.head, uint32(len(m.kept.bytes())))
	s.head = append(s.head, m.kept.bytes()...)
	return s, nil
}

func (s *snapshot) WriteTo(w io.Writer) (int64, error) {
	n, err := w.Write(s.head)
	if err != nil {
		return int64(n), err
	}
	k, err := s.state.WriteTo(w)
	return int64(n) + k, err
}

func (s *snapshot) Close() {
	s.m.mu.Lock()
	s.state.Close()
	s.m.mu.Unlock()
	s.m.picture.Unlock()
}

// Restore fills an empty machine from a snapshot.
func (m *machine) Restore(r io.Reader) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	br := bufio.NewReaderSize(r, 1<<20)
	head := make([]byte, 4+8+32+4)
	if _, err := io.ReadFull(br, head); err != nil {
		return fmt.Errorf("read the position of a snapshot: %w", err)
	}
	m.pos.Epoch, m.pos.Index = binary.LittleEndian.Uint32(head), binary.LittleEndian.Uint64(head[4:])
	copy(m.digest[:], head[12:])
	var waiting bytes.Buffer
	if _, err := io.CopyN(&waiting, br, int64(binary.LittleEndian.Uint32(head[44:]))); err != nil {
		return fmt.Errorf("read the outcomes of a snapshot: %w", err)
	}
	m.kept = kept{buf: waiting.Bytes()}
	m.state = engine.New()
	if err := m.state.Restore(br); err != nil {
		return err
	}
	m.seq.Store(uint64(m.state.Seq()))
	m.due.Store(int64(m.state.Due()))
	return nil
}

func (m *machine) hash() ([32]byte, kopilka.Seq, error) {
	m.picture.Lock()
	defer m.picture.Unlock()
	m.mu.Lock()
	p, seq := m.state.Picture(m.mu.RLocker()), m.state.Seq()
	m.mu.Unlock()
	h, err := p.Hash()
	m.mu.Lock()
	p.Close()
	m.mu.Unlock()
	return h, seq, err
}

func (m *machine) close() error {
	m.sealing.wait()
	return m.runs.Close()
}

// hasProgram tells whether the books have rules.
func (m *machine) hasProgram() bool {
	m.mu.RLock()
	defer m.mu.RUnlock()
	return m.state.Program() != nil
}
