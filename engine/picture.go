package engine

import (
	"bufio"
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"

	"github.com/kopilka/kopilka"
	"github.com/kopilka/kopilka/program"
	"github.com/kopilka/kopilka/slab"
)

// header is the part of the state that does not lie in slabs, as a picture has
// it: small, and in JSON so that it can be read with one's own eyes.
type header struct {
	Seq      kopilka.Seq
	Now      kopilka.Time
	Day      kopilka.Day
	Secret   []byte
	Sold     bool
	Versions []versionHeader
	Waiting  scheduled
	Keys     []Key
	Debts    []debt
	Above    []kopilka.MemberNo
	Books    Books
	FreeLot  uint32

	Adjusted  []adjusted
	Terms     []Term
	Carriers  []string
	Merged    []merged
	Emissions []emission
	FreeClaim uint32
	Audiences []Audience
	Gathering gathering
	Grants    []AudienceGrant
	Mailings  []Mailing

	Young   int
	Base    kopilka.Seq
	Full    kopilka.Seq
	Retired int
	Index   []byte
}

type versionHeader struct {
	Seq      kopilka.Seq
	Time     kopilka.Time
	Day      kopilka.Day
	Document json.RawMessage
}

type merged struct{ From, Into kopilka.MemberNo }

type adjusted struct {
	Actor  string
	Points kopilka.Points
}

type debt struct {
	Member kopilka.MemberNo
	Points kopilka.Points
}

func (s *State) header() header {
	h := header{Seq: s.seq, Now: s.now, Day: s.day, Secret: slices.Clone(s.secret[:]), Sold: s.sold, Waiting: s.scheduled,
		Keys: s.Keys(), Books: s.books, FreeLot: s.freeLot, Young: s.recent.young, Base: s.recent.base,
		Full: s.recent.youngFrom, Retired: s.recent.retired, Index: s.index.AppendHeader(nil)}
	for _, v := range s.versions {
		h.Versions = append(h.Versions, versionHeader{v.Seq, v.Time, v.Day, v.Program.Document()})
	}
	for m, d := range s.debts {
		h.Debts = append(h.Debts, debt{m, d})
	}
	slices.SortFunc(h.Debts, func(a, b debt) int { return int(a.Member) - int(b.Member) })
	for m := range s.above {
		h.Above = append(h.Above, m)
	}
	slices.Sort(h.Above)
	for who, n := range s.adjusted {
		h.Adjusted = append(h.Adjusted, adjusted{who, n})
	}
	slices.SortFunc(h.Adjusted, func(a, b adjusted) int { return strings.Compare(a.Actor, b.Actor) })
	h.Terms, h.Emissions, h.FreeClaim = slices.Clone(s.terms), slices.Clone(s.emissions), s.freeClaim
	h.Carriers = slices.Clone(s.carriers)
	h.Audiences, h.Gathering, h.Grants = slices.Clone(s.audiences), s.gathering, slices.Clone(s.grants)
	h.Mailings = s.Mailings()
	for from, into := range s.merged {
		h.Merged = append(h.Merged, merged{from, into})
	}
	slices.SortFunc(h.Merged, func(a, b merged) int { return int(a.From) - int(b.From) })
	return h
}

func (s *State) columns() []slab.Column {
	return append([]slab.Column{&s.accounts, &s.cards, &s.longCards, &s.phones, &s.lots,
		&s.byCard.slots, &s.byCard.heads, &s.byPhone.slots, &s.byPhone.heads,
		&s.claims, &s.claimsOf, &s.numbers, &s.moreCards, &s.earns, &s.toldDays, &s.keySlots, &s.sets.chunks, &s.sets.words, &s.touches, &s.contacts, &s.byMore.slots, &s.byMore.heads,
		&s.recent.generations[0].slots, &s.recent.generations[1].slots}, s.index.Columns()...)
}

// Picture is the state as it stood at one instant.
type Picture struct {
	header header
	slabs  *slab.Picture
}

// Picture takes a picture of the state. It is called under the write lock, and
// lock is the read side of it; one picture is taken at a time.
func (s *State) Picture(lock sync.Locker) *Picture {
	return &Picture{header: s.header(), slabs: slab.Begin(lock, s.columns()...)}
}

