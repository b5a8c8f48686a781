// Package seed gives random tests their seeds: a new one every time, so that many
// runs see more than one, or the one that is in KOPILKA_SEED, so that a failure can
// be repeated and a gate judges a change and not the draw.
package seed

import (
	"math/rand/v2"
	"os"
	"strconv"
	"testing"
)

// Name is the variable of the environment that fixes every seed.
const Name = "KOPILKA_SEED"

// Of is the seed of a test. When the test fails, how to repeat it is printed.
func Of(t testing.TB) uint64 {
	t.Helper()
	seed := rand.Uint64()
	if text := os.Getenv(Name); text != "" {
		n, err := strconv.ParseUint(text, 10, 64)
		if err != nil {
			t.Fatalf("%s=%s is no number of 64 bits", Name, text)
		}
		seed = n
	}
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("to repeat it: %s=%d go test -run '^%s$'", Name, seed, t.Name())
		}
	})
	return seed
}
