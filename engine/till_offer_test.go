package engine

import (
	"fmt"
	"strings"

	"github.com/kopilka/kopilka"
)

var categories = []string{"", "boots", "coats", "hats"}

// offers is what a random program offers beside points for purchases, with a comma
// before every key.
func (x *till) offers(metric string, tiers []string) string {
	var b strings.Builder
	some := func(percent int, key, value string, args ...any) {
		if x.odds(percent) {
			fmt.Fprintf(&b, `,%q:%s`, key, fmt.Sprintf(value, args...))
		}
	}
	trigger := func() string {
		return pick(x, "enrolled", "registered", "installed", "first_purchase", "first_purchase")
	}
	some(50, "welcome", `{"points":%d,"trigger":%q}`, pick(x, 1, 77, 500), trigger())
	if x.odds(60) {
		var keys []string
		if x.odds(70) {
			keys = append(keys, fmt.Sprintf(`"once":{"referrer":%d,"referee":%d,"trigger":%q}`, pick(x, 0, 33, 300), pick(x, 0, 5, 300), trigger()))
		}
		if x.odds(70) {
			keys = append(keys, `"levels_bp":`+pick(x, `[1000,333]`, `[150,100,50]`, `[5000,2500,1111]`, `[5000,2500,1111]`))
		}
		some(100, "referral", "{%s}", strings.Join(keys, ","))
	}
	some(30, "segment_multipliers_bp", `{"core":%d,"new":%d,"none":%d}`, pick(x, 0, 10_000, 15_000, 1_000_000), pick(x, 12_345, 20_000), pick(x, 5000, 10_000))
	some(30, "fraud", `{"earns_per_day":%d,"hold_days":%d,"adjusted_per_day":%d,"dormant_days":%d}`, pick(x, 1, 1, 2), pick(x, 0, 3), pick(x, 0, 100), pick(x, 0, 5))
	if x.odds(50) {
		var all []string
		for i := range 1 + x.IntN(3) {
			all = append(all, x.campaign(i, tiers))
		}
		some(100, "campaigns", "[%s]", strings.Join(all, ","))
	}
	return b.String()
}

// campaign is one of three ids, so that a budget lives over versions.
func (x *till) campaign(i int, tiers []string) string {
	multiplier, points := pick(x, 10_000, 15_000, 20_000, 20_000, 33_333, 1_000_000), pick(x, 0, 0, 1, 50)
	if multiplier == 10_000 {
		points = 20
	}
	var b strings.Builder
	fmt.Fprintf(&b, `{"id":"c%d","multiplier_bp":%d,"points":%d,"budget":%d`, i, multiplier, points, pick(x, 0, 0, 30, 100, 1000))
	day := kopilka.Day(x.now / dayMS)
	if x.odds(30) {
		fmt.Fprintf(&b, `,"starts_at":%q`, (day + kopilka.Day(x.IntN(5)) - 2).String())
	}
	if x.odds(30) {
		fmt.Fprintf(&b, `,"ends_at":"%sT12:00"`, (day + 3 + kopilka.Day(x.IntN(20))).String())
	}
	for _, key := range []string{`"stores":["s1"]`, `"categories":["boots","hats"]`, `"categories":["coats"]`, `"segments":["new","core","none"]`, `"min_amount":500`} {
		if x.odds(20) && !strings.Contains(b.String(), key[:8]) {
			b.WriteString("," + key)
		}
	}
	if x.odds(20) {
		fmt.Fprintf(&b, `,"tiers":[%q]`, pick(x, tiers...))
	}
	return b.String() + "}"
}
