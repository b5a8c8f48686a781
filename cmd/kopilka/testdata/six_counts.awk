# Recomputes the segments of a receipts file from scratch, in another language
# than the server's, by the definition in docs/rfm.md with default thresholds:
#
#   zcat receipts.csv.gz | awk -v day=2011-12-09 -v window=365 -f six_counts.awk
#
# Columns: receipt_id,member_id,timestamp,amount,… with two digits after the point.

# The civil calendar as a count of days (H. Hinnant, chrono-compatible low-level date algorithms).
function days(date,    y, m, d, era, doe) {
	y = substr(date, 1, 4) + 0; m = substr(date, 6, 2) + 0; d = substr(date, 9, 2) + 0
	if (m <= 2) { y--; m += 9 } else m -= 3
	era = int(y / 400)
	doe = (y - era * 400) * 365 + int((y - era * 400) / 4) - int((y - era * 400) / 100) + int((153 * m + 2) / 5) + d - 1
	return era * 146097 + doe - 719468
}

BEGIN { FS = ","; D = days(day) }

NR > 1 && $2 != "" {
	amount = $4; sub(/\./, "", amount); amount += 0
	at = days($3)
	if (at > D) next
	member[$2] = 1
	inside = window == 0 || at > D - window
	if (amount > 0 && !($2 in last && last[$2] >= at)) last[$2] = at
	if (amount > 0 && inside) F[$2]++
	if (inside) M[$2] += amount
}

END {
	for (m in member) {
		if (!(m in last)) { count["none"]++; continue }
		age = D - last[m]
		r = age <= 30 ? 5 : age <= 90 ? 4 : age <= 180 ? 3 : age <= 365 ? 2 : 1
		often = F[m] >= 3                    # a score of 3 or more
		much = F[m] > 0 && M[m] >= 5000000   # a score of 4 or more
		if (r >= 3) s = often ? (much ? "core" : "loyal") : (much ? "whales" : "new")
		else if (r == 2) s = often || much ? "sleeping" : "lost"
		else s = "lost"
		count[s]++
	}
	print count["core"] + 0, count["loyal"] + 0, count["whales"] + 0, count["new"] + 0, count["sleeping"] + 0, count["lost"] + 0, count["none"] + 0
}
