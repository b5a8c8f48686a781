package kopilka

import (
	"crypto/sha256"
	"encoding/binary"
)

// ContentPrint gathers what a client said in a command, in a fixed order, to
// tell a retry from another command under the same id: its Sum is Head.Content.
// Whoever makes a command, out of a request or of a row of a file, makes it here,
// so that the same sale is the same content whichever way it came.
//
// It holds what was said and nothing that was looked up or filled in, so that a
// retry years later still agrees: print before a time or a store is filled in.
// Only fields that differ from their absence are written, each after its tag: a
// later version that knows more fields gets the same sum for the commands of
// today. Tags are therefore never given twice.
//
// It is made under a secret that is not in the log: what is said may be a phone or a
// birth date, of which there are so few that a fingerprint anybody can reckon tells
// them, also of a member who was forgotten. SetSecret comes first; used again for
// command after command it allocates nothing.
type ContentPrint struct {
	secret ContentSecret
	b      []byte
}

// ContentSecret is what fingerprints of contents are made under, the same for all
// commands of a log.
type ContentSecret [32]byte

// SetSecret sets what the fingerprints are made under.
func (p *ContentPrint) SetSecret(secret ContentSecret) { p.secret = secret }

// Tags of what a command may say. Only ever added at the end.
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
	tagCertificate
	tagCoupon
	tagHold
	tagStarted
	tagFinished
	tagUntil
	tagStars
	tagControl
	tagExpr
	tagAudience
	tagChannel
	tagTimeout
	tagCost
	tagStartsAt
	tagEndsAt
	tagConsent
	tagLimit
	tagMailing
	tagResult
)

// Sum is the fingerprint of what was said since the command was begun: the first 8
// bytes of SHA-256 over the secret and what was said. It is never 0, which stands for
// no fingerprint.
func (p *ContentPrint) Sum() uint64 {
	if p.secret == (ContentSecret{}) {
		panic("kopilka: a fingerprint of content without its secret")
	}
	sum := sha256.Sum256(p.b)
	return max(1, binary.LittleEndian.Uint64(sum[:]))
}

// Receipt is a sale of the member that was named so, or of nobody.
func (p *ContentPrint) Receipt(by Naming, name string, c *Receipt) {
	p.sale("receipt", by, name, c)
}

// Accrual is a purchase that was sent as an accrual, which spends nothing.
func (p *ContentPrint) Accrual(by Naming, name string, c *Receipt) {
	p.sale("accrual", by, name, c)
}

func (p *ContentPrint) sale(op string, by Naming, name string, c *Receipt) {
	p.deed(op, by, name, &c.Deed)
	p.number(tagAmount, int64(c.Amount))
	for i := range c.Lines {
		l := &c.Lines[i]
		p.b = append(p.b, tagLine)
		p.text(tagSKU, l.SKU)
		p.text(tagCategory, l.Category)
		p.text(tagQty, l.Qty)
		p.number(tagLineAmount, int64(l.Amount))
		p.flag(tagNoEarnFlag, l.NoEarn)
		p.flag(tagNoRedeemFlag, l.NoRedeem)
	}
	p.number(tagRedeem, int64(c.Redeem))
	p.number(tagNoEarn, int64(c.NoEarn))
	p.number(tagNoRedeem, int64(c.NoRedeem))
	p.number(tagCertificate, int64(c.Certificate))
	for _, coupon := range c.Coupons {
		p.text(tagCoupon, coupon)
	}
	p.text(tagHold, c.Hold.ID)
	p.number(tagStarted, int64(c.Started))
	p.number(tagFinished, int64(c.Finished))
}

// Hold is points to be set aside; until is 0 when the client leaves it to the
// server.
func (p *ContentPrint) Hold(by Naming, name string, c *Hold, until Time) {
	p.deed("hold", by, name, &c.Deed)
	p.number(tagPoints, int64(c.Points))
	p.number(tagUntil, int64(until))
}

// Capture is points of a hold to be spent.
func (p *ContentPrint) Capture(by Naming, name string, c *Capture) {
	p.deed("capture", by, name, &c.Deed)
	p.text(tagHold, c.Hold.ID)
	p.number(tagAmount, int64(c.Amount))
	p.number(tagPoints, int64(c.Points))
}

// Void is a hold to be given up.
func (p *ContentPrint) Void(by Naming, name string, c *Void) {
	p.deed("void", by, name, &c.Deed)
	p.text(tagHold, c.Hold.ID)
}

// Rating is what a buyer thought of a receipt.
func (p *ContentPrint) Rating(receipt string, stars int, words string) {
	p.begin("rating")
	p.text(tagReceipt, receipt)
	p.number(tagStars, int64(stars))
	p.text(tagReason, words)
}

// Grant is points that no purchase earned, which are sent as an accrual too.
func (p *ContentPrint) Grant(by Naming, name string, c *Grant) {
	p.deed("accrual", by, name, &c.Deed)
	p.number(tagPoints, int64(c.Points))
	p.text(tagReason, c.Reason)
}