// WriteTo writes the picture while the writer goes on.
func (p *Picture) WriteTo(w io.Writer) (int64, error) {
	text, err := json.Marshal(p.header)
	if err != nil {
		return 0, err
	}
	head := binary.LittleEndian.AppendUint32(nil, uint32(len(text)))
	n, err := w.Write(append(head, text...))
	if err != nil {
		return int64(n), err
	}
	m, err := p.slabs.WriteTo(w)
	return int64(n) + m, err
}

// Hash is SHA-256 over the picture, the position and the time left out: equal
// books have equal hashes, however many refusals lie between them.
func (p *Picture) Hash() ([32]byte, error) {
	h := sha256.New()
	blind := Picture{header: p.header, slabs: p.slabs}
	blind.header.Seq, blind.header.Now = 0, 0
	if _, err := blind.WriteTo(h); err != nil {
		return [32]byte{}, err
	}
	return [32]byte(h.Sum(nil)), nil
}

// Close ends the picture; the caller holds the write lock.
func (p *Picture) Close() { p.slabs.Close() }

// Hash is the hash of the state as it stands, for callers who own it alone.
func (s *State) Hash() [32]byte {
	p := s.Picture(new(sync.Mutex))
	defer p.Close()
	h, err := p.Hash()
	if err != nil {
		panic(err) // a hash does not fail to be written to
	}
	return h
}

// Restore fills an empty state from what a picture wrote. Of a bufio.Reader of a
// mebibyte or more it reads no further; of any other reader it may read ahead.
func (s *State) Restore(r io.Reader) error {
	br := bufio.NewReaderSize(r, 1<<20)
	var head [4]byte
	if _, err := io.ReadFull(br, head[:]); err != nil {
		return fmt.Errorf("read the header of the books: %w", err)
	}
	n := binary.LittleEndian.Uint32(head[:])
	if n > 1<<30 {
		return fmt.Errorf("a header of the books of %d bytes", n)
	}
	text := make([]byte, n)
	if _, err := io.ReadFull(br, text); err != nil {
		return fmt.Errorf("read the header of the books: %w", err)
	}
	var h header
	if err := json.Unmarshal(text, &h); err != nil {
		return fmt.Errorf("read the header of the books: %w", err)
	}
	empty := State{index: s.index}
	*s = empty
	if err := slab.Restore(br, s.columns()...); err != nil {
		return err
	}
	return s.restored(&h)
}

func (s *State) restored(h *header) error {
	s.seq, s.now, s.day, s.sold, s.scheduled = h.Seq, h.Now, h.Day, h.Sold, h.Waiting
	copy(s.secret[:], h.Secret)
	s.ids = kopilka.NewMemberIDs(s.secret)
	s.terms, s.freeClaim = h.Terms, h.FreeClaim
	for _, e := range h.Emissions {
		s.addEmission(e)
	}
	s.carriers = h.Carriers
	s.audiences, s.gathering, s.grants = h.Audiences, h.Gathering, h.Grants
	s.mailings = h.Mailings
	s.merged = map[kopilka.MemberNo]kopilka.MemberNo{}
	for _, m := range h.Merged {
		s.merged[m.From] = m.Into
	}
	s.adjusted = map[string]kopilka.Points{}
	for _, n := range h.Adjusted {
		s.adjusted[n.Actor] = n.Points
	}
	for i, v := range h.Versions {
		p, err := program.Parse(v.Document)
		if err != nil {
			return fmt.Errorf("version %d of the program: %w", i+1, err)
		}
		s.inForce(Version{Seq: v.Seq, Time: v.Time, Day: v.Day, Program: p})
	}
	s.keys, s.books, s.freeLot = h.Keys, h.Books, h.FreeLot
	s.debts = map[kopilka.MemberNo]kopilka.Points{}
	for _, d := range h.Debts {
		s.debts[d.Member] = d.Points
	}
	s.above = map[kopilka.MemberNo]struct{}{}
	for _, m := range h.Above {
		s.above[m] = struct{}{}
	}
	s.recent.young, s.recent.base, s.recent.youngFrom, s.recent.retired = h.Young, h.Base, h.Full, h.Retired
	for i := range s.recent.generations {
		g := &s.recent.generations[i]
		for at := range g.slots.Len() {
			if g.slots.At(at).seq != 0 {
				g.used++
			}
		}
	}
	if err := s.byCard.restored(); err != nil {
		return err
	}
	if err := s.byPhone.restored(); err != nil {
		return err
	}
	if err := s.byMore.restored(); err != nil {
		return err
	}
	if err := s.index.ReadHeader(h.Index); err != nil {
		return err
	}
	s.index.Restored()
	return nil
}
