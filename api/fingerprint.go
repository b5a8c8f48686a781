package api

import (
	"encoding/binary"

	"github.com/cespare/xxhash/v2"
	"github.com/kopilka/kopilka"
	"github.com/kopilka/kopilka/people"
)

// fingerprint gathers the decoded fields of a request, in a fixed order, to
// tell a retry from another command under the same id. It holds what the client
// sent and nothing that was looked up or filled in, so that a retry years later
// still agrees. Only fields that differ from their absence are written, each
// after its tag: a later version that knows more fields gets the same sum for
// the requests of today. Tags are therefore never given twice.
type fingerprint struct{ b []byte }

// Tags of what a request may say. Only ever added at the end.
const (
	tagOp byte = iota + 1
	tagNamedBy
	tagName
	tagStore
	tagTill
	tagCashier
	tagReceiptNo
	tagOccurredAt
	tagSource
	tagAmount
	tagLine
	tagSKU
	tagCategory
	tagQty
	tagLineAmount
	tagNoEarnFlag
	tagNoRedeemFlag
	tagRedeem
	tagNoEarn
	tagNoRedeem
	tagPoints
	tagReason
	tagActor
	tagReceipt
	tagReturnLine
	tagBody
	tagKeyID
	tagRole
	tagNote
	tagBlocked
)

func (f *fingerprint) start(op string) {
	f.b = f.b[:0]
	f.text(tagOp, op)
}

func (f *fingerprint) text(tag byte, s string) {
	if s != "" {
		f.b = append(f.b, tag)
		f.b = binary.AppendUvarint(f.b, uint64(len(s)))
		f.b = append(f.b, s...)
	}
}

func (f *fingerprint) number(tag byte, v int64) {
	if v != 0 {
		f.b = append(f.b, tag)
		f.b = binary.AppendVarint(f.b, v)
	}
}

func (f *fingerprint) flag(tag byte, v bool) {
	if v {
		f.b = append(f.b, tag)
	}
}

// set notes that a field of a change came, be it null.
func (f *fingerprint) set(name string, set bool) bool {
	if set {
		f.text(tagBody, name)
	}
	return set
}

func (f *fingerprint) field(name string, v people.Field[string]) {
	if f.set(name, v.Set) {
		f.text(tagBody, v.Value)
	}
}

func (f *fingerprint) lines(lines []kopilka.Line) {
	for i := range lines {
		l := &lines[i]
		f.b = append(f.b, tagLine)
		f.text(tagSKU, l.SKU)
		f.text(tagCategory, l.Category)
		f.text(tagQty, l.Qty)
		f.number(tagLineAmount, int64(l.Amount))
		f.flag(tagNoEarnFlag, l.NoEarn)
		f.flag(tagNoRedeemFlag, l.NoRedeem)
	}
}

// sum is never 0, which stands for no fingerprint.
func (f *fingerprint) sum() uint64 { return max(xxhash.Sum64(f.b), 1) }
