package importer

import (
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"
)

// rejected is the file of the rows set aside: number, reason, and the fields of
// the row under the names of its columns, so that it can be mended and imported.
// A line that is torn stands there whole, as it stood, in the first column: it
// is one field to this file, which stays a CSV that everything can read.
// There is no file where there is no such row.
type rejected struct {
	path   string
	comma  rune
	header []string
	file   *os.File
	csv    *csv.Writer
}

// openRejected goes on after the first so many bytes of an earlier run; 0
// begins anew.
func openRejected(path string, comma rune, header []string, keep int64) (*rejected, error) {
	x := &rejected{path: path, comma: comma, header: header}
	if keep == 0 {
		if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
			return nil, fmt.Errorf("import: remove the rejected rows of an earlier run: %w", err)
		}
		return x, nil
	}
	f, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err == nil {
		err = f.Truncate(keep)
	}
	if err == nil {
		_, err = f.Seek(0, io.SeekEnd)
	}
	if err != nil {
		return nil, fmt.Errorf("import: go on with the rejected rows of an earlier run: %w", err)
	}
	x.open(f)
	return x, nil
}

func (x *rejected) open(f *os.File) {
	x.file, x.csv = f, csv.NewWriter(f)
	x.csv.Comma = x.comma
}

func (x *rejected) add(row *Row, reason string) error {
	if x.file == nil {
		f, err := os.OpenFile(x.path, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600) // rows of people
		if err != nil {
			return fmt.Errorf("import: write the rejected rows, for which --rejected names another file: %w", err)
		}
		x.open(f)
		x.csv.Write(slices.Concat([]string{"row", "reason"}, x.header)) // its error sticks until flush
	}
	x.csv.Write(slices.Concat([]string{strconv.FormatInt(row.No, 10), reason},
		row.fields, make([]string, len(x.header)-len(row.fields))))
	return nil
}

// flush writes what was added and gives the length of the file.
func (x *rejected) flush() (int64, error) {
	if x.file == nil {
		return 0, nil
	}
	x.csv.Flush()
	err := x.csv.Error()
	if err == nil {
		var n int64
		if n, err = x.file.Seek(0, io.SeekCurrent); err == nil {
			return n, nil
		}
	}
	return 0, fmt.Errorf("import: write the rejected rows to %s: %w", x.path, err)
}

func (x *rejected) close() error {
	if x.file == nil {
		return nil
	}
	_, err := x.flush()
	return errors.Join(err, x.file.Close())
}
