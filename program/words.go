package program

import (
	"slices"

	"github.com/kopilka/kopilka"
)

// The words that documents have for decisions, in the order of the constants.
// The schema lists the same ones.
var (
	earnBaseWords   = []string{"total", "paid"}
	roundingWords   = []string{"floor", "half_up"}
	tierMetricWords = []string{"spend", "count", "manual", "segment"}
	downgradeWords  = []string{"none", "one", "full"}
	expiryWords     = []string{"none", "lots", "inactivity"}
	returnsWords    = []string{"within_balance", "only_pending", "unlimited"}
	metricWords     = []string{"sum", "avg"}
	boundariesWords = []string{"live", "frozen"}
	triggerWords    = []string{"enrolled", "registered", "installed", "first_purchase"}
)

// String is the word for the base in documents and answers.
func (b EarnBase) String() string { return earnBaseWords[b] }

// String is the word for the metric in documents and answers.
func (m TierMetric) String() string { return tierMetricWords[m] }

// String is the word for the policy in documents and answers.
func (d Downgrade) String() string { return downgradeWords[d] }

// String is the word for the policy in documents and answers.
func (p ExpiryPolicy) String() string { return expiryWords[p] }

// String is the word for the metric in documents and answers.
func (m Metric) String() string { return metricWords[m] }

// String is the word for the boundaries in documents and answers.
func (b Boundaries) String() string { return boundariesWords[b] }

// String is the word for the moment in documents and answers.
func (t Trigger) String() string { return triggerWords[t] }

// What a return does with a reward that its receipt brought.
const (
	keepWord = "keep"
	takeWord = "take"
)

// keepOrTake is the word for a reward.
func keepOrTake(takes, reward kopilka.Takes) string {
	if takes&reward != 0 {
		return takeWord
	}
	return keepWord
}

// numberOf is the constant that a word of a checked document stands for.
func numberOf[N ~uint8](words []string, word string) N {
	i := slices.Index(words, word)
	if i < 0 {
		panic("program: the schema lets pass the word " + word + ", which no constant has")
	}
	return N(i)
}

// namings are the ways of naming a member by which points can be spent.
var namings = []kopilka.Naming{kopilka.ByCard, kopilka.ByPhone, kopilka.ByCode, kopilka.ByMemberID}