// Redemption is points spent without a sale.
func (p *ContentPrint) Redemption(by Naming, name string, c *Redemption) {
	p.deed("redemption", by, name, &c.Deed)
	p.number(tagPoints, int64(c.Points))
	p.number(tagAmount, int64(c.Amount))
}

// Adjustment is a correction by hand.
func (p *ContentPrint) Adjustment(by Naming, name string, c *Adjustment) {
	p.deed("adjustment", by, name, &c.Deed)
	p.number(tagPoints, int64(c.Points))
	p.text(tagReason, c.Reason)
	p.text(tagActor, c.Actor)
}

// Return is goods that come back to a receipt, or to none when that is empty: an
// amount, or 0 when the client named lines or wants back all that is left.
func (p *ContentPrint) Return(by Naming, name string, d *Deed, receipt string, amount Money) {
	p.deed("return", by, name, d)
	p.text(tagReceipt, receipt)
	p.number(tagAmount, int64(amount))
}

// ReturnLine is a line of the return, as the client named it: by its place,
// counted from 1, or by its goods, with a value when it gave one.
func (p *ContentPrint) ReturnLine(line int64, sku, qty string, amount Money, valued bool) {
	p.number(tagReturnLine, line+1)
	p.text(tagSKU, sku)
	p.text(tagQty, qty)
	if valued {
		p.number(tagLineAmount, int64(amount)+1)
	}
}

// deed begins a command with what all commands of a till share.
func (p *ContentPrint) deed(op string, by Naming, name string, d *Deed) {
	p.begin(op)
	p.number(tagNamedBy, int64(by))
	p.text(tagName, name)
	p.text(tagStore, d.Store)
	p.text(tagTill, d.Till)
	p.text(tagCashier, d.Cashier)
	p.text(tagReceiptNo, d.ReceiptNo)
	p.number(tagOccurredAt, int64(d.At))
	p.text(tagSource, d.Source)
}

// Said is a field of a change: absent, or set to a value, which is zero when the
// change clears it.
type Said[T any] struct {
	Set   bool
	Value T
}

// MemberContent is what is said of a member by requests and files alike.
type MemberContent struct {
	Card                               string
	Phone, Name, BirthDate, Sex, Store Said[string]
	Referrer                           Said[string] // a card
	Source                             Said[string]
	RegisteredAt                       Said[Time]
}

// Member is a member to be enrolled or changed. What else a request says of him
// follows with Set, Text, Number and Blocked.
func (p *ContentPrint) Member(c *MemberContent) {
	p.begin("member")
	p.text(tagName, c.Card)
	p.said("phone", c.Phone)
	p.said("name", c.Name)
	p.said("birth_date", c.BirthDate)
	p.said("sex", c.Sex)
	p.said("store", c.Store)
	p.said("referrer", c.Referrer)
	p.said("source", c.Source)
	if p.Set("registered_at", c.RegisteredAt.Set) {
		p.Number(int64(c.RegisteredAt.Value))
	}
}

func (p *ContentPrint) said(name string, v Said[string]) {
	if p.Set(name, v.Set) {
		p.Text(v.Value)
	}
}

// Set notes that a field of a change came, be it null, and gives back whether it
// did.
func (p *ContentPrint) Set(name string, set bool) bool {
	if set {
		p.text(tagBody, name)
	}
	return set
}

// Text is a text in the field that was set last.
func (p *ContentPrint) Text(s string) { p.text(tagBody, s) }

// Number is a number in the field that was set last.
func (p *ContentPrint) Number(v int64) { p.number(tagBody, v) }

// Blocked is whether the member is to be blocked.
func (p *ContentPrint) Blocked(v bool) { p.flag(tagBlocked, v) }

// Key is an API key to be made. Its id is empty when the client leaves that to
// the server.
func (p *ContentPrint) Key(c *CreateKey) {
	p.begin("key")
	p.text(tagKeyID, c.KeyID)
	p.number(tagRole, int64(c.Role))
	p.text(tagStore, c.Store)
	p.text(tagNote, c.Note)
}

// Revocation is the end of an API key.
func (p *ContentPrint) Revocation(c *RevokeKey) {
	p.begin("revoke")
	p.text(tagKeyID, c.KeyID)
}

// Refresh is a wish to set boundaries anew.
func (p *ContentPrint) Refresh() { p.begin("refresh") }

func (p *ContentPrint) begin(op string) {
	p.b = append(p.b[:0], p.secret[:]...)
	p.text(tagOp, op)
}

func (p *ContentPrint) text(tag byte, s string) {
	if s != "" {
		p.b = append(p.b, tag)
		p.b = binary.AppendUvarint(p.b, uint64(len(s)))
		p.b = append(p.b, s...)
	}
}

func (p *ContentPrint) number(tag byte, v int64) {
	if v != 0 {
		p.b = append(p.b, tag)
		p.b = binary.AppendVarint(p.b, v)
	}
}

func (p *ContentPrint) flag(tag byte, v bool) {
	if v {
		p.b = append(p.b, tag)
	}
}
