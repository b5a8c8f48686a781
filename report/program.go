package report

import "github.com/kopilka/kopilka"

// Program is how the program as a whole does: who takes part, what they buy, how
// they are found, what it costs, who brought them.
func Program(set *Setting) Fold { return &programFold{set: set, roll: roll{set: set}} }

type programFold struct {
	set  *Setting
	roll roll

	named          [namings]int64 // receipts of members by how they were found
	sold, returned int64
	of             [2]side // anonymous, members
	purchases      int64
	earned, spent  int64
	buyers         members
	bought         []int64 // net amount by member
	stars          ratings
	certificates   certificates
}

// side is the sales to members, or to others.
type side struct {
	net, receipts, sold int64 // receipts above 0, and what they came to
}

const namings = int(kopilka.ByMemberID) + 1

func (f *programFold) Reads() (since kopilka.Day, before, kinds kopilka.Kinds) {
	before = enrolling | issuing
	return f.set.From, before, before | spending | kopilka.KindsOf(kopilka.KindRating)
}

func (f *programFold) Add(r *Record) {
	f.roll.add(r)
	f.certificates.add(f.set, r)
	f.stars.add(f.set, r)
	if at := kopilka.DeedOf(r.Command); at != nil && f.set.In(at.Day) {
		earned, spent := moved(r.Outcome)
		f.earned += earned
		f.spent += spent
	}
	d, ok := f.set.deal(r)
	if !ok {
		return
	}
	f.sold += int64(d.sold)
	f.returned += int64(d.back)
	of := &f.of[0]
	if d.known() {
		of = &f.of[1]
		f.buys(&d)
	}
	of.net += d.net()
	if d.sold > 0 {
		of.receipts++
		of.sold += int64(d.sold)
	}
}

// buys notes a deal with a member.
func (f *programFold) buys(d *deal) {
	for len(f.bought) <= int(d.member) {
		f.bought = append(f.bought, 0)
	}
	f.bought[d.member] += d.net()
	if d.receipt && !d.imported {
		f.named[d.NamedBy]++
	}
	if d.sold > 0 {
		f.purchases++
		f.buyers.add(d.member)
	}
}

func (f *programFold) Report() (Report, error) {
	f.roll.close()
	var v Report
	var contacts, imported, enrolled, importedNow, invited, invitedNow, buyers, invitedBuyers int64
	for i := range f.roll.rows {
		m, p := kopilka.MemberNo(i), &f.roll.rows[i]
		if !f.roll.contact(m) {
			continue
		}
		contacts++
		now := f.set.In(p.registered)
		count(p.imported, &imported)
		count(p.imported && now, &importedNow)
		count(!p.imported && now, &enrolled)
		friend := f.roll.referrer(m) != kopilka.NoMember
		count(friend, &invited)
		count(friend && now, &invitedNow)
		buys := f.buyers.has(m)
		count(buys, &buyers)
		count(buys && friend, &invitedBuyers)
	}
	v.figure("contacts", contacts)
	v.figure("contacts_imported", imported)
	v.figure("enrolled", enrolled)
	v.figure("imported", importedNow)
	v.figure("buyers", f.buyers.n)
	v.figure("buyers_share_bp", ratio(buyers, contacts, bp))
	v.figure("purchases", f.purchases)
	v.figure("purchases_per_buyer_x100", ratio(f.purchases, f.buyers.n, 100))
	// A buyer whom nothing of the receipt names is known by the hold that it spends.
	ways := [namings]kopilka.Naming{kopilka.ByCard, kopilka.ByPhone, kopilka.ByCode, kopilka.ByMemberID, kopilka.ByNobody}
	named := make([]int64, namings)
	for i, by := range ways {
		named[i] = f.named[by]
	}
	found := shares(named)
	byPhone := found[1]
	if f.named == [namings]int64{} {
		byPhone = None
	}
	v.figure("found_by_phone_share_bp", byPhone)
	v.figure("turnover", f.sold-f.returned)
	v.figure("sold", f.sold)
	v.figure("returned", f.returned)
	v.figure("turnover_members", f.of[1].net)
	v.figure("turnover_anonymous", f.of[0].net)
	v.figure("receipts_members", f.of[1].receipts)
	v.figure("receipts_anonymous", f.of[0].receipts)
	v.figure("average_receipt_members", ratio(f.of[1].sold, f.of[1].receipts, 1))
	v.figure("average_receipt_anonymous", ratio(f.of[0].sold, f.of[0].receipts, 1))
	v.figure("points_earned", f.earned)
	v.figure("points_spent", f.spent)
	v.figure("discount_bp", ratio(f.spent, f.of[1].net, bp))
	v.figure("referred", invitedNow)
	v.figure("referred_ever", invited)
	v.figure("referred_buyers", invitedBuyers)
	v.figure("referral_depth", f.roll.depth())
	f.stars.figures(&v)
	f.certificates.figures(&v)

	naming := Table{Name: "naming", Keys: []string{"by"}, Columns: []string{"receipts", "share_bp"}}
	for i, by := range ways {
		word := by.String()
		if by == kopilka.ByNobody {
			word = "hold"
		}
		naming.Rows = append(naming.Rows, Row{[]string{word}, []int64{f.named[by], found[i]}})
	}
	v.Tables = []Table{naming, f.bySource(), f.byReferral()}
	return v, nil
}

const bp = int64(kopilka.BPWhole)

func count(yes bool, n *int64) {
	if yes {
		*n++
	}
}

// group is the members of one origin, and what they bought.
type group struct{ buyers, net int64 }

// bySource parts the turnover by what brought the buyers.
func (f *programFold) bySource() Table {
	var t tally[group]
	for i, net := range f.bought {
		m := kopilka.MemberNo(i)
		if buys := f.buyers.has(m); buys || net != 0 {
			g := t.of(f.roll.source(m))
			g.net += net
			count(buys, &g.buyers)
		}
	}
	table := f.parted("sources", &t)
	table.Keys = []string{"by", "source"}
	for i := range table.Rows {
		row := &table.Rows[i]
		if i < len(table.Rows)-1 {
			row.Keys = []string{"members", row.Keys[0]}
		} else {
			row.Keys = append(row.Keys, "")
		}
	}
	return table
}

// byReferral parts it by whether somebody invited them.
func (f *programFold) byReferral() Table {
	var t tally[group]
	t.of("referred")
	t.of("others")
	for i, net := range f.bought {
		m, by := kopilka.MemberNo(i), "others"
		if f.roll.referrer(m) != kopilka.NoMember {
			by = "referred"
		}
		g := t.of(by)
		g.net += net
		count(f.buyers.has(m), &g.buyers)
	}
	return f.parted("referral", &t)
}

// parted is a table of turnover by groups of members, anonymous buyers beside
// them: its rows add up to the turnover, its shares to the whole.
func (f *programFold) parted(name string, t *tally[group]) Table {
	table := Table{Name: name, Keys: []string{"by"}, Columns: []string{"buyers", "turnover", "share_bp"}}
	var parts []int64
	t.sorted(func(k key, g *group) {
		table.Rows = append(table.Rows, Row{[]string{k[0]}, []int64{g.buyers, g.net, 0}})
		parts = append(parts, g.net)
	})
	table.Rows = append(table.Rows, Row{[]string{"anonymous"}, []int64{None, f.of[0].net, 0}})
	for i, share := range shares(append(parts, f.of[0].net)) {
		table.Rows[i].Values[2] = share
	}
	return table
}
