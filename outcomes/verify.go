package outcomes

import (
	"errors"
	"fmt"
	"slices"
)

// Verify reads every run of a folder that nobody has open and checks all of
// it: ranges, checksums, the order of pairs, and that filter and fences are those
// of the pairs. It changes nothing, goes on to the next run after a
// fault, and returns the faults joined, each with file and offset.
func Verify(dir string) error {
	f, err := list(dir)
	if err != nil {
		return err
	}
	var faults []error
	for _, h := range f.heads {
		r, err := openRun(dir, h)
		if err == nil {
			err = r.verify()
			r.file.Close()
		}
		faults = append(faults, err)
	}
	return errors.Join(faults...)
}

// Look opens the runs of a folder that nobody has open, to be asked and not to be
// changed: what a crash left stays where it is, and Seal is not to be called.
func Look(dir string) (*Runs, error) {
	f, err := list(dir)
	if err != nil {
		return nil, err
	}
	s := &Runs{dir: dir, wake: make(chan struct{}, 1)}
	for _, h := range f.heads {
		r, err := openRun(dir, h)
		if err != nil {
			s.closeFiles()
			return nil, err
		}
		s.runs = append(s.runs, r)
	}
	return s, nil
}

func (r *run) verify() error {
	filter := make(filter, len(r.filter))
	c := cursor{run: r}
	var prev Pair
	for n := 0; ; n++ {
		more, err := c.next()
		if err != nil {
			return err
		}
		if !more {
			break
		}
		p := c.pair
		switch {
		case n > 0 && p.less(prev):
			return damaged(r.path, c.no, fmt.Sprintf("pair %d is out of order", n))
		case p.Seq < r.first || p.Seq > r.last:
			return damaged(r.path, c.no, fmt.Sprintf("pair %d stands at %d, outside %d..%d", n, p.Seq, r.first, r.last))
		case c.at == 1 && r.fences[c.no-1] != p.Key:
			return damaged(r.path, r.fencesAt(), fmt.Sprintf("the fence of page %d is not its first key", c.no))
		}
		filter.add(p.Key)
		prev = p
	}
	if !slices.Equal(filter, r.filter) {
		return damaged(r.path, r.filterAt(), "the filter is not that of the pairs")
	}
	return nil
}
