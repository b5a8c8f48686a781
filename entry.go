package kopilka

// Seq is the position of a command in the log: 1, 2, 3, … without holes, over
// epochs and restarts.
type Seq uint64

// Pos is the position of a frame in the log: the epoch that wrote it and its
// index, which counts on over epochs.
type Pos struct {
	Epoch uint32
	Index uint64
}

// Digest ties a frame to all frames before it: SHA-256 over the digest of the
// frame before and this frame's bytes.
type Digest [32]byte

// Entry is one frame of the log: a batch of commands that became durable
// together, with the leader's clock, which is the only clock the books know.
type Entry struct {
	Pos    Pos
	Digest Digest
	Time   Time
	First  Seq    // position of the first command; Count may be 0
	Count  int    // commands in Body
	Body   []byte // commands, one after another: see AppendCommand
	Kept   []byte // outcomes of earlier commands, to be found again by their position: see AppendKept
}

// AppendKept adds one outcome to the kept part of an entry.
func AppendKept(b []byte, seq Seq, outcome []byte) []byte {
	b = appendUint(b, uint64(seq))
	b = appendUint(b, uint64(len(outcome)))
	return append(b, outcome...)
}

// EachKept calls f for every outcome in the kept part of an entry, in order of
// position, until f says false. The bytes belong to the entry.
func EachKept(kept []byte, f func(seq Seq, outcome []byte) bool) error {
	d := decoder{b: kept}
	for len(d.b) > 0 {
		seq := Seq(d.uint())
		outcome := d.bytes()
		if d.err != nil {
			return d.err
		}
		if !f(seq, outcome) {
			return nil
		}
	}
	return nil
}

// SkipKept is what follows the first outcome of a kept part. Of a cut record
// nothing follows.
func SkipKept(kept []byte) []byte {
	d := decoder{b: kept}
	d.uint()
	d.bytes()
	return d.b
}
