package engine

import (
	"testing"

	"github.com/kopilka/kopilka"
)

// Of kinds of carriers there are so many and no more, and none is dropped silently.
func TestCarrierLimit(t *testing.T) {
	s := newShop(t, `{"program":"p"}`)
	m := s.enrol("anna")
	for i := range CarriersMax {
		s.do(&kopilka.PutCard{Member: m, Card: "anna", Carrier: "carrier-" + string(rune('a'+i/26)) + string(rune('a'+i%26))})
	}
	before := s.Hash()
	for _, c := range []kopilka.Command{
		&kopilka.PutCard{Member: m, Card: "anna", Carrier: "one-more"},
		&kopilka.PutMember{Card: "boris", Carrier: "one-more", Referrer: kopilka.NoMember, Registered: s.Day()},
	} {
		if out := s.try(c); out.Refusal != kopilka.CarrierLimit || s.Hash() != before {
			t.Fatalf("%T with one carrier more: %s", c, out.Refusal)
		}
	}
	s.do(&kopilka.PutCard{Member: m, Card: "anna", Carrier: "carrier-aa"})
}
