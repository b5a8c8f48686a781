package report

import (
	"slices"
	"strconv"

	"github.com/kopilka/kopilka"
)

// ratings are the newest ratings of receipts among those of the period.
type ratings struct{ of map[kopilka.Seq]rating }

type rating struct {
	stars  uint8
	review bool // it has words
}

func (s *ratings) add(set *Setting, r *Record) {
	c, ok := r.Command.(*kopilka.Rating)
	if !ok || !set.In(set.recorded(r)) {
		return
	}
	if s.of == nil {
		s.of = map[kopilka.Seq]rating{}
	}
	s.of[c.Sale] = rating{c.Stars, len(c.Words) > 0}
}

// stars is sums of ratings.
type stars struct{ ratings, sum, reviews int64 }

func (s *stars) add(r rating) {
	s.ratings++
	s.sum += int64(r.stars)
	count(r.review, &s.reviews)
}

func (s *ratings) figures(v *Report) {
	var all stars
	for _, r := range s.of {
		all.add(r)
	}
	v.figure("ratings", all.ratings)
	v.figure("average_stars_x100", ratio(all.sum, all.ratings, 100))
	v.figure("reviews", all.reviews)
}

// Ratings is what buyers thought: by stars, and by where they bought.
func Ratings(set *Setting) Fold { return &ratingsFold{set: set} }

type ratingsFold struct {
	set *Setting
	ratings
}

func (f *ratingsFold) Reads() (since kopilka.Day, before, kinds kopilka.Kinds) {
	return f.set.From, 0, kopilka.KindsOf(kopilka.KindRating)
}

func (f *ratingsFold) Add(r *Record) { f.add(f.set, r) }

func (f *ratingsFold) Report() (Report, error) {
	var v Report
	f.figures(&v)
	var by [5]int64
	var stores, cashiers tally[stars]
	// Sales that lie together are looked up together.
	sales := make([]kopilka.Seq, 0, len(f.of))
	for sale := range f.of {
		sales = append(sales, sale)
	}
	slices.Sort(sales)
	for _, sale := range sales {
		r := f.of[sale]
		by[r.stars-1]++
		record, err := f.set.Look(sale)
		if err != nil {
			return v, err
		}
		d := kopilka.DeedOf(record.Command) // of a receipt, a redemption or a capture
		stores.of(d.Store).add(r)
		cashiers.of(d.Store, d.Cashier).add(r)
	}
	table := Table{Name: "stars", Keys: []string{"stars"}, Columns: []string{"ratings", "share_bp"}}
	for i, share := range shares(by[:]) {
		table.Rows = append(table.Rows, Row{[]string{strconv.Itoa(i + 1)}, []int64{by[i], share}})
	}
	columns := []string{"ratings", "average_stars_x100", "reviews"}
	row := func(s *stars) []int64 { return []int64{s.ratings, ratio(s.sum, s.ratings, 100), s.reviews} }
	v.Tables = []Table{table,
		stores.table("stores", []string{"store"}, columns, row),
		cashiers.table("cashiers", []string{"store", "cashier"}, columns, row)}
	return v, nil
}
