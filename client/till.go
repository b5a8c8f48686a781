package client

import (
	"net/url"
	"strconv"
	"time"

	"github.com/kopilka/kopilka"
)

// Buyer names a member in exactly one way; all empty is an anonymous buyer.
type Buyer struct {
	Card     string `json:"card,omitempty"`
	Phone    string `json:"phone,omitempty"` // E.164
	Code     string `json:"code,omitempty"`  // the short-lived code of the app
	MemberID string `json:"member_id,omitempty"`
}

// ByCard names a member by card.
func ByCard(card string) Buyer { return Buyer{Card: card} }

// ByPhone names a member by phone.
func ByPhone(e164 string) Buyer { return Buyer{Phone: e164} }

// ByCode names a member by the code that his app shows.
func ByCode(code string) Buyer { return Buyer{Code: code} }

// ByMemberID names a member by the id that answers have.
func ByMemberID(id string) Buyer { return Buyer{MemberID: id} }

// Deed is where and when something happened.
type Deed struct {
	Store      string    `json:"store,omitempty"`
	Till       string    `json:"till,omitempty"`
	Cashier    string    `json:"cashier,omitempty"`
	ReceiptNo  string    `json:"receipt_no,omitempty"`
	OccurredAt time.Time `json:"occurred_at,omitzero"` // zero = now
	Source     string    `json:"source,omitempty"`
}

// Spend is how many points to spend: a number, or Max.
type Spend kopilka.Points

// Max asks for as many points as may be spent.
const Max = Spend(kopilka.RedeemMax)

// MarshalJSON writes a number, or "max".
func (s Spend) MarshalJSON() ([]byte, error) {
	if s == Max {
		return []byte(`"max"`), nil
	}
	return strconv.AppendInt(nil, int64(s), 10), nil
}

// Line is one line of a receipt.
type Line struct {
	SKU      string        `json:"sku,omitempty"`
	Category string        `json:"category,omitempty"`
	Qty      string        `json:"qty,omitempty"` // a decimal number; empty = 1
	Amount   kopilka.Money `json:"amount"`
	Flags    []string      `json:"flags,omitempty"` // no_earn, no_redeem
}

// Receipt is a sale, which spends and earns in one step.
type Receipt struct {
	ID string `json:"id,omitempty"`
	Buyer
	Deed
	Amount         kopilka.Money `json:"amount"`
	Lines          []Line        `json:"lines,omitempty"`
	Redeem         Spend         `json:"redeem,omitempty"`
	Certificate    Spend         `json:"certificate,omitempty"` // of the member's certificates
	Coupons        []string      `json:"coupons,omitempty"`     // numbers and codes of instruments
	Hold           string        `json:"hold,omitempty"`        // id of the hold that is spent first
	NoEarnAmount   kopilka.Money `json:"no_earn_amount,omitempty"`
	NoRedeemAmount kopilka.Money `json:"no_redeem_amount,omitempty"`
	StartedAt      time.Time     `json:"started_at,omitzero"` // when serving the buyer began
	FinishedAt     time.Time     `json:"finished_at,omitzero"`
}

// Accrual earns: for an amount, which is a purchase, or as a grant of points
// with a reason, which needs an admin's key.
type Accrual struct {
	ID string `json:"id,omitempty"`
	Buyer
	Deed
	Amount         kopilka.Money  `json:"amount,omitempty"`
	Lines          []Line         `json:"lines,omitempty"`
	NoEarnAmount   kopilka.Money  `json:"no_earn_amount,omitempty"`
	NoRedeemAmount kopilka.Money  `json:"no_redeem_amount,omitempty"`
	Points         kopilka.Points `json:"points,omitempty"`
	Reason         string         `json:"reason,omitempty"`
}

// Redemption spends without a sale. With an amount it obeys the cap of a
// receipt of that amount.
type Redemption struct {
	ID string `json:"id,omitempty"`
	Buyer
	Deed
	Points Spend         `json:"points"`
	Amount kopilka.Money `json:"amount,omitempty"`
}

// Adjustment corrects a balance by hand. It needs an admin's key.
type Adjustment struct {
	ID string `json:"id,omitempty"`
	Buyer
	Deed
	Points kopilka.Points `json:"points"` // signed
	Reason string         `json:"reason"`
	Actor  string         `json:"actor"`
}

