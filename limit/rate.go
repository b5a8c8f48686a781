package limit

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Rate is how often something may be done: Count times at once, and then evenly
// Count times in Per. The zero value is no limit.
type Rate struct {
	Count int
	Per   time.Duration
}

// countMax bounds Count: a rate above it is no limit that a server would notice.
const countMax = 1_000_000

var units = map[string]time.Duration{"s": time.Second, "m": time.Minute, "h": time.Hour}

// Parse reads a rate such as 50/s, 30/m or 100/h. An empty text and 0 are no limit.
func Parse(text string) (Rate, error) {
	if text == "" || text == "0" {
		return Rate{}, nil
	}
	count, unit, _ := strings.Cut(text, "/")
	n, err := strconv.Atoi(count)
	per, ok := units[unit]
	if err != nil || !ok || n < 1 || n > countMax {
		return Rate{}, fmt.Errorf("%q is not a rate such as 50/s, 30/m or 100/h, of 1 to %d", text, countMax)
	}
	return Rate{n, per}, nil
}

// String is the rate as Parse reads it; empty when there is none.
func (r Rate) String() string {
	for unit, per := range units {
		if r.Per == per && r.Count > 0 {
			return strconv.Itoa(r.Count) + "/" + unit
		}
	}
	return ""
}

// Set reads the rate of a flag.
func (r *Rate) Set(text string) (err error) {
	*r, err = Parse(text)
	return err
}

// Type is what the help of a flag calls a rate.
func (r *Rate) Type() string { return "rate" }
