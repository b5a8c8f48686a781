package kopilka

import (
	"encoding/base32"
	"encoding/binary"
	"math/bits"
)

// MemberNo is the number of a member in the books: 0, 1, 2, … in order of
// enrolment, never used again. It is not shown outside, except in Roaring
// exports; outside a member has a MemberID.
type MemberNo uint32

// NoMember stands for an anonymous buyer.
const NoMember MemberNo = 1<<32 - 1

// Naming is the way in which a request named its member.
type Naming uint8

// Ways of naming a member, as redeem_allowed_by lists them.
const (
	ByNobody Naming = iota
	ByCard
	ByPhone
	ByCode
	ByMemberID
)

var namingNames = [...]string{"nobody", "card", "phone", "code", "member_id"}

// String is the name of the field in a request.
func (n Naming) String() string { return namingNames[n] }

// CardMax bounds the length of a card number in bytes.
const CardMax = 32

// ValidCard tells whether s can be a card: 1–32 visible ASCII characters
// without '/'. Check digits are the issuer's affair.
func ValidCard(s string) bool { return ValidID(s) && len(s) <= CardMax && !hasSlash(s) }

func hasSlash(s string) bool {
	for i := range len(s) {
		if s[i] == '/' {
			return true
		}
	}
	return false
}

// IDMax bounds the length of a command's id in bytes.
const IDMax = 64

// ValidID tells whether s can be the id of a command: 1–64 visible ASCII
// characters.
func ValidID(s string) bool {
	if len(s) == 0 || len(s) > IDMax {
		return false
	}
	for i := range len(s) {
		if s[i] <= ' ' || s[i] > '~' {
			return false
		}
	}
	return true
}

// MemberIDs turns member numbers into the ids that are shown outside and back:
// a permutation of 64 bits keyed by the secret of the books, so that an id
// tells neither how many members there are nor what the next one's id is.
type MemberIDs struct{ keys [4]uint64 }

var idEncoding = base32.NewEncoding("0123456789abcdefghjkmnpqrstvwxyz").WithPadding(base32.NoPadding)

// NewMemberIDs derives the permutation from the secret of the books.
func NewMemberIDs(secret [16]byte) MemberIDs {
	a := binary.LittleEndian.Uint64(secret[:8])
	b := binary.LittleEndian.Uint64(secret[8:])
	var ids MemberIDs
	for i := range ids.keys {
		ids.keys[i] = mix(a ^ bits.RotateLeft64(b, 13*i) ^ uint64(i+1)*0x9e3779b97f4a7c15)
	}
	return ids
}

// ID is the outward id of a member: m and 13 characters.
func (p MemberIDs) ID(m MemberNo) string {
	l, r := uint32(m), uint32(0)
	for _, k := range p.keys {
		l, r = r, l^uint32(mix(uint64(r)^k))
	}
	var raw [8]byte
	binary.BigEndian.PutUint32(raw[:4], l)
	binary.BigEndian.PutUint32(raw[4:], r)
	return "m" + idEncoding.EncodeToString(raw[:])
}

// No is the member behind an outward id; false when no number has this id.
func (p MemberIDs) No(id string) (MemberNo, bool) {
	if len(id) != 14 || id[0] != 'm' {
		return NoMember, false
	}
	raw, err := idEncoding.DecodeString(id[1:])
	if err != nil || len(raw) != 8 {
		return NoMember, false
	}
	l, r := binary.BigEndian.Uint32(raw[:4]), binary.BigEndian.Uint32(raw[4:])
	for i := len(p.keys) - 1; i >= 0; i-- {
		l, r = r^uint32(mix(uint64(l)^p.keys[i])), l
	}
	if r != 0 || idEncoding.EncodeToString(raw) != id[1:] {
		return NoMember, false
	}
	return MemberNo(l), true
}

// mix is the finaliser of SplitMix64 (Steele, Lea & Flood, 2014).
func mix(x uint64) uint64 {
	x ^= x >> 30
	x *= 0xbf58476d1ce4e5b9
	x ^= x >> 27
	x *= 0x94d049bb133111eb
	return x ^ x>>31
}