// Return brings goods of a receipt back: by amount, by lines, or, with neither,
// all that is left.
type Return struct {
	ID      string `json:"id,omitempty"`
	Receipt string `json:"receipt,omitempty"` // id of the receipt
	Deed
	Amount kopilka.Money `json:"amount,omitempty"`
	Lines  []ReturnLine  `json:"lines,omitempty"`
}

// ReturnLine is how much of a line of the receipt comes back: goods of a value,
// a number of pieces or, with neither, all that is left of it.
type ReturnLine struct {
	Line   int           `json:"line,omitempty"` // its place in the receipt, from 1
	SKU    string        `json:"sku,omitempty"`  // or its goods
	Qty    string        `json:"qty,omitempty"`
	Amount kopilka.Money `json:"amount,omitempty"`
}

// Answer is what was decided about a command of a till. It is durable. What an
// op does not have is zero.
type Answer struct {
	ID       string      `json:"id"`
	Seq      kopilka.Seq `json:"seq"` // position in the log
	MemberID string      `json:"member_id"`

	Earned          kopilka.Points    `json:"earned"`
	Redeemed        kopilka.Points    `json:"redeemed"`
	CertificateUsed kopilka.Points    `json:"certificate_used"` // certificates and gift certificates
	Discount        kopilka.Money     `json:"discount"`         // coupons and discount cards
	CashDue         kopilka.Money     `json:"cash_due"`
	Certificates    []CertificateUsed `json:"certificates"`
	Coupons         []CouponUsed      `json:"coupons"`
	Campaigns       []CampaignUsed    `json:"campaigns"`
	Legs            []Leg             `json:"legs"` // of returns too: less than 0
	Flags           []string          `json:"flags"`
	OfferCard       bool              `json:"offer_card"` // of anonymous receipts

	// Of quotes.
	MaxRedeem      kopilka.Points `json:"max_redeem"`
	MaxCertificate kopilka.Points `json:"max_certificate"`
	Caps           *Caps          `json:"caps"`

	// Of holds, and of what ends them.
	Hold      string         `json:"hold"`
	ExpiresAt time.Time      `json:"expires_at"`
	Freed     kopilka.Points `json:"freed"` // of the hold: not spent

	// Of returns.
	Goods          kopilka.Money  `json:"goods"`
	CashRefund     kopilka.Money  `json:"cash_refund"`
	PointsRestored kopilka.Points `json:"points_restored"`
	PointsLapsed   kopilka.Points `json:"points_lapsed"` // part of PointsRestored that had expired meanwhile
	PointsTaken    kopilka.Points `json:"points_taken"`
	// CertificateRestored went back to certificates and gift certificates;
	// CertificateLapsed is the part of it whose days were over.
	CertificateRestored kopilka.Points `json:"certificate_restored"`
	CertificateLapsed   kopilka.Points `json:"certificate_lapsed"`

	Points   kopilka.Points `json:"points"`   // of adjustments: signed; of holds: set aside
	Enrolled bool           `json:"enrolled"` // of PutMember: the member is new

	// How the member stands after it.
	Balance    kopilka.Points `json:"balance"`
	Pending    kopilka.Points `json:"pending"`
	Held       kopilka.Points `json:"held"`
	Debt       kopilka.Points `json:"debt"`
	Tier       string         `json:"tier"`
	Segment    string         `json:"segment"`
	NextExpiry *NextExpiry    `json:"next_expiry"`

	RecordedAt time.Time `json:"recorded_at"`

	// Replayed says that this is the first answer again: the id was spent before.
	Replayed bool `json:"-"`
}

// NextExpiry is the soonest points to be lost.
type NextExpiry struct {
	Points kopilka.Points `json:"points"`
	At     time.Time      `json:"at"`
}

// CertificateUsed is a certificate of the member that paid.
type CertificateUsed struct {
	ID        string         `json:"id"` // of the certificate in the program
	IssuedSeq kopilka.Seq    `json:"issued_seq"`
	Points    kopilka.Points `json:"points"`
}

// CouponUsed is an instrument that paid or took something off.
type CouponUsed struct {
	ID     string         `json:"id"`     // of the instrument in the program
	Kind   string         `json:"kind"`   // gift_certificate, coupon, discount_card
	Coupon string         `json:"coupon"` // the number or the code
	Points kopilka.Points `json:"points"`
}

// CampaignUsed is what a campaign added to what a receipt earned.
type CampaignUsed struct {
	ID     string         `json:"id"`
	Points kopilka.Points `json:"points"`
}

