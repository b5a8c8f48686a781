package people

import (
	"slices"
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"
)

// words are the words of a name as it is looked for: letters and digits in
// lower case and without their marks, so that Ё is е and É is e, and Салтыков-Щедрин
// is two words.
func words(name string) []string {
	folded := strings.Map(func(r rune) rune {
		switch {
		case unicode.Is(unicode.Mn, r):
			return -1
		case unicode.IsLetter(r) || unicode.IsDigit(r):
			return unicode.ToLower(r)
		}
		return ' '
	}, norm.NFKD.String(name))
	return strings.Fields(folded)
}

// Match tells whether a query finds a name: every word of the query begins a
// word of the name, each another one. A query without words finds none.
func Match(name, query string) bool {
	asked := words(query)
	if len(asked) == 0 {
		return false
	}
	// Of two words of a query that begin the same word of a name, the longer one
	// begins fewer: it goes first and takes nothing that the other one needs.
	slices.SortFunc(asked, func(a, b string) int { return len(b) - len(a) })
	have := words(name)
	for _, a := range asked {
		i := slices.IndexFunc(have, func(w string) bool { return strings.HasPrefix(w, a) })
		if i < 0 {
			return false
		}
		have = slices.Delete(have, i, i+1)
	}
	return true
}
