package outcomes

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"path/filepath"

	"github.com/kopilka/kopilka"
)

// A run is a file of pages of 4 KiB:
//
//	head | pairs … | filter … | fences … | foot
//
// Every page ends with its number and a CRC32C, which begins with the range of
// the run, so that neither a page of another run nor one out of place passes.
// Head and foot say the range, the number of pairs, and the digest of the log's entry at
// the end of the range: a run of another log, or of one that has gone on otherwise, is
// told by it. All lengths follow from the number. Pairs are sorted by key, then by position, 14 bytes each.
// Fences are the first keys of the pages of pairs: with them in memory a look-up
// reads one page. Integers are little-endian.
const (
	pageBytes    = 4096
	bodyBytes    = pageBytes - 8
	pairBytes    = 14
	pairsPerPage = bodyBytes / pairBytes
	version      = 2 // 1 did not say of which log a run is

	// SeqMax is the last position that six bytes hold.
	SeqMax kopilka.Seq = 1<<48 - 1
)

const (
	headMagic = "kopilka ids run\n"
	footMagic = "kopilka ids end\n"
)

// errOld says that a run has an earlier format. It is made again from the log.
var errOld = errors.New("written by an older version, and made again from the log at the next start")

// ErrDamaged wraps what is said of a run that lost or changed what it held.
var ErrDamaged = errors.New("damaged")

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// head is what a run is about.
type head struct {
	first, last kopilka.Seq
	count       int
	at          kopilka.Digest // of the log's entry that holds last
}

func runName(first, last kopilka.Seq) string {
	return fmt.Sprintf("ids-%012x-%012x.run", uint64(first), uint64(last))
}

// parseName reads the range off the name of a run; false for other files.
func parseName(name string) (h head, ok bool) {
	_, err := fmt.Sscanf(name, "ids-%012x-%012x.run", (*uint64)(&h.first), (*uint64)(&h.last))
	return h, err == nil && name == runName(h.first, h.last) && h.first >= 1 && h.first <= h.last && h.last <= SeqMax
}

func pagesFor(bytes int) int { return (bytes + bodyBytes - 1) / bodyBytes }

func (h *head) pairPages() int   { return (h.count + pairsPerPage - 1) / pairsPerPage }
func (h *head) filterAt() int    { return 1 + h.pairPages() }
func (h *head) fencesAt() int    { return h.filterAt() + pagesFor(filterWords(h.count)*8) }
func (h *head) footAt() int      { return h.fencesAt() + pagesFor(h.pairPages()*8) }
func (h *head) fileBytes() int64 { return int64(h.footAt()+1) * pageBytes }

// pairsIn is the number of pairs in the p-th page of them.
func (h *head) pairsIn(p int) int { return min(pairsPerPage, h.count-p*pairsPerPage) }

// seed is where the checksums of the run's pages begin.
func (h *head) seed() uint32 {
	var b [16]byte
	binary.LittleEndian.PutUint64(b[:], uint64(h.first))
	binary.LittleEndian.PutUint64(b[8:], uint64(h.last))
	return crc32.Checksum(b[:], castagnoli)
}

type page [pageBytes]byte

func (p *page) seal(no int, seed uint32) {
	binary.LittleEndian.PutUint32(p[bodyBytes:], uint32(no))
	binary.LittleEndian.PutUint32(p[bodyBytes+4:], crc32.Update(seed, castagnoli, p[:bodyBytes+4]))
}

func (p *page) sealed(no int, seed uint32) bool {
	return binary.LittleEndian.Uint32(p[bodyBytes:]) == uint32(no) &&
		binary.LittleEndian.Uint32(p[bodyBytes+4:]) == crc32.Update(seed, castagnoli, p[:bodyBytes+4])
}

func (p *page) putPair(i int, x Pair) {
	b := p[i*pairBytes:]
	binary.LittleEndian.PutUint64(b, x.Key)
	binary.LittleEndian.PutUint32(b[8:], uint32(x.Seq))
	binary.LittleEndian.PutUint16(b[12:], uint16(x.Seq>>32))
}

func (p *page) key(i int) uint64 { return binary.LittleEndian.Uint64(p[i*pairBytes:]) }

func (p *page) seq(i int) kopilka.Seq {
	b := p[i*pairBytes:]
	return kopilka.Seq(binary.LittleEndian.Uint32(b[8:])) | kopilka.Seq(binary.LittleEndian.Uint16(b[12:]))<<32
}

func (p *page) putHead(magic string, h *head) {
	clear(p[:])
	b := append(p[:0], magic...)
	b = binary.LittleEndian.AppendUint32(b, version)
	b = binary.LittleEndian.AppendUint64(b, uint64(h.first))
	b = binary.LittleEndian.AppendUint64(b, uint64(h.last))
	b = binary.LittleEndian.AppendUint64(b, uint64(h.count))
	copy(b[len(b):cap(b)], h.at[:])
}

// readHead is the inverse of putHead; the page's checksum has been checked.
func (p *page) readHead(magic string) (h head, v uint32, err error) {
	b := p[len(magic):]
	if string(p[:len(magic)]) != magic {
		return h, 0, errors.New("does not begin as a page of this kind does")
	}
	v = binary.LittleEndian.Uint32(b)
	h.first = kopilka.Seq(binary.LittleEndian.Uint64(b[4:]))
	h.last = kopilka.Seq(binary.LittleEndian.Uint64(b[12:]))
	h.count = int(binary.LittleEndian.Uint64(b[20:]))
	copy(h.at[:], b[28:])
	return h, v, nil
}

func damaged(path string, pageNo int, what string) error {
	return fmt.Errorf("outcomes: %s: page at offset %d: %s: %w", filepath.Base(path), int64(pageNo)*pageBytes, what, ErrDamaged)
}