// Leg is points that a command gave beside those of the purchase, or took back.
type Leg struct {
	MemberID string         `json:"member_id"`
	Kind     string         `json:"kind"` // welcome, referrer, referee, level_1, …
	Points   kopilka.Points `json:"points"`
}

// Caps is how a quote came about: certificates, coupons, points, in this order.
type Caps struct {
	Redeemable  kopilka.Money `json:"redeemable"`
	Certificate Cap           `json:"certificate"`
	Coupon      Cap           `json:"coupon"`
	Points      Cap           `json:"points"`
}

// Cap is what was left of a receipt for one way of paying, and what it took.
type Cap struct {
	Left        kopilka.Money  `json:"left"`
	MaxRedeemBP kopilka.BP     `json:"max_redeem_bp"` // of points
	Cap         kopilka.Points `json:"cap"`           // of points
	Max         kopilka.Points `json:"max"`
	Used        kopilka.Points `json:"used"`
}

// Quote tells what a receipt would earn and could redeem now. It changes nothing.
func (c *Client) Quote(r Receipt) (*Answer, error) { return c.till("/v1/quotes", r) }

// Receipt records a sale.
func (c *Client) Receipt(r Receipt) (*Answer, error) { return c.till("/v1/receipts", r) }

// Accrual earns points.
func (c *Client) Accrual(a Accrual) (*Answer, error) { return c.till("/v1/accruals", a) }

// Redemption spends points.
func (c *Client) Redemption(r Redemption) (*Answer, error) { return c.till("/v1/redemptions", r) }

// Adjustment corrects a balance.
func (c *Client) Adjustment(a Adjustment) (*Answer, error) { return c.till("/v1/adjustments", a) }

// Return brings goods back.
func (c *Client) Return(r Return) (*Answer, error) {
	path := "/v1/receipts/" + url.PathEscape(r.Receipt) + "/returns"
	r.Receipt = "" // named by the path
	return c.till(path, r)
}

func (c *Client) till(path string, command any) (*Answer, error) {
	var out Answer
	a, err := c.call("POST", path, command, &out)
	if err != nil {
		return nil, err
	}
	out.Replayed = a.replayed
	return &out, nil
}

// StoredReceipt is a receipt or redemption as the log has it.
type StoredReceipt struct {
	Answer
	Deed
	Kind    string        `json:"kind"` // receipt, redemption, capture
	Day     string        `json:"day"`  // business day, YYYY-MM-DD
	Amount  kopilka.Money `json:"amount"`
	Lines   []StoredLine  `json:"lines"`
	Left    kopilka.Money `json:"left"`    // value of the goods that have not come back
	Returns []StoredBack  `json:"returns"` // the oldest first
	Rating  *StoredRating `json:"rating"`  // the newest

	StartedAt  time.Time `json:"started_at"`
	FinishedAt time.Time `json:"finished_at"`
}

// StoredLine is a line of a receipt with what became of it.
type StoredLine struct {
	Line
	Earned      kopilka.Points `json:"earned"`
	Redeemed    kopilka.Points `json:"redeemed"`    // points that paid for it
	Certificate kopilka.Points `json:"certificate"` // value of certificates that did
	Discount    kopilka.Money  `json:"discount"`
	Left        kopilka.Money  `json:"left"`
}

// StoredBack is one return of a receipt.
type StoredBack struct {
	ID                  string         `json:"id"`
	Seq                 kopilka.Seq    `json:"seq"`
	Goods               kopilka.Money  `json:"goods"`
	PointsRestored      kopilka.Points `json:"points_restored"`
	PointsTaken         kopilka.Points `json:"points_taken"`
	CertificateRestored kopilka.Points `json:"certificate_restored"`
	RecordedAt          time.Time      `json:"recorded_at"`
}

// FindReceipt reads a receipt by its id.
func (c *Client) FindReceipt(id string) (*StoredReceipt, error) {
	return c.storedReceipt("/v1/receipts/" + url.PathEscape(id))
}

// FindReceiptNo reads a receipt by what is printed on it. The day is a business
// day, YYYY-MM-DD.
func (c *Client) FindReceiptNo(store, till, receiptNo, day string) (*StoredReceipt, error) {
	return c.storedReceipt(query("/v1/receipts", "store", store, "till", till, "receipt_no", receiptNo, "day", day))
}

func (c *Client) storedReceipt(path string) (*StoredReceipt, error) {
	var out StoredReceipt
	if _, err := c.call("GET", path, nil, &out); err != nil {
		return nil, err
	}
	return &out, nil
}
