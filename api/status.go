package api

import (
	"fmt"

	"github.com/kopilka/kopilka"
)

// code is the word by which a program recognises a problem. One code has one
// status, so that neither has to be read with the other.
type code string

// The codes, in the order of docs/reference/errors.md.
const (
	codeMalformed           code = "malformed"
	codeUnauthorized        code = "unauthorized"
	codeForbidden           code = "forbidden"
	codeNotFound            code = "not-found"
	codeMethodNotAllowed    code = "method-not-allowed"
	codeNotAcceptable       code = "not-acceptable"
	codeTimeout             code = "timeout"
	codeTooLarge            code = "too-large"
	codeHeadersTooLarge     code = "headers-too-large"
	codeMemberNotFound      code = "member-not-found"
	codeMemberBlocked       code = "member-blocked"
	codeRedeemNotPermitted  code = "redeem-not-permitted"
	codeInsufficientPoints  code = "insufficient-points"
	codeRedeemCapExceeded   code = "redeem-cap-exceeded"
	codeDuplicateReceipt    code = "duplicate-receipt"
	codeIdempotencyMismatch code = "idempotency-mismatch"
	codeTooLate             code = "too-late"
	codeReturnExceeds       code = "return-exceeds-receipt"
	codeAlreadyReturned     code = "already-returned"
	codePhoneTaken          code = "phone-taken"
	codeReferralCycle       code = "referral-cycle"
	codeBalanceLimit        code = "balance-limit"
	codeProgramInvalid      code = "program-invalid"
	codeProgramFixed        code = "program-fixed"
	codeHoldExpired         code = "hold-expired"
	codeInstrumentUsed      code = "instrument-used"
	codeInstrumentExpired   code = "instrument-expired"
	codeInstrumentUnfit     code = "instrument-unfit"
	codeCardTaken           code = "card-taken"
	codeSourceClosed        code = "source-closed"
	codeAlreadyMerged       code = "already-merged"
	codeNotMerged           code = "not-merged"
	codeTierNotByHand       code = "tier-not-by-hand"
	codeNumbersExhausted    code = "numbers-exhausted"
	codePrefixTaken         code = "prefix-taken"
	codeCarrierLimit        code = "carrier-limit"
	codeListFull            code = "list-full"
	codeKeyTaken            code = "key-taken"
	codeRateLimited         code = "rate-limited"
	codeOverloaded          code = "overloaded"
	codeOutcomeUnknown      code = "outcome-unknown"
	codeStorageFull         code = "storage-full"
	codeInternal            code = "internal"
)

// kind is what a code stands for in HTTP.
type kind struct {
	status    int
	title     string
	retryable bool // the same request may succeed later without being changed
}

var kinds = map[code]kind{
	codeMalformed:           {400, "The request cannot be understood", false},
	codeUnauthorized:        {401, "No valid key", false},
	codeForbidden:           {403, "The key does not allow this", false},
	codeNotFound:            {404, "Nothing is here", false},
	codeMethodNotAllowed:    {405, "Not with this method", false},
	codeNotAcceptable:       {406, "None of the accepted forms is served here", false},
	codeTimeout:             {408, "The request took too long to arrive", true},
	codeTooLarge:            {413, "The request is too large", false},
	codeHeadersTooLarge:     {431, "The headers are too large", false},
	codeMemberNotFound:      {404, "No such member", false},
	codeMemberBlocked:       {403, "The member is blocked", false},
	codeRedeemNotPermitted:  {403, "Points cannot be spent by this way of naming the member", false},
	codeInsufficientPoints:  {409, "Not enough points", false},
	codeRedeemCapExceeded:   {422, "More points than the receipt may take", false},
	codeDuplicateReceipt:    {409, "This receipt is known under another id", false},
	codeIdempotencyMismatch: {422, "This id was used for something else", false},
	codeTooLate:             {422, "The time of the operation is out of bounds", false},
	codeReturnExceeds:       {422, "More than is left of the receipt", false},
	codeAlreadyReturned:     {409, "Nothing is left of the receipt", false},
	codePhoneTaken:          {409, "The phone belongs to another member", false},
	codeReferralCycle:       {409, "The referrer was invited by this member", false},
	codeBalanceLimit:        {409, "The member would hold more than the books allow", false},
	codeProgramInvalid:      {422, "The program document is not valid", false},
	codeProgramFixed:        {409, "Currency, minor units and time zone are fixed", false},
	codeKeyTaken:            {409, "A key of this id exists", false},
	codeHoldExpired:         {410, "The hold is over", false},
	codeInstrumentUsed:      {409, "Nothing is left of the certificate, coupon or card", false},
	codeInstrumentExpired:   {410, "The certificate, coupon or card is not good on this day", false},
	codeInstrumentUnfit:     {422, "The receipt does not meet the conditions of the instrument", false},
	codeCardTaken:           {409, "The card leads to another member", false},
	codeSourceClosed:        {409, "Enrolment by this source has ended", false},
	codeAlreadyMerged:       {409, "One of the two is part of another member already", false},
	codeNotMerged:           {409, "The merge does not stand", false},
	codeTierNotByHand:       {409, "The program sets tiers itself", false},
	codeNumbersExhausted:    {409, "The prefix has no numbers left for so many", false},
	codePrefixTaken:         {409, "Numbers of another prefix would begin like these", false},
	codeCarrierLimit:        {409, "No more kinds of carriers can be told apart", false},
	codeListFull:            {409, "The books keep no more of these", false},
	codeRateLimited:         {429, "Too often", true},
	codeOverloaded:          {503, "Too much to do at the moment", true},
	codeOutcomeUnknown:      {503, "It is not known whether the command was recorded", true},
	codeStorageFull:         {507, "The disk is full", true},
	codeInternal:            {500, "A bug in the server", false},
}

