package importer

import (
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
	"unicode/utf8"
)

// Kind is what the rows of a file are.
type Kind uint8

// Kinds of files.
const (
	Receipts Kind = iota + 1
	Members
)

// ParseKind reads the word that names a kind on the command line.
func ParseKind(s string) (Kind, error) {
	switch s {
	case "receipts":
		return Receipts, nil
	case "members":
		return Members, nil
	}
	return 0, fmt.Errorf("%q is not members or receipts", s)
}

// String is the word on the command line.
func (k Kind) String() string {
	if k == Receipts {
		return "receipts"
	}
	return "members"
}

// The columns of each kind under our names; those that are required come first.
var (
	receiptColumns = []string{"member", "timestamp", "amount",
		"receipt_id", "store", "till", "cashier", "receipt_no", "points_redeemed", "return_of"}
	receiptRequired = 3
	memberColumns   = []string{"card",
		"phone", "name", "birth_date", "sex", "store", "registered_at", "referrer", "source", "balance"}
	memberRequired = 1
)

// Options says what to read and how. Zero values ask for the defaults.
type Options struct {
	Kind Kind
	File string

	// Columns gives the file's name for ours where they differ:
	// member → member_id.
	Columns map[string]string
	// Delimiter stands between fields; 0 is a comma.
	Delimiter rune
	// Decimals is how many digits after the point make one minor unit. With 2,
	// 139.12 is 13912 and 22 is 2200. With 0, the default, amounts are integers in
	// minor units, as everywhere on the wire, and a point is refused: a file
	// of the other shape is set aside aloud and not taken a hundredfold.
	Decimals int
	// Zone is that of times without an offset; nil is the program's.
	Zone *time.Location
	// ProgressDir is where the progress file lies; empty is beside the file.
	ProgressDir string
	// RejectedFile takes the rows set aside; empty is FILE.rejected.csv.
	RejectedFile string
	// BatchRows is how many rows go to the sink at once; more share one sync.
	BatchRows int

	Logger *slog.Logger
}

func (o Options) withDefaults() (Options, error) {
	if o.Kind != Receipts && o.Kind != Members {
		return o, fmt.Errorf("import: the kind %d is neither members nor receipts", o.Kind)
	}
	if o.Delimiter == 0 {
		o.Delimiter = ','
	}
	if strings.ContainsRune("\"\r\n", o.Delimiter) || !utf8.ValidRune(o.Delimiter) || o.Delimiter == utf8.RuneError {
		return o, fmt.Errorf("import: %q cannot stand between fields", o.Delimiter)
	}
	if o.Decimals < 0 || o.Decimals > decimalsMax {
		return o, fmt.Errorf("import: %d decimals; an amount has 0 to %d", o.Decimals, decimalsMax)
	}
	if o.RejectedFile == "" {
		o.RejectedFile = o.File + ".rejected.csv"
	}
	if o.BatchRows == 0 {
		o.BatchRows = 4096
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	ours, _ := o.Kind.columns()
	for our := range o.Columns {
		if !slices.Contains(ours, our) {
			return o, fmt.Errorf("import: --columns: %s have no column %q; they have %s", o.Kind, our, strings.Join(ours, ", "))
		}
	}
	return o, o.apart()
}

// apart refuses to write rejected rows over the file that they come from, or
// over the progress.
func (o *Options) apart() error {
	for _, path := range []string{o.File, o.placePath(), o.placePath() + ".tmp"} {
		if samePath(o.RejectedFile, path) {
			return fmt.Errorf("import: --rejected %s is %s itself: name another file", o.RejectedFile, path)
		}
	}
	return nil
}

// samePath tells whether two paths lead to one file, which need not be there.
func samePath(a, b string) bool {
	x, err := os.Stat(a)
	if err == nil {
		y, err := os.Stat(b)
		return err == nil && os.SameFile(x, y)
	}
	return realPath(a) == realPath(b)
}

// realPath is a path without links in its folder.
func realPath(path string) string {
	if abs, err := filepath.Abs(path); err == nil {
		path = abs
	}
	if dir, err := filepath.EvalSymlinks(filepath.Dir(path)); err == nil {
		path = filepath.Join(dir, filepath.Base(path))
	}
	return path
}

// columns are our names, of which the first so many are required.
func (k Kind) columns() (names []string, required int) {
	if k == Receipts {
		return receiptColumns, receiptRequired
	}
	return memberColumns, memberRequired
}

// ParseColumns reads member=member_id,amount=total: our name, then the file's.
func ParseColumns(s string) (map[string]string, error) {
	columns := map[string]string{}
	if s == "" {
		return columns, nil
	}
	for _, pair := range strings.Split(s, ",") {
		our, their, ok := strings.Cut(pair, "=")
		our, their = strings.TrimSpace(our), strings.TrimSpace(their)
		if !ok || our == "" || their == "" {
			return nil, fmt.Errorf("--columns: %q is not our name = the file's name, as in member=member_id", pair)
		}
		if _, twice := columns[our]; twice {
			return nil, fmt.Errorf("--columns: %s is named twice", our)
		}
		columns[our] = their
	}
	return columns, nil
}
