package report

import (
	"cmp"
	"slices"

	"github.com/kopilka/kopilka"
)

// Categories is what was sold of which category of goods, and to how many members.
// Under the empty name stands what tells no category: lines without one, receipts
// without lines, and imported returns that name no receipt. So the rows add up to all
// that was sold.
func Categories(set *Setting) Fold { return &categoriesFold{set: set} }

type categoriesFold struct {
	set        *Setting
	categories tally[category]
	buyers     pairs
	back       []lineBack
}

type category struct {
	no             uint32 // among categories, from 1
	last           kopilka.Seq
	receipts       int64
	buyers         int64
	sold, returned int64
}

// lineBack is goods of a line that came back. Of which category they are its sale says.
type lineBack struct {
	sale  kopilka.Seq
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
				f.back = append(f.back, lineBack{c.ReceiptSeq, i, int64(goods)})
			}
		}
	}
}

func (f *categoriesFold) of(name string) *category {
	x := f.categories.of(name)
	if x.no == 0 {
		x.no = uint32(len(f.categories.sums))
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
		f.buyers.add(x.no, d.member)
	}
}

// takeBack gives goods that came back to their categories. Sales that lie together
// are looked up together.
func (f *categoriesFold) takeBack() error {
	slices.SortFunc(f.back, func(a, b lineBack) int { return cmp.Compare(a.sale, b.sale) })
	var sale Record
	for i := range f.back {
		b := &f.back[i]
		if i == 0 || b.sale != sale.Seq {
			var err error
			if sale, err = f.set.Look(b.sale); err != nil {
				return err
			}
		}
		name := ""
		if lines := sale.Command.(*kopilka.Receipt).Lines; len(lines) > 0 { // nothing else sells
			name = lines[b.line].Category
		}
		f.of(name).returned += b.goods
	}
	return nil
}

func (f *categoriesFold) Report() (Report, error) {
	if err := f.takeBack(); err != nil {
		return Report{}, err
	}
	f.buyers.each(func(no uint32) { f.categories.sums[no-1].buyers++ })
	t := f.categories.table("categories", []string{"category"},
		[]string{"receipts", "buyers", "sold", "returned", "net", "share_bp"},
		func(x *category) []int64 {
			return []int64{x.receipts, x.buyers, x.sold, x.returned, x.sold - x.returned, 0}
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

// pairs is a set of a category with a member who bought of it: eight bytes a pair,
// and at most as many again until the next time that doubles are thrown out.
type pairs struct {
	list []uint64
	tidy int // of the list is sorted and without doubles
}

// pairsMin is how many are gathered before doubles are looked for.
const pairsMin = 1 << 12

func (s *pairs) add(no uint32, m kopilka.MemberNo) {
	s.list = append(s.list, uint64(no)<<32|uint64(m))
	if len(s.list) >= 2*s.tidy+pairsMin {
		s.clean()
	}
}

func (s *pairs) clean() {
	slices.Sort(s.list)
	s.list = slices.Compact(s.list)
	s.tidy = len(s.list)
}

// each calls f for the category of every pair.
func (s *pairs) each(f func(no uint32)) {
	s.clean()
	for _, p := range s.list {
		f(uint32(p >> 32))
	}
}
