package people

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/kopilka/kopilka"
	"github.com/kopilka/kopilka/seed"
)

func TestMatch(t *testing.T) {
	f := func(name, query string, want bool) {
		t.Helper()
		if got := Match(name, query); got != want {
			t.Fatalf("%q in %q: got %v; want %v", query, name, got, want)
		}
	}
	f("Фёдор Достоевский", "федор", true)
	f("Федор Достоевский", "ФЁДОР", true)
	f("Фёдор Достоевский", "дост", true)
	f("Фёдор Достоевский", "достоевский фёдор", true)
	f("Фёдор Достоевский", "фёд дос", true)
	f("Фёдор Достоевский", "едор", false)
	f("Фёдор Достоевский", "федорр", false)
	f("Фёдор Достоевский", "фёдор м", false)
	f("Михаил Салтыков-Щедрин", "щедрин", true)
	f("Михаил Салтыков-Щедрин", "салтыков-щ", true)
	f("Flann O'Brien", "brien", true)
	f("Flann O’Brien", "o'b", true)
	f("José Müller", "jose muller", true)
	f("Андреи\u0306", "андрей", true)
	f("Иван Иванов", "иван иван", true)
	f("Пётр Иванов", "иван иван", false)
	f("Иванов Пётр", "иван иванов", false)
	f("Иван Иванов", "иван иванов", true)
	f("Иванов Иван", "иван иванов", true)
	f("Анна", "", false)
	f("Анна", " - ", false)
	f("", "а", false)
}

// naiveNames is the plain twin: all names, looked through one by one.
type naiveNames map[kopilka.MemberNo]string

func (x naiveNames) find(query string) []kopilka.MemberNo {
	var found []kopilka.MemberNo
	for m, name := range x {
		if Match(name, query) {
			found = append(found, m)
		}
	}
	slices.Sort(found)
	return found
}

// matching are the candidates whose name matches.
func matching(x *Names, names naiveNames, query string) []kopilka.MemberNo {
	var found []kopilka.MemberNo
	for m := range x.Candidates(query) {
		if Match(names[m], query) {
			found = append(found, m)
		}
	}
	slices.Sort(found)
	return found
}

func (x *Names) check() error {
	n := 0
	for b, bl := range x.blocks {
		if bl.n == 0 || x.firsts[b] != bl.keys[0] {
			return fmt.Errorf("block %d of %d has %d entries and the first %x, not %x", b, len(x.blocks), bl.n, bl.keys[0], x.firsts[b])
		}
		for i := range bl.n {
			n++
			pb, pi := b, i-1
			if i == 0 {
				if b == 0 {
					continue
				}
				pb, pi = b-1, x.blocks[b-1].n-1
			}
			p := x.blocks[pb]
			if p.keys[pi] > bl.keys[i] || p.keys[pi] == bl.keys[i] && p.members[pi] >= bl.members[i] {
				return fmt.Errorf("block %d, entry %d is not above the one before", b, i)
			}
		}
	}
	if n != x.n || len(x.blocks) != len(x.firsts) {
		return fmt.Errorf("%d entries in %d blocks; want %d in %d", n, len(x.blocks), x.n, len(x.firsts))
	}
	return nil
}

// randomName has words of few letters and beginnings, so that they collide.
func randomName(rng *rand.Rand) string {
	var b strings.Builder
	for i := range 1 + rng.IntN(3) {
		if i > 0 {
			b.WriteByte(" -"[rng.IntN(2)])
		}
		b.WriteString([]string{"", "Александр", "константин", "É", "李"}[rng.IntN(5)])
		for range 1 + rng.IntN(4) {
			b.WriteRune([]rune("абАёxy7")[rng.IntN(7)])
		}
	}
	return b.String()
}

func TestNamesAgainstNaive(t *testing.T) {
	seed := seed.Of(t)
	rng := rand.New(rand.NewPCG(seed, 3))
	x, naive := NewNames(), naiveNames{}
	for step := range 8000 {
		m := kopilka.MemberNo(rng.IntN(2000))
		if old, ok := naive[m]; ok {
			x.Remove(m, old)
			delete(naive, m)
			if rng.IntN(3) == 0 {
				continue
			}
		}
		name := randomName(rng)
		x.Put(m, name)
		naive[m] = name
		if step%20 > 0 {
			continue
		}
		if err := x.check(); err != nil {
			t.Fatalf("seed %d, step %d: %v", seed, step, err)
		}
		if step%200 > 0 {
			continue
		}
		for range 5 {
			query := []rune(randomName(rng))
			q := string(query[:1+rng.IntN(len(query))])
			if got, want := matching(x, naive, q), naive.find(q); !slices.Equal(got, want) {
				t.Fatalf("seed %d, step %d, %q: got %v; want %v", seed, step, q, got, want)
			}
		}
	}
	for m, name := range naive {
		x.Remove(m, name)
		x.Remove(m, name) // twice is no harm
	}
	if x.Len() != 0 || len(x.blocks) != 0 {
		t.Fatalf("seed %d: %d words in %d blocks are left", seed, x.Len(), len(x.blocks))
	}
}

