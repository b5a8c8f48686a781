package kopilka

// Refusal is a shop's no: part of the outcome of a command, decided by the
// books alone, and so the same on every replay. A refused command changes
// nothing but the position of the log and leaves its id free.
//
// Refusals are numbered as they are written into the log, so they are only
// ever added at the end.
type Refusal uint8

const (
	Accepted             Refusal = iota
	MemberNotFound               // no member behind the card, phone or member_id
	InsufficientPoints           // more asked than the balance holds
	RedeemCapExceeded            // more asked than the receipt may take
	RedeemNotPermitted           // not by this way of naming the member
	DuplicateReceipt             // the till has sent this receipt under another id
	IdempotencyMismatch          // the id is spent on other content
	ReturnExceedsReceipt         // more comes back than is left of the receipt
	AlreadyReturned              // nothing is left of the receipt
	MemberBlocked                // the member may not earn or spend
	PhoneTaken                   // the phone belongs to another member
	ReferralCycle                // the referrer was invited by this member
	NotFound                     // no such receipt, key or route
	BalanceLimit                 // the member would hold more than BalanceMax
	ProgramFixed                 // currency, minor units and time zone are fixed by the first receipt
	KeyTaken                     // an API key of this id exists

	HoldExpired       // the hold was captured, voided, or has lapsed
	InstrumentUsed    // nothing is left of the number, or the member has used the coupon
	InstrumentExpired // the number or its instrument is not good on this day
	InstrumentUnfit   // the conditions of the instrument are not met by the receipt
	CardTaken         // the card leads to another member
	SourceClosed      // enrolment by this source has ended, or its places are taken
	AlreadyMerged     // one of the two is part of another member, or both are the same
	NotMerged         // the merge was taken back, or overtaken by another
	TierNotByHand     // the program sets tiers itself
	NumbersExhausted  // the prefix has no numbers left for so many
	PrefixTaken       // numbers have a prefix that begins with this one, or with which this one begins
	CarrierLimit      // the books know as many carriers of cards as they can number
	NamesExhausted    // all versions of the program have more names, or are more, than the books can number

	ListFull // the books keep as many audiences, mailings, or grants to audiences, as they may

	// Replayed is no refusal to the till: the id was spent by an equal command
	// and its first answer is to be given again. Outcome.Prior says where it is.
	Replayed
	// Stale asks the maker of the command to look again: what it had looked up
	// in the log was overtaken by a newer command. It is never shown outside.
	Stale
)

var refusalNames = [...]string{
	"accepted", "member-not-found", "insufficient-points", "redeem-cap-exceeded",
	"redeem-not-permitted", "duplicate-receipt", "idempotency-mismatch",
	"return-exceeds-receipt", "already-returned", "member-blocked", "phone-taken",
	"referral-cycle", "not-found", "balance-limit", "program-fixed", "key-taken",
	"hold-expired", "instrument-used", "instrument-expired", "instrument-unfit", "card-taken",
	"source-closed", "already-merged", "not-merged", "tier-not-by-hand", "numbers-exhausted", "prefix-taken", "carrier-limit", "names-exhausted", "list-full",
	"replayed", "stale",
}

// String is the code of the refusal, as answers carry it.
func (r Refusal) String() string {
	if int(r) < len(refusalNames) {
		return refusalNames[r]
	}
	return "unknown-refusal"
}
