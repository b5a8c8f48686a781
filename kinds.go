package kopilka

// Kinds is a set of kinds of commands: what a reader of the log is interested in.
type Kinds uint64

// AllKinds is every kind, those of newer versions too.
const AllKinds = ^Kinds(0)

// KindsOf is the set of the given kinds.
func KindsOf(kinds ...Kind) (s Kinds) {
	for _, k := range kinds {
		s |= 1 << k
	}
	return s
}

// Has tells whether a kind is in the set.
func (s Kinds) Has(k Kind) bool { return s&(1<<k) != 0 }