// TestNamesForget takes out some of many members, and with some all of a block.
func TestNamesForget(t *testing.T) {
	x := NewNames()
	for m := range kopilka.MemberNo(3000) {
		x.Put(m, fmt.Sprintf("Berg %c%d", 'a'+m%26, m))
	}
	var gone []kopilka.MemberNo
	for m := range kopilka.MemberNo(3000) {
		if m%3 == 0 || m < 1000 {
			gone = append(gone, m)
		}
	}
	x.Forget(gone)
	if err := x.check(); err != nil {
		t.Fatal(err)
	}
	if got, want := x.Len(), 2*(3000-len(gone)); got != want {
		t.Fatalf("%d words are held; want %d", got, want)
	}
	for m := range x.Candidates("berg") {
		if slices.Contains(gone, m) {
			t.Fatalf("member %d is found", m)
		}
	}
}

// One name many times over fills blocks with one key.
func TestNamesAlike(t *testing.T) {
	x := NewNames()
	const n = 5000
	for m := range kopilka.MemberNo(n) {
		x.Put((m*7919)%n, "Иван Иванов")
	}
	if err := x.check(); err != nil {
		t.Fatal(err)
	}
	f := func(query string, limit, want int) {
		t.Helper()
		got := x.Find(query, limit)
		if slices.Sort(got); len(got) != want || len(slices.Compact(got)) != want {
			t.Fatalf("%s: got %d members; want %d", query, len(got), want)
		}
	}
	f("и", 2*n, n)
	f("иван", 10, 10)
	f("иванов", 2*n, n)
	f("иван иванов", 2*n, n)
	f("иван петров", 2*n, 0)
	f("ив", 0, 0)
	f("", 10, 0)
	f("зоя", 10, 0)
	f("яна", 10, 0)
}

func TestCandidatesAreFew(t *testing.T) {
	x := NewNames()
	x.Put(1, "Александра Кузнецова")
	x.Put(2, "Александр Кузнечихин")
	x.Put(3, "Алексей Кузнецов")
	x.Put(4, "Пётр Зимин")
	f := func(query string, want ...kopilka.MemberNo) {
		t.Helper()
		got := x.Find(query, 10)
		if slices.Sort(got); !slices.Equal(got, want) {
			t.Fatalf("%s: got %v; want %v", query, got, want)
		}
	}
	f("александра", 1)
	f("александр", 1, 2)
	f("алекс", 1, 2, 3)
	f("кузнец алекс", 1, 3)
	f("кузнецова александра", 1)
	f("алекс пётр кузнец")
	f("пётр алекс зимин")
}

func TestNamesConcurrent(t *testing.T) {
	x := NewNames()
	const members = 20_000
	// Even members stay; odd ones come and go.
	for m := kopilka.MemberNo(0); m < members; m += 2 {
		x.Put(m, fmt.Sprintf("stay%d name", m%100))
	}
	var wg sync.WaitGroup
	stop := make(chan struct{})
	for g := range 2 {
		wg.Go(func() {
			rng := rand.New(rand.NewPCG(uint64(g), 1))
			for {
				select {
				case <-stop:
					return
				default:
				}
				// Each goroutine has members of its own.
				m := kopilka.MemberNo(rng.IntN(members/4)*4 + 1 + 2*g)
				x.Put(m, fmt.Sprintf("stay%d name", m%100))
				x.Remove(m, fmt.Sprintf("stay%d name", m%100))
			}
		})
	}
	for range 20 {
		seen := map[kopilka.MemberNo]bool{}
		for m := range x.Candidates("name") {
			if seen[m] {
				t.Errorf("member %d twice", m)
			}
			seen[m] = true
		}
		for m := kopilka.MemberNo(0); m < members; m += 2 {
			if !seen[m] {
				t.Fatalf("member %d, who stayed, was not found", m)
			}
		}
	}
	close(stop)
	wg.Wait()
	if err := x.check(); err != nil {
		t.Fatal(err)
	}
}

func BenchmarkNamesPut(b *testing.B) {
	x := NewNames()
	rng := rand.New(rand.NewPCG(1, 1))
	names := make([]string, 4096)
	for i := range names {
		names[i] = fmt.Sprintf("Имя%d Фамилия%d", rng.IntN(1000), rng.IntN(100_000))
	}
	for i := 0; b.Loop(); i++ {
		x.Put(kopilka.MemberNo(i), names[i%len(names)])
	}
}

func BenchmarkNamesFind(b *testing.B) {
	x := NewNames()
	rng := rand.New(rand.NewPCG(1, 1))
	for m := range kopilka.MemberNo(200_000) {
		x.Put(m, fmt.Sprintf("Имя%d Фам%d", rng.IntN(1000), rng.IntN(100_000)))
	}
	for b.Loop() {
		if len(x.Find("фам123", 20)) == 0 {
			b.Fatal("nobody")
		}
	}
}
