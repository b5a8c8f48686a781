package importer

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
)

// source is a file to read, unpacked by what it holds, whatever its name is.
type source struct {
	text   *bufio.Reader // unpacked
	file   *os.File
	read   atomic.Int64 // bytes of the file, packed
	unpack func()
}

// sourceBuffer is the size of read buffers in bytes, several records long.
const sourceBuffer = 4 * recordBytes

// counted counts what is read of the file.
type counted struct{ s *source }

func (c counted) Read(b []byte) (int, error) {
	n, err := c.s.file.Read(b)
	c.s.read.Add(int64(n))
	return n, err
}

func (s *source) Close() error {
	s.unpack()
	return s.file.Close()
}

// openSource opens a file: gzip, zstd or plain, UTF-8 with or without a mark.
func openSource(path string) (*source, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("import: %w", err)
	}
	s := &source{file: f, unpack: func() {}}
	if err := s.sniff(); err != nil {
		s.Close()
		return nil, fmt.Errorf("import: %s: %w", path, err)
	}
	return s, nil
}

func (s *source) sniff() error {
	packed := bufio.NewReaderSize(counted{s}, sourceBuffer)
	head, err := packed.Peek(4)
	if err != nil && err != io.EOF {
		return err
	}
	plain := packed
	switch {
	case bytes.HasPrefix(head, []byte{0x1f, 0x8b}):
		z, err := gzip.NewReader(packed)
		if err != nil {
			return fmt.Errorf("unpack gzip: %w", err)
		}
		plain = bufio.NewReaderSize(z, sourceBuffer)
	case bytes.HasPrefix(head, []byte{0x28, 0xb5, 0x2f, 0xfd}):
		z, err := zstd.NewReader(packed, zstd.WithDecoderConcurrency(1))
		if err != nil {
			return fmt.Errorf("unpack zstd: %w", err)
		}
		s.unpack = z.Close
		plain = bufio.NewReaderSize(z, sourceBuffer)
	case bytes.HasPrefix(head, []byte("PK\x03\x04")):
		return fmt.Errorf("is a zip archive or a spreadsheet: save it as CSV")
	}
	mark, err := plain.Peek(3)
	if err != nil && err != io.EOF {
		return err
	}
	switch {
	case bytes.Equal(mark, []byte("\xef\xbb\xbf")):
		if _, err := plain.Discard(3); err != nil {
			return err
		}
	case bytes.HasPrefix(mark, []byte("\xff\xfe")), bytes.HasPrefix(mark, []byte("\xfe\xff")):
		return fmt.Errorf("is UTF-16: save it as UTF-8")
	}
	s.text = plain
	return nil
}

// baseName is the name from which ids are made: without folder and packing, so
// that a file keeps its ids when it is packed.
func baseName(path string) string {
	name := filepath.Base(path)
	for _, suffix := range []string{".gz", ".zst"} {
		name = strings.TrimSuffix(name, suffix)
	}
	return name
}
