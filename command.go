package kopilka

// Command is one wish to change the books, as it stands in the log. Strings of
// a decoded command alias the log's bytes.
type Command interface {
	Kind() Kind
	head() *Head
	append(b []byte) []byte
	read(d *decoder)
}

// Kind says what a command does. Kinds are written into the log, so they are
// only ever added at the end.
type Kind uint8

const (
	KindGenesis Kind = iota + 1
	KindTick
	KindProgram
	KindKey
	KindRevoke
	KindMember
	KindReceipt
	KindRedemption
	KindGrant
	KindAdjustment
	KindReturn
	KindRefresh
	KindHold
	KindCapture
	KindVoid
	KindIssue
	KindEmit
	KindCard
	KindMerge
	KindUnmerge
	KindErase
	KindRating
	KindNote
	KindDrift
	KindGather
	KindAudience
	KindAudienceGrant
	KindMailing
	KindDispatch
	KindDeliver
	kindEnd
)

var kindNames = [...]string{"", "genesis", "tick", "program", "key", "revoke", "member",
	"receipt", "redemption", "grant", "adjustment", "return", "refresh", "hold", "capture", "void",
	"issue", "emit", "card", "merge", "unmerge", "erase", "rating", "note", "drift", "gather", "audience", "audience-grant",
	"mailing", "dispatch", "deliver"}

// String is the word for the kind in inspect and in metrics.
func (k Kind) String() string {
	if k >= 1 && k < kindEnd {
		return kindNames[k]
	}
	return "unknown"
}

// Head is what every command carries that a client sent.
type Head struct {
	ID      string // chosen by the client; empty for the log's own commands
	Content uint64 // fingerprint of the decoded request: same id and same content is a retry
	// Looked is the position up to which the ids and receipts of the log
	// were searched, without a hit, before this command was queued. The books
	// themselves remember the newest ones; what lies between makes it Stale.
	Looked Seq
	By     string // id of the API key that sent it
}

func (h *Head) head() *Head { return h }

func (h *Head) append(b []byte) []byte {
	b = appendString(b, h.ID)
	b = appendUint(b, h.Content)
	b = appendUint(b, uint64(h.Looked))
	return appendString(b, h.By)
}

func (h *Head) read(d *decoder) {
	*h = Head{ID: d.string(), Content: d.uint(), Looked: Seq(d.uint()), By: d.string()}
}

// Deed is where and when something happened at a till.
type Deed struct {
	Member  MemberNo // NoMember: anonymous
	NamedBy Naming
	At      Time // occurred_at
	Day     Day  // business day of At
	Store   string
	Till    string
	Cashier string
	// ReceiptNo is the number that the till printed. Store, Till, ReceiptNo and
	// Day together are the second key of a receipt, when all are given.
	ReceiptNo string
	Source    string
}

func (t *Deed) append(b []byte) []byte {
	b = appendUint(b, uint64(t.Member+1)) // NoMember is written as 0
	b = appendUint(b, uint64(t.NamedBy))
	b = appendInt(b, int64(t.At))
	b = appendUint(b, uint64(t.Day))
	b = appendString(b, t.Store)
	b = appendString(b, t.Till)
	b = appendString(b, t.Cashier)
	b = appendString(b, t.ReceiptNo)
	return appendString(b, t.Source)
}

func (t *Deed) read(d *decoder) {
	*t = Deed{Member: MemberNo(d.uint()) - 1, NamedBy: Naming(d.uint()), At: Time(d.int()), Day: Day(d.uint()),
		Store: d.string(), Till: d.string(), Cashier: d.string(), ReceiptNo: d.string(), Source: d.string()}
}

// DeedOf is where and when a command of a till happened; nil of others.
func DeedOf(c Command) *Deed {
	switch c := c.(type) {
	case *Receipt:
		return &c.Deed
	case *Redemption:
		return &c.Deed
	case *Hold:
		return &c.Deed
	case *Capture:
		return &c.Deed
	case *Void:
		return &c.Deed
	case *Grant:
		return &c.Deed
	case *Adjustment:
		return &c.Deed
	case *Return:
		return &c.Deed
	}
	return nil
}

// HasReceiptNo tells whether the deed has a second key.
func (t *Deed) HasReceiptNo() bool { return t.Store != "" && t.Till != "" && t.ReceiptNo != "" }

// Line is one line of a receipt.
type Line struct {
	SKU, Category string
	Qty           string // a decimal number as the till wrote it; empty = 1
	Amount        Money
	NoEarn        bool // neither earns nor takes points
	NoRedeem      bool // may earn but takes no points
}

const (
	lineNoEarn = 1 << iota
	lineNoRedeem
)

func appendLines(b []byte, lines []Line) []byte {
	b = appendUint(b, uint64(len(lines)))
	for i := range lines {
		l := &lines[i]
		var flags byte
		if l.NoEarn {
			flags |= lineNoEarn
		}
		if l.NoRedeem {
			flags |= lineNoRedeem
		}
		b = append(b, flags)
		b = appendUint(b, uint64(l.Amount))
		b = appendString(b, l.SKU)
		b = appendString(b, l.Category)
		b = appendString(b, l.Qty)
	}
	return b
}

func readLines(d *decoder, lines []Line) []Line {
	lines = lines[:0]
	for range d.count() {
		flags := d.uint()
		lines = append(lines, Line{NoEarn: flags&lineNoEarn != 0, NoRedeem: flags&lineNoRedeem != 0,
			Amount: Money(d.uint()), SKU: d.string(), Category: d.string(), Qty: d.string()})
	}
	return lines
}

// Genesis is the first command of every log: it makes the books.
type Genesis struct {
	Head
	Secret [16]byte // keys the outward ids of members and the hashes of cards
	Day    Day
}

