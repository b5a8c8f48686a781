package kopilka

// EAN13 completes twelve digits to the thirteen of a bar code: the last one is
// chosen so that the digits, every other one counted three times, add up to a
// multiple of ten.
//
// Source: GS1 General Specifications, 7.9.1, check digit calculation.
func EAN13(digits [12]byte) (number [13]byte) {
	copy(number[:], digits[:])
	sum := 0
	for i, d := range digits {
		sum += int(d-'0') * (1 + i%2*2)
	}
	number[12] = '0' + byte((10-sum%10)%10)
	return number
}

// ValidEAN13 tells whether s is thirteen digits with the right one at the end.
func ValidEAN13(s string) bool {
	if len(s) != 13 {
		return false
	}
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return EAN13([12]byte([]byte(s[:12])))[12] == s[12]
}
