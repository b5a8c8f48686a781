package importer

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
)

// records takes the records of a CSV (RFC 4180) off a file, and loses no line of
// it: every line that is not blank belongs to a record, or is torn.
//
//	r1,anna,5        a record
//	r2,"an           a record: in quotes that are closed a field may hold a
//	na",7            delimiter, a quote that is doubled, and the end of a line
//	r3,"boris,5      torn: what this quote opens is not closed as it should be,
//	r4,vera,9        and the next record is looked for in the line after it
//
// encoding/csv takes a stray quote for the beginning of a field and all lines up
// to the next quote into it. To it they are one faulty record; to a shop they
// are receipts that are gone.
type records struct {
	src   *bufio.Reader
	comma []byte
	width int // fields of every record, those of the first one

	// row tells whether a line by itself, without its quotes, is beyond doubt a
	// row. Where one lies in the quotes of another, they are two rows with a stray
	// quote each, which no grammar can tell from one field. nil = never.
	row func(line []byte) bool

	ahead []byte // of src, the bytes that are seen and not yet taken
	past  int    // of src, the bytes before them, which it still holds
	end   error  // what stands after ahead; nil = more of the file
	line  int64  // physical lines taken

	// Of the record that is being read.
	text   []byte // of all fields
	ends   []int  // of each field in text
	quoted bool   // the field that was begun is in quotes
}

// A record is at most so many bytes and lines long, so that a quote that nobody
// closes costs no more than that.
const (
	recordBytes = 64 << 10
	recordLines = 100
)

// torn is a line that begins no record: which line of the file, why, and the
// line as it stands there.
type torn struct {
	line   int64
	reason string
	text   string
}

func (t *torn) Error() string { return fmt.Sprintf("line %d: %s", t.line, t.reason) }

// newRecords reads from src, whose buffer holds more than a record.
func newRecords(src *bufio.Reader, comma rune) *records {
	return &records{src: src, comma: []byte(string(comma))}
}

// next appends the fields of the next record to fields. A line that is torn is
// taken alone; the error is a *torn then. It is io.EOF after the last line.
func (r *records) next(fields []string) ([]string, error) {
	for {
		if len(r.ahead) <= recordBytes && r.end == nil {
			if err := r.see(); err != nil {
				return fields, err
			}
		}
		first, size := r.lineAt(0)
		switch {
		case size == 0 && r.end != nil:
			return fields, r.end
		case size == 0 || len(first) > recordBytes:
			return fields, r.skipLong()
		case len(first) == 0:
			r.take(size, 1)
			continue
		}
		size, lines, reason := r.read(first, size)
		if size == 0 {
			return fields, r.end
		}
		if reason != "" {
			t := &torn{r.line + 1, reason, string(first)}
			r.take(size, 1)
			return fields, t
		}
		r.take(size, lines)
		text, from := string(r.text), 0
		for _, to := range r.ends {
			fields = append(fields, text[from:to])
			from = to
		}
		return fields, nil
	}
}

// see looks further ahead, so far that a whole record is in sight.
func (r *records) see() error {
	if _, err := r.src.Discard(r.past); err != nil {
		return err
	}
	r.past = 0
	r.ahead, r.end = r.src.Peek(r.src.Size())
	return nil
}

// take goes on behind what was read.
func (r *records) take(size int, lines int) {
	r.ahead = r.ahead[size:]
	r.past += size
	r.line += int64(lines)
}

// lineAt is the line that begins at a place ahead, without its end, and the
// bytes that it takes with it; none when its end is not in sight.
func (r *records) lineAt(at int) (line []byte, size int) {
	line = r.ahead[at:]
	if i := bytes.IndexByte(line, '\n'); i >= 0 {
		line, size = line[:i], i+1
	} else if r.end == io.EOF {
		size = len(line)
	}
	return bytes.TrimSuffix(line, []byte{'\r'}), size
}

// read reads the record that begins with this line. It gives what the record
// takes or, when it is torn, the reason, and what its first line takes; 0 when
// the file cannot be read on inside of it.
func (r *records) read(first []byte, firstSize int) (size, lines int, reason string) {
	r.text, r.ends, r.quoted = r.text[:0], r.ends[:0], false
	line := first
	size, lines = firstSize, 1
	suspect := false
	for {
		if reason = r.split(line); reason != "" {
			return firstSize, 1, reason
		}
		if !r.quoted {
			break
		}
		var n int
		line, n = r.lineAt(size)
		switch {
		case n == 0 && r.end == io.EOF:
			return firstSize, 1, "a quote is not closed up to the end of the file"
		case n == 0 && r.end != nil:
			return 0, 0, ""
		case n == 0 || size+n > recordBytes || lines == recordLines:
			return firstSize, 1, fmt.Sprintf("a quote is not closed within %d lines and %d bytes", recordLines, recordBytes)
		}
		size, lines = size+n, lines+1
		suspect = suspect || r.row != nil && r.row(line)
	}
	switch {
	case r.width == 0:
		r.width = len(r.ends)
	case len(r.ends) != r.width:
		return firstSize, 1, fmt.Sprintf("wrong number of fields: %d, where the header has %d", len(r.ends), r.width)
	}
	if suspect && r.looksWhole(first) {
		return firstSize, 1, "a quote takes in the rows of lines after it"
	}
	return size, lines, ""
}

// looksWhole tells whether a line has all fields of a record when its quotes
// mean nothing.
func (r *records) looksWhole(line []byte) bool { return bytes.Count(line, r.comma) >= r.width-1 }

// split takes a line into the fields of the record. The field that the line
// leaves open goes on in the next one.
func (r *records) split(line []byte) (reason string) {
	for {
		if !r.quoted && len(line) > 0 && line[0] == '"' {
			r.quoted, line = true, line[1:]
		}
		if !r.quoted {
			field, rest, more := bytes.Cut(line, r.comma)
			if bytes.IndexByte(field, '"') >= 0 {
				return `a bare " in a field that is not in quotes`
			}
			r.text = append(r.text, field...)
			r.ends = append(r.ends, len(r.text))
			if !more {
				return ""
			}
			line = rest
			continue
		}
		field, rest, closed := bytes.Cut(line, []byte{'"'})
		r.text = append(r.text, field...)
		if !closed {
			r.text = append(r.text, '\n')
			return ""
		}
		line = rest
		switch {
		case len(line) == 0:
			r.ends, r.quoted = append(r.ends, len(r.text)), false
			return ""
		case line[0] == '"':
			r.text, line = append(r.text, '"'), line[1:]
		case bytes.HasPrefix(line, r.comma):
			r.ends, r.quoted = append(r.ends, len(r.text)), false
			line = line[len(r.comma):]
		default:
			return `a " inside a field in quotes that is not doubled`
		}
	}
}

// skipLong takes a line that is longer than any record, of which the beginning
// is kept.
func (r *records) skipLong() error {
	t := &torn{r.line + 1, fmt.Sprintf("the line is longer than %d bytes; its beginning is", recordBytes), string(r.ahead[:recordBytes])}
	for {
		if i := bytes.IndexByte(r.ahead, '\n'); i >= 0 {
			r.take(i+1, 1)
			return t
		}
		r.take(len(r.ahead), 0)
		if r.end == io.EOF {
			r.line++
			return t
		}
		if r.end != nil {
			return r.end
		}
		if err := r.see(); err != nil {
			return err
		}
	}
}
