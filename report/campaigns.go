package report

import "github.com/kopilka/kopilka"

// Campaigns is what campaigns did: on how many receipts of how many members they
// added points, how many, and how much was sold on those receipts. What is left
// of budgets is the books' to say, at the position of the report.
func Campaigns(set *Setting, budgets []CampaignBudget) Fold {
	return &campaignsFold{set: set, budgets: budgets}
}

// CampaignBudget is a campaign of the program in force. Points that it may add in
// all, and those of them that are left; None = without bound.
type CampaignBudget struct {
	Campaign     string
	Budget, Left int64
}

type campaignsFold struct {
	set       *Setting
	budgets   []CampaignBudget
	campaigns tally[campaign]
}

type campaign struct {
	receipts, points, sold int64
	buyers                 members
}

func (f *campaignsFold) Reads() (since kopilka.Day, before, kinds kopilka.Kinds) {
	return f.set.From, 0, kopilka.KindsOf(kopilka.KindReceipt)
}

func (f *campaignsFold) Add(r *Record) {
	if len(r.Outcome.Campaigns) == 0 {
		return
	}
	d, ok := f.set.deal(r)
	if !ok {
		return
	}
	for _, u := range r.Outcome.Campaigns {
		c := f.campaigns.of(f.set.Terms[u.Term-1].ID)
		c.receipts++
		c.points += int64(u.Points)
		c.sold += int64(d.sold)
		c.buyers.add(d.member)
	}
}

func (f *campaignsFold) Report() (Report, error) {
	budgets := map[string]CampaignBudget{}
	for _, b := range f.budgets {
		f.campaigns.of(b.Campaign)
		budgets[b.Campaign] = b
	}
	t := Table{Name: "campaigns", Keys: []string{"campaign"}, Columns: []string{"receipts", "buyers", "sold", "points", "budget", "budget_left"}}
	f.campaigns.sorted(func(k key, c *campaign) {
		b, inForce := budgets[k[0]]
		if !inForce {
			b.Budget, b.Left = None, None
		}
		t.Rows = append(t.Rows, Row{[]string{k[0]}, []int64{c.receipts, c.buyers.n, c.sold, c.points, b.Budget, b.Left}})
	})
	return Report{Tables: []Table{t}}, nil
}
