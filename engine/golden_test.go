package engine_test

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"os"
	"testing"

	"github.com/kopilka/kopilka"
	"github.com/kopilka/kopilka/engine"
)

const (
	goldenLog    = "golden/log.gz"
	goldenHashes = "golden/hashes.txt"
)

// TestGolden folds a log that was written down once. Its books and its answers are
// written down too, at every five hundredth position, so that a change of what an old
// log means is seen, and has to be meant:
//
//	go test ./engine -run TestGolden -rewrite
//
// writes the hashes anew, and makes another log where there is none (delete it, when
// commands have changed so that it cannot be read or is without a kind).
func TestGolden(t *testing.T) {
	rewrite := flag.Lookup("rewrite").Value.String() == "true"
	if _, err := os.Stat(goldenLog); rewrite && errors.Is(err, fs.ErrNotExist) {
		writeGolden(t)
	}
	log := readGolden(t)
	var got bytes.Buffer
	fmt.Fprintln(&got, "# position, state, digest of all outcomes so far: see TestGolden")
	s, answers := engine.New(), sha256.New()
	var d kopilka.Decoder
	var out kopilka.Outcome
	accepted := map[kopilka.Kind]int{}
	for i, c := range log {
		cmd, rest, err := d.Next(c.Body)
		if err != nil || len(rest) > 0 {
			t.Fatalf("command %d: %v, %d bytes after it", i+1, err, len(rest))
		}
		s.Apply(c.At, cmd, &out)
		answers.Write(binary.LittleEndian.AppendUint16(nil, uint16(out.Refusal)))
		answers.Write(out.Append(nil))
		if out.Refusal == kopilka.Accepted {
			accepted[cmd.Kind()]++
		}
		if n := i + 1; n%500 == 0 || n == len(log) {
			fmt.Fprintf(&got, "%d %x %x\n", n, s.Hash(), answers.Sum(nil)[:8])
		}
	}
	if err := s.Check(); err != nil {
		t.Fatal(err)
	}
	for kind := kopilka.KindGenesis; kind <= kopilka.KindDeliver; kind++ {
		if accepted[kind] == 0 {
			t.Errorf("no command of the kind %s is accepted in the log: the seed is to be another", kind)
		}
	}
	if rewrite {
		if err := os.WriteFile(goldenHashes, got.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(goldenHashes)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got.Bytes(), want) {
		t.Fatalf("an old log means something else now. It led to\n%s\nand leads to\n%s\nWhere that is meant: go test ./engine -run TestGolden -rewrite", want, got.Bytes())
	}
}

// writeGolden makes a log and writes it down: of every command its time, its length
// and its bytes.
func writeGolden(t *testing.T) {
	t.Helper()
	var b bytes.Buffer
	z, _ := gzip.NewWriterLevel(&b, gzip.BestCompression)
	var record []byte
	for _, c := range engine.RandomLog(goldenSeed, 3000) {
		record = binary.AppendUvarint(record[:0], uint64(c.At))
		record = binary.AppendUvarint(record, uint64(len(c.Body)))
		z.Write(append(record, c.Body...))
	}
	if err := errors.Join(z.Close(), os.WriteFile(goldenLog, b.Bytes(), 0o644)); err != nil {
		t.Fatal(err)
	}
}

// goldenSeed is one of those in whose logs all kinds are accepted.
const goldenSeed = 0

func readGolden(t *testing.T) (log []engine.Taped) {
	t.Helper()
	f, err := os.Open(goldenLog)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	for r := bufio.NewReader(z); ; {
		at, err := binary.ReadUvarint(r)
		if err == io.EOF {
			return log
		}
		n, err2 := binary.ReadUvarint(r)
		c := engine.Taped{At: kopilka.Time(at), Body: make([]byte, n)}
		_, err3 := io.ReadFull(r, c.Body)
		if err := errors.Join(err, err2, err3); err != nil {
			t.Fatalf("%s: %v", goldenLog, err)
		}
		log = append(log, c)
	}
}
