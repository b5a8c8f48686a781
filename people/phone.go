package people

// NormalizePhone writes a phone number as ITU-T E.164 does, + and 8–15 digits,
// leaving out spaces, dashes and parentheses. A number without its country is
// not made up for: false.
func NormalizePhone(s string) (string, bool) {
	if s == "" || s[0] != '+' {
		return "", false
	}
	digits := make([]byte, 1, 16)
	digits[0] = '+'
	for _, c := range []byte(s[1:]) {
		switch {
		case c >= '0' && c <= '9':
			if len(digits) == cap(digits) {
				return "", false
			}
			digits = append(digits, c)
		case c == ' ' || c == '-' || c == '(' || c == ')':
		default:
			return "", false
		}
	}
	if len(digits) < 1+8 || digits[1] == '0' {
		return "", false
	}
	return string(digits), true
}
