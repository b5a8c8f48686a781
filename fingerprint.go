package kopilka

import (
	"encoding/binary"

	"github.com/cespare/xxhash/v2"
)

// Fingerprints are the 64-bit hashes under which the log is searched for what
// was said before. Each kind has a prefix of its own, so that they share one
// name space. Whoever finds a position by a fingerprint compares what stands
// there: equal fingerprints are a hint, never a proof.

// FingerprintID is that of a command's id.
func FingerprintID(id string) uint64 { return fingerprint('i', id) }

// FingerprintReturns is that under which the returns of a receipt stand.
func FingerprintReturns(receipt string) uint64 { return fingerprint('r', receipt) }

// FingerprintHold is that under which the end of a hold stands: its capture, its
// void, or the receipt that spent it.
func FingerprintHold(hold string) uint64 { return fingerprint('h', hold) }

// FingerprintRating is that under which the ratings of a receipt stand.
func FingerprintRating(receipt string) uint64 { return fingerprint('s', receipt) }

// FingerprintUnmerge is that under which the end of a merge stands.
func FingerprintUnmerge(merge string) uint64 { return fingerprint('u', merge) }

// FingerprintNotes is that under which the notes about a member stand.
func FingerprintNotes(m MemberNo) uint64 {
	return fingerprint('m', string(binary.LittleEndian.AppendUint32(nil, uint32(m))))
}

// FingerprintReceiptNo is that of the second key of a command of a kind, which is
// KindReceipt or KindRedemption: a till that sends both for one sale gives both
// the number that it printed.
func FingerprintReceiptNo(kind Kind, store, till, receiptNo string, day Day) uint64 {
	var few [256]byte
	b := append(few[:0], 'n', byte(kind), byte(day), byte(day>>8))
	b = appendString(b, store)
	b = appendString(b, till)
	b = append(b, receiptNo...)
	return xxhash.Sum64(b)
}

func fingerprint(kind byte, s string) uint64 {
	var few [80]byte
	return xxhash.Sum64(append(append(few[:0], kind), s...))
}

// AppendFingerprints adds those under which a command is remembered once it has
// succeeded: its id, its second key, and the receipt that it returns.
func AppendFingerprints(keys []uint64, c Command) []uint64 {
	if id := c.head().ID; id != "" {
		keys = append(keys, FingerprintID(id))
	}
	switch c := c.(type) {
	case *Receipt:
		keys = c.Deed.appendReceiptNo(keys, KindReceipt)
		if c.Hold.Seq != 0 {
			keys = append(keys, FingerprintHold(c.Hold.ID))
		}
	case *Redemption:
		keys = c.Deed.appendReceiptNo(keys, KindRedemption)
	case *Return:
		if c.Receipt != "" {
			keys = append(keys, FingerprintReturns(c.Receipt))
		}
	case *Capture:
		keys = append(keys, FingerprintHold(c.Hold.ID))
	case *Void:
		keys = append(keys, FingerprintHold(c.Hold.ID))
	case *Rating:
		keys = append(keys, FingerprintRating(c.Receipt))
	case *Note:
		keys = append(keys, FingerprintNotes(c.Member))
	case *Unmerge:
		keys = append(keys, FingerprintUnmerge(c.MergeID))
	}
	return keys
}

func (t *Deed) appendReceiptNo(keys []uint64, kind Kind) []uint64 {
	if !t.HasReceiptNo() {
		return keys
	}
	return append(keys, FingerprintReceiptNo(kind, t.Store, t.Till, t.ReceiptNo, t.Day))
}

// HeadOf is what a client's command carries.
func HeadOf(c Command) *Head { return c.head() }
