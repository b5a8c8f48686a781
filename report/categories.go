package report

import (
	"github.com/RoaringBitmap/roaring/v2"
	"github.com/kopilka/kopilka"
)

// Categories is what was sold of which category of goods, and to how many members.
// Under the empty name stands what tells no category: lines without one, receipts
// without lines, and imported returns that name no receipt. So the rows add up to all
// that was sold.
func Categories(set *Setting) Fold {
	f := &categoriesFold{set: set}
	f.back = later[lineBack]{set: set, tell: f.takeBack}
	return f
}

type categoriesFold struct {
	set        *Setting
	categories tally[category]
	back       later[lineBack]
}

type category struct {
	last     kopilka.Seq
	receipts int64
	// buyers is packed: most categories are bought by few, who take two bytes each,
	// and one that everybody buys takes a bit for everybody.
	buyers         *roaring.Bitmap
	sold, returned int64
}

// lineBack is goods of a line that came back. Of which category they are its sale says.
type lineBack struct {
	line  int
	goods int64
}

func (f *categoriesFold) Reads() (since kopilka.Day, before, kinds kopilka.Kinds) {
	return f.set.From, 0, deals
}

func (f *categoriesFold) Add(r *Record) {
	d, ok := f.set.deal(r)
	if !ok {
		return
	}
	switch c := r.Command.(type) {
	case *kopilka.Receipt:
		if len(c.Lines) == 0 {
			f.sells(r.Seq, &d, "", c.Amount)
		}
		for i := range c.Lines {
			f.sells(r.Seq, &d, c.Lines[i].Category, c.Lines[i].Amount)
		}
	case *kopilka.Return:
		if c.Receipt == "" {
			f.of("").returned += int64(d.back)
			return
		}
		for i := range c.Left.Lines {
			if goods := c.Left.Lines[i].Goods - r.Outcome.Left.Lines[i].Goods; goods > 0 {
				f.back.add(c.ReceiptSeq, lineBack{i, int64(goods)})
			}
		}
	}
}

func (f *categoriesFold) of(name string) *category {
	x := f.categories.of(name)
	if x.buyers == nil {
		x.buyers = roaring.New()
	}
	return x
}

// sells counts a line. What is worth nothing is neither a purchase nor a buyer.
func (f *categoriesFold) sells(seq kopilka.Seq, d *deal, name string, amount kopilka.Money) {
	if amount == 0 {
		return
	}
	x := f.of(name)
	x.sold += int64(amount)
	if x.last == seq {
		return // another line of the receipt was of it
	}
	x.last = seq
	x.receipts++
	if d.known() {
		x.buyers.Add(uint32(d.member))
	}
}

// takeBack gives goods that came back to their category.
func (f *categoriesFold) takeBack(sale *Record, b lineBack) {
	name := ""
	if lines := sale.Command.(*kopilka.Receipt).Lines; len(lines) > 0 { // nothing else sells
		name = lines[b.line].Category
	}
	f.of(name).returned += b.goods
}

func (f *categoriesFold) Report() (Report, error) {
	if err := f.back.look(); err != nil {
		return Report{}, err
	}
	t := f.categories.table("categories", []string{"category"},
		[]string{"receipts", "buyers", "sold", "returned", "net", "share_bp"},
		func(x *category) []int64 {
			return []int64{x.receipts, int64(x.buyers.GetCardinality()), x.sold, x.returned, x.sold - x.returned, 0}
		})
	const net, share = 4, 5
	parts := make([]int64, len(t.Rows))
	for i := range t.Rows {
		parts[i] = t.Rows[i].Values[net]
	}
	for i, bp := range shares(parts) {
		t.Rows[i].Values[share] = bp
	}
	return Report{Tables: []Table{t}}, nil
}
