package audit

import "time"

// List is one of the two lists.
type List int

const (
	Actions  List = iota // what was done by an admin's key
	Refusals             // who was turned away: no key, no right, too often
)

var names = [...]string{"actions", "refusals"}

// String is the list's name in files and in the API.
func (l List) String() string { return names[l] }

// ParseList reads the name of a list.
func ParseList(s string) (List, bool) {
	for i, name := range names {
		if name == s {
			return List(i), true
		}
	}
	return 0, false
}

// Record is one request. It has the pattern of the route and never the path, and
// nothing of a body but the id of the command.
type Record struct {
	No uint64    `json:"no"` // within its list, from 1, without holes
	At time.Time `json:"at"`
	// Key is the id of the key; of one that was not valid, the id that it claims.
	Key         string `json:"key,omitempty"`
	Role        string `json:"role,omitempty"` // empty: the key was not valid
	Address     string `json:"address,omitempty"`
	Certificate string `json:"certificate,omitempty"` // SHA-256 of the client's certificate
	Route       string `json:"route"`                 // such as POST /v1/keys
	ID          string `json:"id,omitempty"`          // of the command
	Seq         uint64 `json:"seq,omitempty"`         // position of the command in the log
	Status      int    `json:"status"`
	Code        string `json:"code,omitempty"`  // of the problem
	Lines       int    `json:"lines,omitempty"` // of a batch: how many were turned away
}
