package program

import (
	"reflect"
	"testing"
	"time"

	"github.com/kopilka/kopilka"
	"github.com/kopilka/kopilka/programs"
)

func shipped(t *testing.T, name string) *Program {
	t.Helper()
	doc, err := programs.Files.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return parse(t, string(doc))
}

// The chain of electronics, value for value. What it leaves out is no rule.
func TestRustore(t *testing.T) {
	p := shipped(t, "uds-rustore.yaml")
	want := Program{
		Name: "uds-rustore", Currency: "RUB", MinorUnits: 2, TimeZone: "Europe/Moscow", Zone: p.Zone,
		EarnBase: Paid, Rounding: kopilka.Floor,
		Tiers: []Tier{
			{"silver", map[string]string{"en": "Silver", "ru": "Серебро"}, 100, 1000, 0, nil},
			{"gold", map[string]string{"en": "Gold", "ru": "Золото"}, 200, 2000, 10_000_000, nil},
			{"platinum", map[string]string{"en": "Platinum", "ru": "Платина"}, 300, 3000, 30_000_000, nil},
			{"vip", map[string]string{"en": "VIP", "ru": "VIP"}, 500, 5000, 100_000_000, nil},
		},
		TierPolicy: TierPolicy{BySpend, 365, DowngradeFull},
		Expiry:     Expiry{ExpiryInactivity, 12},
		Returns:    kopilka.WithinBalance,
		Welcome:    Welcome{50_000, AtEnrolled},
		Certificates: []Certificate{{ID: "birthday", Name: map[string]string{"en": "birthday"}, On: "birth_date",
			Points: 500_000, LeadDays: 7, ValidDays: 22, MaxRedeemBP: 500}},
		Staff:    Staff{PremiumBP: 10},
		CodeLife: 45 * time.Minute,
		RFM: RFM{WindowDays: 365, R: Axis{Thresholds: [4]int64{30, 90, 180, 365}}, F: Axis{Thresholds: [4]int64{2, 3, 5, 8}},
			M: Axis{Thresholds: [4]int64{500_000, 2_000_000, 5_000_000, 15_000_000}}, Segments: six()},
	}
	want.RedeemAllowedBy[kopilka.ByCard], want.RedeemAllowedBy[kopilka.ByCode] = true, true
	want.Referral.Levels = []kopilka.BP{150, 100, 50}
	want.Referral.Once.Referrer, want.Referral.Once.Trigger = 50_000, AtFirstPurchase
	if !reflect.DeepEqual(*p, want) {
		t.Fatalf("got  %+v\nwant %+v", *p, want)
	}
}

// What the owners of the other chains have told, and what turns on it.
func TestShippedRules(t *testing.T) {
	f := func(what string, got, want any) {
		t.Helper()
		if !reflect.DeepEqual(got, want) {
			t.Fatalf("%s: got %+v; want %+v", what, got, want)
		}
	}
	p := shipped(t, "locards-blokpost.yaml")
	f("cards", []string{p.Tiers[0].ID, p.Tiers[1].ID}, []string{"standard", "general"})
	f("general is for the core", p.segmentIDs(p.Tiers[1].Segments), []string{"core"})
	f("metric", p.TierPolicy.Metric, BySegment)
	f("welcome", p.Welcome, Welcome{100_000, AtRegistered})
	f("to who invited", p.Referral.Once.Referrer, kopilka.Points(300_000))
	f("to the friend", p.Referral.Once.Referee, kopilka.Points(300_000))
	f("circles", len(p.Referral.Levels), 0)
	f("least payout", p.Staff.Brackets[0].Payout, kopilka.Money(50_000))
	f("most payout", p.Staff.Brackets[len(p.Staff.Brackets)-1].Payout, kopilka.Money(150_000))
	f("earning by segment", len(p.SegmentBP), 7)

	p = shipped(t, "bestconnect-kristall.yaml")
	f("dates", []string{p.Certificates[0].On, p.Certificates[1].On, p.Certificates[2].On}, []string{"birth_date", "attributes.wedding_date", ""})
	f("window of segments", p.RFM.WindowDays, 0)
	f("found by phone", p.RedeemAllowedBy[kopilka.ByPhone], true)

	p = shipped(t, "workabox.yaml")
	kinds := map[kopilka.UseKind]int{}
	prefixes := map[string]bool{}
	for _, i := range p.Instruments {
		kinds[i.Kind]++
		if i.Code == "" {
			f("prefix of "+i.ID+" is its own", prefixes[i.Prefix], false)
			prefixes[i.Prefix] = true
		}
	}
	f("instruments", kinds, map[kopilka.UseKind]int{kopilka.UseGift: 2, kopilka.UseCoupon: 3, kopilka.UseDiscount: 2})
	f("points for purchases", p.Tiers[0].EarnBP, kopilka.BP(0))
	f("offer a card", p.OfferCard, kopilka.Money(300_000))
}