// refusals gives the code of every refusal that may be shown outside. Replayed
// and Stale are not: order.go acts on them.
var refusals = map[kopilka.Refusal]code{
	kopilka.MemberNotFound:       codeMemberNotFound,
	kopilka.InsufficientPoints:   codeInsufficientPoints,
	kopilka.RedeemCapExceeded:    codeRedeemCapExceeded,
	kopilka.RedeemNotPermitted:   codeRedeemNotPermitted,
	kopilka.DuplicateReceipt:     codeDuplicateReceipt,
	kopilka.IdempotencyMismatch:  codeIdempotencyMismatch,
	kopilka.ReturnExceedsReceipt: codeReturnExceeds,
	kopilka.AlreadyReturned:      codeAlreadyReturned,
	kopilka.MemberBlocked:        codeMemberBlocked,
	kopilka.PhoneTaken:           codePhoneTaken,
	kopilka.ReferralCycle:        codeReferralCycle,
	kopilka.NotFound:             codeNotFound,
	kopilka.BalanceLimit:         codeBalanceLimit,
	kopilka.ProgramFixed:         codeProgramFixed,
	kopilka.KeyTaken:             codeKeyTaken,
	kopilka.HoldExpired:          codeHoldExpired,
	kopilka.InstrumentUsed:       codeInstrumentUsed,
	kopilka.InstrumentExpired:    codeInstrumentExpired,
	kopilka.InstrumentUnfit:      codeInstrumentUnfit,
	kopilka.CardTaken:            codeCardTaken,
	kopilka.SourceClosed:         codeSourceClosed,
	kopilka.AlreadyMerged:        codeAlreadyMerged,
	kopilka.NotMerged:            codeNotMerged,
	kopilka.TierNotByHand:        codeTierNotByHand,
	kopilka.NumbersExhausted:     codeNumbersExhausted,
	kopilka.PrefixTaken:          codePrefixTaken,
	kopilka.CarrierLimit:         codeCarrierLimit,
	kopilka.ListFull:             codeListFull,
	kopilka.NamesExhausted:       codeProgramInvalid,
}

// refused is the problem that a refusal is shown as.
func refused(o *kopilka.Outcome) *problem {
	code, ok := refusals[o.Refusal]
	if !ok {
		panic("api: refusal " + o.Refusal.String() + " has no code")
	}
	p := &problem{code: code}
	switch o.Refusal {
	case kopilka.MemberNotFound:
		p.detail = memberNotFound
	case kopilka.InsufficientPoints:
		p.detail = fmt.Sprintf("%d points are asked for, %d can be spent", o.Requested, o.Available)
		p.number("available", int64(o.Available))
		p.number("requested", int64(o.Requested))
	case kopilka.RedeemCapExceeded:
		p.detail = fmt.Sprintf("at most %d points can be spent here", o.MaxRedeem)
		if o.MaxCertificate > 0 {
			p.detail += fmt.Sprintf(", and certificates of %d", o.MaxCertificate)
		}
		p.number("max_redeem", int64(o.MaxRedeem))
		p.number("max_certificate", int64(o.MaxCertificate))
	case kopilka.DuplicateReceipt:
		p.detail = duplicateReceipt
	case kopilka.IdempotencyMismatch:
		p.detail = idempotencyMismatch
	case kopilka.NamesExhausted:
		p.detail = "all versions of the program together have more certificates, instruments, campaigns and sources than can be told apart: use names again"
	}
	return p
}

const (
	// One text for cards, phones and ids: they can be guessed, and the answer
	// must not tell one guess from another.
	memberNotFound      = "no member goes by the card, phone, code or member_id given"
	duplicateReceipt    = "store, till, receipt_no and business day are those of an earlier command with another id"
	idempotencyMismatch = "an earlier command with this id had other content"
)
