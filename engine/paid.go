package engine

import "github.com/kopilka/kopilka"

// giveBackUses puts value back onto the certificates and gift certificates that
// paid, in proportion to what is still out of each. What was used of a coupon or a
// discount card is used until nothing is left of the receipt; then it is free again.
func (s *State) giveBackUses(m kopilka.MemberNo, a *account, left *kopilka.Remains, out *kopilka.Outcome) {
}
