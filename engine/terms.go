package engine

import (
	"fmt"

	"github.com/kopilka/kopilka"
	"github.com/kopilka/kopilka/program"
)

// Term is what the books know of a name of the program. Campaigns, certificates,
// instruments and sources keep their sums here over all versions of the program:
// a budget is not full again because a comma was changed.
type Term struct {
	Kind  TermKind
	ID    string
	Used  int64 // campaign: points added; instrument: value or discount given; certificate: value issued
	Count int64 // campaign: receipts; instrument: uses; certificate: issued; source: members enrolled
}

// TermKind is what kind of thing has the name.
type TermKind uint8

const (
	TermCertificate TermKind = iota + 1
	TermInstrument
	TermCampaign
	TermSource
)

// versionTerms are the numbers of the names of one version, in the order of its lists.
type versionTerms struct {
	certificates, instruments, campaigns, sources []kopilka.Term
}

// name gives the number of a name, and a new one to a new name.
func (s *State) name(kind TermKind, id string) kopilka.Term {
	if t := s.findTerm(kind, id); t != 0 {
		return t
	}
	s.terms = append(s.terms, Term{Kind: kind, ID: id})
	return kopilka.Term(len(s.terms))
}

// nameable tells whether the books have numbers left for all new names of a program.
func (s *State) nameable(p *program.Program) bool {
	known := map[Term]bool{}
	for i := range s.terms {
		known[Term{Kind: s.terms[i].Kind, ID: s.terms[i].ID}] = true
	}
	free := termsMax - len(s.terms)
	eachName(p, func(kind TermKind, id string) {
		if !known[Term{Kind: kind, ID: id}] {
			free--
		}
	})
	return free >= 0
}

// eachName calls f for every name of a program that the books number.
func eachName(p *program.Program, f func(TermKind, string)) {
	for i := range p.Certificates {
		f(TermCertificate, p.Certificates[i].ID)
	}
	for i := range p.Instruments {
		f(TermInstrument, p.Instruments[i].ID)
	}
	for i := range p.Campaigns {
		f(TermCampaign, p.Campaigns[i].ID)
	}
	for i := range p.Sources {
		f(TermSource, p.Sources[i].ID)
	}
}

// termsMax is what the 16 bits of a Term can tell apart.
const termsMax = 1<<16 - 1

// findTerm gives the number of a name, or 0.
func (s *State) findTerm(kind TermKind, id string) kopilka.Term {
	for i := range s.terms {
		if s.terms[i].Kind == kind && s.terms[i].ID == id {
			return kopilka.Term(i + 1)
		}
	}
	return 0
}

// Term is a name by its number.
func (s *State) Term(t kopilka.Term) Term { return s.terms[t-1] }

// term is a name by its number, to be counted on.
func (s *State) term(t kopilka.Term) *Term { return &s.terms[t-1] }

func (s *State) termsOf(p *program.Program) (v versionTerms) {
	lists := map[TermKind]*[]kopilka.Term{TermCertificate: &v.certificates, TermInstrument: &v.instruments,
		TermCampaign: &v.campaigns, TermSource: &v.sources}
	eachName(p, func(kind TermKind, id string) { *lists[kind] = append(*lists[kind], s.name(kind, id)) })
	return v
}

// certificate is the newest rule of a certificate. Its name stands in some
// version, or there would be no number for it.
func (s *State) certificate(t kopilka.Term) *program.Certificate {
	for v := len(s.versions) - 1; v >= 0; v-- {
		for i, n := range s.versions[v].terms.certificates {
			if n == t {
				return &s.versions[v].Program.Certificates[i]
			}
		}
	}
	panic(fmt.Sprintf("engine: no version of the program has the certificate of term %d", t))
}

// instrument is the newest rule of an instrument.
func (s *State) instrument(t kopilka.Term) *program.Instrument {
	for v := len(s.versions) - 1; v >= 0; v-- {
		for i, n := range s.versions[v].terms.instruments {
			if n == t {
				return &s.versions[v].Program.Instruments[i]
			}
		}
	}
	panic(fmt.Sprintf("engine: no version of the program has the instrument of term %d", t))
}
