package workload

import (
	"strconv"
	"time"

	"github.com/kopilka/kopilka"
)

// Person is what a shop knows of a member.
type Person struct {
	Card      string // EAN-13 with the prefix 290, which is for in-store use
	Phone     string // E.164
	Name      string
	BirthDate string // YYYY-MM-DD
	Sex       string // f, m
	Home      int    // number of the store where most is bought
}

// PeopleMax is how many members can have a card and a phone of their own.
const PeopleMax = 1_000_000_000

var (
	firstNamesF = [...]string{"Anna", "Elena", "Olga", "Tatiana", "Natalia", "Irina", "Svetlana", "Maria", "Ekaterina", "Yulia",
		"Daria", "Galina", "Lyudmila", "Valentina", "Ksenia", "Polina", "Alice", "Emma", "Grace", "Sophie", "Charlotte", "Hannah"}
	firstNamesM = [...]string{"Alexander", "Sergey", "Dmitry", "Andrey", "Alexey", "Maxim", "Ivan", "Mikhail", "Nikolay", "Vladimir",
		"Pavel", "Roman", "Oleg", "Viktor", "Yury", "Denis", "James", "Oliver", "George", "Harry", "Thomas", "William"}
	lastNamesRu = [...]string{"Ivanov", "Smirnov", "Kuznetsov", "Popov", "Vasiliev", "Petrov", "Sokolov", "Mikhailov", "Novikov", "Fedorov",
		"Morozov", "Volkov", "Alekseev", "Lebedev", "Semenov", "Egorov", "Pavlov", "Kozlov", "Stepanov", "Nikolaev",
		"Orlov", "Andreev", "Makarov", "Nikitin", "Zakharov", "Zaitsev", "Solovyov", "Borisov", "Yakovlev", "Grigoriev"}
	lastNamesEn = [...]string{"Smith", "Jones", "Taylor", "Brown", "Wilson", "Evans", "Walker", "Wright", "Robinson", "Green"}
)

// Person computes what the shop knows of member n, 0 ≤ n < PeopleMax. No two
// members share a card or a phone.
func (s *Shop) Person(n int) Person {
	p := Person{Card: card(n), Phone: phone(n), Home: s.home(n)}
	h := mix(s.Seed ^ mix(uint64(n)))
	draw := func(below uint64) int {
		h = mix(h)
		return int(h % below)
	}
	russian := draw(10) < 9
	if draw(100) < 62 { // women hold more cards than men
		p.Sex, p.Name = "f", firstNamesF[draw(uint64(len(firstNamesF)))]
	} else {
		p.Sex, p.Name = "m", firstNamesM[draw(uint64(len(firstNamesM)))]
	}
	if russian {
		p.Name += " " + lastNamesRu[draw(uint64(len(lastNamesRu)))]
		if p.Sex == "f" {
			p.Name += "a"
		}
	} else {
		p.Name += " " + lastNamesEn[draw(uint64(len(lastNamesEn)))]
	}
	// Two draws make the ages a hill between 18 and 80, not a plateau.
	age := 18*365 + draw(31*365) + draw(31*365)
	born := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC).AddDate(0, 0, -age)
	p.BirthDate = born.Format("2006-01-02")
	return p
}

// Card is the card of member n, without the rest of the person.
func (s *Shop) Card(n int) string { return card(n) }

// home is the store where member n buys most.
func (s *Shop) home(n int) int { return int(mix(s.Seed+mix(uint64(n))) % uint64(s.Stores)) }

// card scatters n over nine digits, so that neighbours in the books are no
// neighbours on paper: multiplication by a number coprime to ten loses nothing.
func card(n int) string {
	var b [13]byte
	copy(b[:], "290")
	digits(b[3:12], (uint64(n)*387_420_489+271_828_182)%PeopleMax)
	b[12] = checkDigit(b[:12])
	return string(b[:])
}

func phone(n int) string {
	var b [12]byte
	copy(b[:], "+79")
	digits(b[3:], (uint64(n)*282_475_249+314_159_265)%PeopleMax)
	return string(b[:])
}

func digits(b []byte, v uint64) {
	for i := len(b) - 1; i >= 0; i-- {
		b[i] = '0' + byte(v%10)
		v /= 10
	}
}

// checkDigit is the last digit of an EAN-13: weights 1 and 3 by turns from the
// left, up to the next ten (GS1 General Specifications, 7.9).
func checkDigit(b []byte) byte {
	sum := 0
	for i, c := range b {
		d := int(c - '0')
		if i%2 == 1 {
			d *= 3
		}
		sum += d
	}
	return '0' + byte((10-sum%10)%10)
}

// storeID is the outward name of store n.
func storeID(n int) string {
	if n < 9 {
		return "S0" + strconv.Itoa(n+1)
	}
	return "S" + strconv.Itoa(n+1)
}

// mix is the finaliser of SplitMix64 (Steele, Lea & Flood, 2014).
func mix(x uint64) uint64 {
	x += 0x9e3779b97f4a7c15
	x ^= x >> 30
	x *= 0xbf58476d1ce4e5b9
	x ^= x >> 27
	x *= 0x94d049bb133111eb
	return x ^ x>>31
}

// enrolment is the event that makes member n known.
func (s *Shop) enrolment(n int, at kopilka.Time) *Event {
	p := s.Person(n)
	e := &Event{Op: Member, Time: at, Buyer: n, ID: s.Prefix + "m" + strconv.Itoa(n), Occurred: at,
		Card: p.Card, Phone: p.Phone, Name: p.Name, BirthDate: p.BirthDate, Sex: p.Sex, Store: storeID(p.Home)}
	h := mix(s.Seed ^ mix(uint64(n)) ^ 1)
	e.Source = sources[h%uint64(len(sources))]
	if h>>32%10 == 0 && n > 0 {
		e.Referrer = card(int(mix(h) % uint64(n)))
	}
	return e
}

var sources = [...]string{"till", "till", "till", "till", "site", "app", "leaflet", "friend"}
