package kopilka

// Codes are the short-lived codes that a member's app shows to a till: sixteen
// digits that name the member and the minute of their end, and that nobody makes
// up without the secret of the books. Nothing is stored of them.
//
// Of all 10¹⁶ codes those of the members and minutes that are good at one instant
// are few: of a million members and codes of 45 minutes one in 200 million, and
// what else a guess hits is refused. The minutes wrap around after four years.
type Codes struct{ p Permutation }

const (
	codeDigits = 16
	codeSpace  = 10_000_000_000_000_000 // 10^codeDigits
	codeWrap   = codeSpace >> 32        // minutes; what is left beside 32 bits of member
	minuteMS   = 60_000
)

// CodeMinutesMax is the longest life of a code.
const CodeMinutesMax = 1440

// NewCodes derives the codes from the secret of the books.
func NewCodes(secret [16]byte) Codes {
	return Codes{NewPermutation(secret, "app codes", codeSpace)}
}

// Code is the code of a member that is good until an instant, at most
// CodeMinutesMax minutes ahead, or until the end of the minute it falls in.
func (c *Codes) Code(m MemberNo, until Time) string {
	minute := uint64(until+minuteMS-1) / minuteMS
	x := c.p.At(minute%codeWrap<<32 | uint64(m))
	var b [codeDigits]byte
	for i := len(b) - 1; i >= 0; i-- {
		b[i] = '0' + byte(x%10)
		x /= 10
	}
	return string(b[:])
}

// Find is the number of the member whose code it is, false when it is none or its
// time is over. Whether there is a member of this number is for the books to say.
func (c *Codes) Find(code string, now Time) (MemberNo, bool) {
	if len(code) != codeDigits {
		return NoMember, false
	}
	var x uint64
	for i := range len(code) {
		if code[i] < '0' || code[i] > '9' {
			return NoMember, false
		}
		x = x*10 + uint64(code[i]-'0')
	}
	x = c.p.Find(x)
	minute, m := x>>32, MemberNo(x)
	if minute >= codeWrap || m == NoMember {
		return NoMember, false
	}
	left := (minute + codeWrap - uint64(now)/minuteMS%codeWrap) % codeWrap
	return m, left > 0 && left <= CodeMinutesMax+1
}