// Tick moves the books to a business day, the one after the day they are at.
type Tick struct {
	Head
	Day Day
}

// SetProgram puts a version of the rules in force: from its position in the log
// or, with At, from that instant on. One version can wait at a time: a later one
// with At takes its place, and one without a document withdraws it.
type SetProgram struct {
	Head
	Document []byte // the program in its canonical form
	At       Time   // 0 = at once
	Day      Day    // business day of At
}

// CreateKey makes an API key known. Only the hash of its secret is kept.
type CreateKey struct {
	Head
	KeyID string
	Hash  [32]byte // SHA-256 of the whole key
	Role  Role
	Store string // the store a till's key is bound to; empty = any
	Note  string
}

// RevokeKey ends an API key.
type RevokeKey struct {
	Head
	KeyID string
}

// Role is what an API key may do.
type Role uint8

const (
	RoleTill Role = iota + 1
	RoleAnalyst
	RoleAdmin
)

var roleNames = [...]string{"", "till", "analyst", "admin"}

// String is the role's name in requests and answers.
func (r Role) String() string { return roleNames[r] }

// ParseRole reads the name of a role.
func ParseRole(s string) (Role, bool) {
	for r := RoleTill; r <= RoleAdmin; r++ {
		if roleNames[r] == s {
			return r, true
		}
	}
	return 0, false
}

// PutMember enrols a member or changes one. What is personal is sealed: the
// books see only the card, whether a phone is taken, and who invited whom.
type PutMember struct {
	Head
	Card string
	// Base is the position of the profile that the change was merged into, 0
	// for a member who has none; a newer one makes the command Stale.
	Base       Seq
	Registered Day // day of enrolment in the shop's history
	State      MemberState
	Blocked    bool
	PhoneTag   uint64 // keyed fingerprint of the phone; 0 = none
	Referrer   MemberNo
	KeySlot    uint32 // where the member's sealing key lies; slots start at 1, 0 = no profile
	Profile    []byte // sealed
	// Imported marks a member that a file brought: it starts no welcome.
	Imported bool

	// What follows is not personal, and reports count by it.
	Store   string // where the member was enrolled
	Cashier string // who enrolled him
	Source  string // what brought him: a promo code, a link, a poster
	Carrier string // what the card is: plastic, app, wallet, …
	Tier    string // id of a tier to be set by hand; empty = as it is
	// Due are the certificates of dates near which the member has been enrolled,
	// or whose date has become known.
	Due []CertificateDue
}

// MemberState is how far an enrolment has come.
type MemberState uint8

const (
	StateCreated MemberState = iota
	StateRegistered
	StateInstalled
)

var memberStateNames = [...]string{"created", "registered", "installed"}

// String is the state's name in requests and answers.
func (s MemberState) String() string { return memberStateNames[s] }

// ParseMemberState reads the name of a state.
func ParseMemberState(s string) (MemberState, bool) {
	for i, n := range memberStateNames {
		if n == s {
			return MemberState(i), true
		}
	}
	return 0, false
}

// RedeemMax asks for as many points as may be spent.
const RedeemMax Points = -1

// Receipt is a sale: it spends and earns in one step. An accrual with an
// amount is a receipt that spends nothing.
type Receipt struct {
	Head
	Deed
	Amount   Money
	Lines    []Line // empty, or adding up to Amount
	NoEarn   Money  // for tills without lines: part of Amount that neither earns nor takes points
	NoRedeem Money  // likewise: part that may earn but takes no points
	Redeem   Points // or RedeemMax
	// Certificate is how much of the member's certificates is spent, or
	// CertificateMax.
	Certificate Points
	Coupons     []string // numbers and codes of instruments, as the till said them
	// CardCoupon marks that the first of Coupons is the card by which the member was
	// named: where it is not good for the receipt, the card is still a card.
	CardCoupon bool
	Hold       HoldRef // the hold that is spent first
	// Started and Finished are when serving the buyer began and ended; 0 = not told.
	Started, Finished Time
	// Imported marks a receipt of a shop's history, which a file brought: it
	// counts for segments and tiers, but spends nothing, and earns only with Earn.
	Imported bool
	Earn     bool
}

// Redemption spends points without a sale. With an amount it obeys the cap of
// a receipt of that amount; without one it knows no cap.
type Redemption struct {
	Head
	Deed
	Amount Money
	Points Points // or RedeemMax
}

// Grant gives points that no purchase earned.
type Grant struct {
	Head
	Deed
	Points Points
	Reason string
}

// Adjustment corrects a balance by hand.
type Adjustment struct {
	Head
	Deed
	Points Points // signed
	Reason string
	Actor  string
}

// Return brings goods of a receipt back, in part or whole. It carries what was
// left of the receipt when it was looked up; a newer return of the same receipt
// makes it Stale.
type Return struct {
	Head
	Deed
	// Receipt is the id of the receipt, empty for a return that names none, as
	// imported histories have: that lowers what the member has spent on its day
	// and touches nothing else.
	Receipt    string
	ReceiptSeq Seq
	LastReturn Seq          // newest return of the receipt in the looked-up log; 0 = none
	Left       Remains      // what was left of the receipt after it
	Amount     Money        // by amount: spread over what is left of the lines
	Lines      []ReturnLine // by line, when not empty; no line twice
	Imported   bool
}

// ReturnLine is how much of a receipt's line comes back.
type ReturnLine struct {
	Line   int // index in Remains.Lines
	Amount Money
}

// ReturnsPolicy is what to do about earned points that were spent meanwhile.
type ReturnsPolicy uint8

const (
	WithinBalance ReturnsPolicy = iota
	OnlyPending
	Unlimited
)

// Refresh sets the boundaries of segments anew where the program freezes them.
type Refresh struct{ Head }
