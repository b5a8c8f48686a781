package report

import (
	"cmp"
	"slices"

	"github.com/kopilka/kopilka"
)

// later gathers what has to be told by the sale that it is of, such as goods that came
// back, and looks the sales up many at a time: those that lie together are read
// together, and however many come back in a period, few of them wait.
type later[T any] struct {
	set  *Setting
	tell func(sale *Record, what T)
	wait []ofSale[T]
	err  error // of the first look-up that failed; nothing is looked up after it
}

type ofSale[T any] struct {
	sale kopilka.Seq
	what T
}

// laterMax is how many wait at most. Tests change it.
var laterMax = 1 << 14

func (l *later[T]) add(sale kopilka.Seq, what T) {
	if l.err != nil {
		return
	}
	if l.wait = append(l.wait, ofSale[T]{sale, what}); len(l.wait) >= laterMax {
		l.err = l.look()
	}
}

// look tells all that waits.
func (l *later[T]) look() error {
	if l.err != nil {
		return l.err
	}
	slices.SortStableFunc(l.wait, func(a, b ofSale[T]) int { return cmp.Compare(a.sale, b.sale) })
	var sale Record
	for i := range l.wait {
		w := &l.wait[i]
		if i == 0 || w.sale != sale.Seq {
			var err error
			if sale, err = l.set.Look(w.sale); err != nil {
				return err
			}
		}
		l.tell(&sale, w.what)
	}
	l.wait = l.wait[:0]
	return nil
}
