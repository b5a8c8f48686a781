package query

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// kind is what a token is.
type kind uint8

const (
	end    kind = iota
	word        // letters, digits, and whatever else has no meaning of its own
	quoted      // text in double quotes; \" and \\ stand for themselves
	sign        // one of & | ! ( ) : = < <= > >=
)

type token struct {
	kind   kind
	text   string // of a quoted one, without quotes and escapes
	column int    // of its first character, from 1
	glued  bool   // no space before it
}

// is tells whether the token is a sign.
func (t *token) is(s string) bool { return t.kind == sign && t.text == s }

// special are the characters that end a word.
const special = `&|!():=<>"`

// lexer cuts a text into tokens.
type lexer struct {
	text   string
	at     int
	column int
}

func (l *lexer) next() (token, error) {
	glued := true
	for l.at < len(l.text) {
		r, n := utf8.DecodeRuneInString(l.text[l.at:])
		if !unicode.IsSpace(r) {
			break
		}
		l.at, l.column, glued = l.at+n, l.column+1, false
	}
	t := token{column: l.column, glued: glued}
	if l.at == len(l.text) {
		return t, nil
	}
	rest := l.text[l.at:]
	switch c := rest[0]; {
	case c == '"':
		return l.quoted(t)
	case c == '<' || c == '>':
		t.kind, t.text = sign, rest[:1]
		if strings.HasPrefix(rest[1:], "=") {
			t.text = rest[:2]
		}
	case strings.IndexByte(special, c) >= 0:
		t.kind, t.text = sign, rest[:1]
	default:
		n := strings.IndexFunc(rest, func(r rune) bool { return !wordly(r) })
		if n < 0 {
			n = len(rest)
		}
		if n == 0 {
			return t, fault(t.column, "a character that cannot be printed")
		}
		t.kind, t.text = word, rest[:n]
	}
	l.step(len(t.text))
	return t, nil
}

// step goes on by n bytes.
func (l *lexer) step(n int) {
	l.column += utf8.RuneCountInString(l.text[l.at : l.at+n])
	l.at += n
}

func (l *lexer) quoted(t token) (token, error) {
	var b strings.Builder
	rest := l.text[l.at:]
	for i := 1; i < len(rest); i++ {
		switch rest[i] {
		case '"':
			t.kind, t.text = quoted, b.String()
			l.step(i + 1)
			return t, nil
		case '\\':
			i++
			if i == len(rest) || rest[i] != '"' && rest[i] != '\\' {
				return t, fault(t.column+utf8.RuneCountInString(rest[:i]), `expected \" or \\: a backslash stands before nothing else`)
			}
		}
		b.WriteByte(rest[i])
	}
	return t, fault(t.column, "the text that begins here has no closing quote")
}

func wordly(r rune) bool {
	return unicode.IsPrint(r) && r != ' ' && !strings.ContainsRune(special, r)
}

// plain tells whether a text can stand without quotes.
func plain(s string) bool {
	return s != "" && !strings.ContainsFunc(s, func(r rune) bool { return !wordly(r) })
}

// quote writes a text in quotes.
func quote(s string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(s) + `"`
}
