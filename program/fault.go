package program

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// Error tells all that is wrong with a document, in the order of its text.
// Reading, the schema, and what a schema cannot say are checked one after the
// other: faults of a later check show when those of an earlier one are mended.
type Error struct {
	Faults []Fault // at least one
}

// Fault is one thing wrong with a document.
type Fault struct {
	// Pointer is the JSON pointer of the value or, where it is the key that is
	// wrong, of the key. The document as a whole is "".
	Pointer string
	// Line and Column count from 1, columns in characters; 0 where the
	// place is not known.
	Line, Column int
	Detail       string
	// Excerpt is the line in question and below it a caret at the column.
	Excerpt string
}

// Error gives a paragraph to each fault: pointer, line:column, what is wrong,
// and the line with a caret.
func (e *Error) Error() string {
	var b strings.Builder
	if n := len(e.Faults); n > 1 {
		fmt.Fprintf(&b, "%d faults in the program\n", n)
	}
	for i := range e.Faults {
		if i > 0 {
			b.WriteByte('\n')
		}
		b.WriteString(e.Faults[i].String())
	}
	return b.String()
}

// String is the fault's paragraph in Error.
func (f *Fault) String() string {
	pointer := f.Pointer
	if pointer == "" {
		pointer = "document"
	}
	if f.Line == 0 {
		return pointer + ": " + f.Detail
	}
	s := fmt.Sprintf("%s at %d:%d: %s", pointer, f.Line, f.Column, f.Detail)
	if f.Excerpt != "" {
		s += "\n" + f.Excerpt
	}
	return s
}

// excerptMax bounds the characters of a line that an excerpt shows: a document
// in JSON may be one line.
const excerptMax = 100

// excerpt shows a line of the document with a caret under the column.
func excerpt(doc []byte, line, column int) string {
	text := []rune(strings.Map(shown, lineOf(doc, line)))
	if column < 1 || column > len(text)+1 {
		return ""
	}
	at := column - 1
	from := 0
	if len(text) > excerptMax {
		from = min(max(0, at-excerptMax/2), len(text)-excerptMax)
		text = text[from : from+excerptMax]
	}
	pad := make([]rune, at-from)
	for i := range pad {
		pad[i] = ' '
		if text[i] == '\t' {
			pad[i] = '\t' // so that the caret stands right whatever a tab is worth
		}
	}
	number := fmt.Sprintf("%4d | ", line)
	return number + string(text) + "\n" + strings.Repeat(" ", len(number)-2) + "| " + string(pad) + "^"
}

// shown keeps what a document holds from steering a terminal.
func shown(r rune) rune {
	if r != '\t' && unprintable(r) {
		return utf8.RuneError
	}
	return r
}

// lineOf is a line of the document without its end. Lines end in \n, \r\n or \r.
func lineOf(doc []byte, line int) string {
	rest := doc
	for n := 1; ; n++ {
		end, next := len(rest), len(rest)
		for i, c := range rest {
			if c == '\n' || c == '\r' {
				end, next = i, i+1
				if c == '\r' && next < len(rest) && rest[next] == '\n' {
					next++
				}
				break
			}
		}
		if n == line {
			return string(rest[:end])
		}
		if next == len(rest) {
			return ""
		}
		rest = rest[next:]
	}
}

// lineColumn is the place of a byte of the document.
func lineColumn(doc []byte, at int) (line, column int) {
	line, start := 1, 0
	for i := range at {
		if doc[i] == '\n' || doc[i] == '\r' && doc[i+1] != '\n' {
			line, start = line+1, i+1
		}
	}
	return line, utf8.RuneCount(doc[start:at]) + 1
}

// likely is the one of the words that a mistyped word was probably meant to
// be, or "": at most two letters apart, and fewer than half of the word.
func likely(word string, words []string) string {
	best, least := "", 3
	for _, w := range words {
		if d := distance(word, w); d < least && 2*d < len(w) {
			best, least = w, d
		}
	}
	return best
}

// distance is the number of letters to put in, leave out, change or swap with
// their neighbour to make b of a; 3 stands for more than 2.
//
// Source: optimal string alignment, as in Boytsov, Indexing methods for
// approximate dictionary searching (2011).
func distance(a, b string) int {
	if len(a) > len(b)+2 || len(b) > len(a)+2 {
		return 3
	}
	before := make([]int, len(b)+1)
	above := make([]int, len(b)+1)
	row := make([]int, len(b)+1)
	for j := range above {
		above[j] = j
	}
	for i := 1; i <= len(a); i++ {
		row[0] = i
		for j := 1; j <= len(b); j++ {
			change := above[j-1]
			if a[i-1] != b[j-1] {
				change++
			}
			row[j] = min(change, above[j]+1, row[j-1]+1)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				row[j] = min(row[j], before[j-2]+1)
			}
		}
		before, above, row = above, row, before
	}
	return min(above[len(b)], 3)
}
