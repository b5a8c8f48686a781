package importer

import (
	"fmt"
	"strings"
	"text/tabwriter"
	"time"
)

// Summary is what an import did.
type Summary struct {
	Rows      int64 `json:"rows"`      // read, after the header
	Resumed   int64 `json:"-"`         // of them done by an earlier run and not read again
	Enrolled  int64 `json:"enrolled"`  // members made
	Members   int64 `json:"members"`   // rows of members taken, of new ones and others
	Receipts  int64 `json:"receipts"`  // sales taken
	Returns   int64 `json:"returns"`   // returns taken
	Anonymous int64 `json:"anonymous"` // of the sales and returns taken
	Replayed  int64 `json:"replayed"`  // rows that were in the books before
	SetAside  int64 `json:"set_aside"` // rows with a reason in the rejected file

	RejectedFile string        `json:"-"` // empty when nothing was set aside
	Took         time.Duration `json:"-"`
}

func (s *Summary) count(row *Row, r *Result) {
	if r.Enrolled {
		s.Enrolled++
	}
	switch {
	case r.Fate == Replayed:
		s.Replayed++
		return
	case r.Fate != Done:
		return
	}
	switch row.Deed {
	case Sale:
		s.Receipts++
	case GoodsBack:
		s.Returns++
	case Person:
		s.Members++
		return
	}
	if row.Card == "" {
		s.Anonymous++
	}
}

// String is the summary as the command prints it.
func (s Summary) String() string {
	var b strings.Builder
	w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	line := func(what string, n int64, always bool, more string) {
		if n != 0 || always {
			fmt.Fprintf(w, "%s\t%d\t%s\n", what, n, more)
		}
	}
	line("rows", s.Rows, true, "")
	line("  by an earlier run", s.Resumed, false, "")
	line("members made", s.Enrolled, true, "")
	line("members' rows", s.Members, false, "")
	line("receipts", s.Receipts, false, "")
	line("returns", s.Returns, false, "")
	line("  anonymous", s.Anonymous, false, "")
	line("replayed", s.Replayed, false, "in the books before")
	line("set aside", s.SetAside, true, s.RejectedFile)
	rate := int64(0)
	if ms := s.Took.Milliseconds(); ms > 0 {
		rate = (s.Rows - s.Resumed) * 1000 / ms
	}
	fmt.Fprintf(w, "took\t%s\t%d rows/s\n", s.Took.Round(time.Millisecond), rate)
	w.Flush()
	return b.String()
}
