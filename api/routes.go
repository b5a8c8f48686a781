package api

import (
	"strings"

	"github.com/kopilka/kopilka"
	"github.com/kopilka/kopilka/program"
)

// route is one word of the API: a method and a path, who may say it, and what
// answers it.
type route struct {
	method string
	path   string // a segment in braces stands for any one segment
	roles  roles
	bytes  int // bound of the body; 0 = the route takes none
	serve  func(*call) *problem

	segments []string
	meter    meter
}

// lets tells whether a key of a role may use the route.
func (r *route) lets(role kopilka.Role) bool { return r.roles&(1<<role) != 0 }

// roles is a set of roles; the empty one needs no key.
type roles uint8

const (
	anybody roles = 0
	till    roles = 1 << kopilka.RoleTill
	analyst roles = 1 << kopilka.RoleAnalyst
	admin   roles = 1 << kopilka.RoleAdmin

	tills    = till | admin
	analysts = analyst | admin
	all      = till | analyst | admin
)

// Bounds of bodies in bytes.
const (
	bodyMax    = 64 << 10
	batchMax   = 32 << 20
	importMax  = 64 << 20
	programMax = program.SizeMax
	heardMax   = 256 << 10 // what a gateway has heard of a thousand messages
)

// table is the whole of the API; openapi.yaml says the same, and a test holds
// one against the other.
func (s *Server) table() []route {
	return []route{
		{method: "POST", path: "/v1/quotes", roles: tills, bytes: bodyMax, serve: s.quote},
		{method: "POST", path: "/v1/receipts", roles: tills, bytes: bodyMax, serve: s.postReceipt},
		{method: "GET", path: "/v1/receipts", roles: all, serve: s.findReceipt},
		{method: "GET", path: "/v1/receipts/{id}", roles: all, serve: s.getReceipt},
		{method: "POST", path: "/v1/receipts/{id}/returns", roles: tills, bytes: bodyMax, serve: s.postReturn},
		{method: "PUT", path: "/v1/receipts/{id}/rating", roles: tills, bytes: bodyMax, serve: s.putRating},
		{method: "GET", path: "/v1/receipts/{id}/explain", roles: all, serve: s.explain},
		{method: "POST", path: "/v1/holds", roles: tills, bytes: bodyMax, serve: s.postHold},
		{method: "GET", path: "/v1/holds/{id}", roles: all, serve: s.getHold},
		{method: "POST", path: "/v1/holds/{id}/capture", roles: tills, bytes: bodyMax, serve: s.postCapture},
		{method: "POST", path: "/v1/holds/{id}/void", roles: tills, bytes: bodyMax, serve: s.postVoid},
		{method: "POST", path: "/v1/accruals", roles: tills, bytes: bodyMax, serve: s.postAccrual},
		{method: "POST", path: "/v1/redemptions", roles: tills, bytes: bodyMax, serve: s.postRedemption},
		{method: "POST", path: "/v1/adjustments", roles: admin, bytes: bodyMax, serve: s.postAdjustment},
		{method: "POST", path: "/v1/batch", roles: tills, bytes: batchMax, serve: s.batch},
		{method: "POST", path: "/v1/import", roles: admin, bytes: importMax, serve: s.imports},

		{method: "GET", path: "/v1/members", roles: all, serve: s.findMembers},
		{method: "PUT", path: "/v1/members/{card}", roles: tills, bytes: bodyMax, serve: s.putMember},
		{method: "GET", path: "/v1/members/{card}", roles: all, serve: s.getMember},
		{method: "GET", path: "/v1/members/{card}/ledger", roles: all, serve: s.ledger},
		{method: "GET", path: "/v1/members/{card}/categories", roles: all, serve: s.categories},
		{method: "GET", path: "/v1/members/{card}/consents", roles: all, serve: s.consents},
		{method: "GET", path: "/v1/members/{card}/export", roles: admin, serve: s.exportMember},
		{method: "GET", path: "/v1/members/{card}/notes", roles: admin, serve: s.notes},
		{method: "POST", path: "/v1/members/{card}/notes", roles: admin, bytes: bodyMax, serve: s.postNote},
		{method: "POST", path: "/v1/members/{card}/codes", roles: tills, bytes: bodyMax, serve: s.postCode},
		{method: "PUT", path: "/v1/members/{card}/cards/{number}", roles: tills, bytes: bodyMax, serve: s.putCard},
		{method: "POST", path: "/v1/members/{card}/merge", roles: admin, bytes: bodyMax, serve: s.postMerge},
		{method: "POST", path: "/v1/merges/{id}/undo", roles: admin, bytes: bodyMax, serve: s.postUnmerge},
		{method: "POST", path: "/v1/members/{card}/erase", roles: admin, bytes: bodyMax, serve: s.postErase},
		{method: "GET", path: "/v1/members/{card}/certificates", roles: analysts, serve: s.givenCertificates},
		{method: "POST", path: "/v1/members/{card}/certificates", roles: admin, bytes: bodyMax, serve: s.postCertificate},

		{method: "GET", path: "/v1/instruments", roles: all, serve: s.instruments},
		{method: "GET", path: "/v1/instruments/{instrument}/emissions", roles: admin, serve: s.emissions},
		{method: "POST", path: "/v1/instruments/{instrument}/emissions", roles: admin, bytes: bodyMax, serve: s.postEmission},
		{method: "GET", path: "/v1/instruments/{instrument}/numbers", roles: admin, serve: s.numbers},
		{method: "GET", path: "/v1/numbers/{number}", roles: all, serve: s.getNumber},

		{method: "GET", path: "/v1/segments", roles: analysts, serve: s.segments},
		{method: "GET", path: "/v1/segments/{id}/members", roles: analysts, serve: s.segmentMembers},
		{method: "GET", path: "/v1/events", roles: analysts, serve: s.events},
		{method: "POST", path: "/v1/segments/query", roles: analysts, bytes: bodyMax, serve: s.querySegments},
		{method: "GET", path: "/v1/audiences", roles: analysts, serve: s.audiences},
		{method: "POST", path: "/v1/audiences", roles: admin, bytes: bodyMax, serve: s.postAudience},
		{method: "GET", path: "/v1/audiences/{id}", roles: analysts, serve: s.getAudience},
		{method: "GET", path: "/v1/audiences/{id}/members", roles: analysts, serve: s.audienceMembers},
		{method: "POST", path: "/v1/audiences/{id}/grants", roles: admin, bytes: bodyMax, serve: s.postAudienceGrant},
		{method: "GET", path: "/v1/mailings", roles: analysts, serve: s.mailings},
		{method: "POST", path: "/v1/mailings", roles: admin, bytes: bodyMax, serve: s.postMailing},
		{method: "GET", path: "/v1/mailings/{id}", roles: analysts, serve: s.getMailing},
		{method: "POST", path: "/v1/mailings/{id}/dispatches", roles: admin, bytes: bodyMax, serve: s.postDispatch},
		{method: "POST", path: "/v1/mailings/{id}/deliveries", roles: admin, bytes: heardMax, serve: s.postDelivery},
		{method: "GET", path: "/v1/rfm", roles: analysts, serve: s.rfm},
		{method: "GET", path: "/v1/rfm/members", roles: analysts, serve: s.rfmMembers},
		{method: "GET", path: "/v1/rfm/numbers", roles: analysts, serve: s.rfmNumbers},
		{method: "POST", path: "/v1/rfm/refresh", roles: admin, bytes: bodyMax, serve: s.postRefresh},
		{method: "GET", path: "/v1/reports/{name}", roles: analysts, serve: s.report},
		{method: "POST", path: "/v1/simulations/program", roles: admin, bytes: programMax, serve: s.simulateProgram},
		{method: "POST", path: "/v1/simulations/roi", roles: analysts, bytes: bodyMax, serve: s.payback},

		{method: "GET", path: "/v1/program", roles: all, serve: s.getProgram},
		{method: "PUT", path: "/v1/program", roles: admin, bytes: programMax, serve: s.putProgram},
		{method: "DELETE", path: "/v1/program/scheduled", roles: admin, serve: s.deleteScheduled},
		{method: "GET", path: "/v1/program/history", roles: analysts, serve: s.programHistory},
		{method: "GET", path: "/v1/keys", roles: admin, serve: s.getKeys},
		{method: "POST", path: "/v1/keys", roles: admin, bytes: bodyMax, serve: s.postKey},
		{method: "DELETE", path: "/v1/keys/{key_id}", roles: admin, serve: s.deleteKey},
		{method: "GET", path: "/v1/audit", roles: admin, serve: s.audits},
		{method: "GET", path: "/v1/clock", roles: all, serve: s.getClock},
		{method: "POST", path: "/v1/clock", roles: admin, bytes: bodyMax, serve: s.postClock},
		{method: "GET", path: "/v1/books", roles: analysts, serve: s.books},
		{method: "GET", path: backupPath, roles: admin, serve: s.backup},

		{method: "GET", path: "/healthz", serve: s.healthz},
		{method: "GET", path: "/readyz", serve: s.readyz},
		{method: "GET", path: "/metrics", serve: s.metrics},
		{method: "GET", path: "/openapi.yaml", serve: s.openapi},
	}
}

// paths finds a route by method and path: whole paths in a map, those with
// braces one after the other, of which there are few.
type paths struct {
	whole map[string][]*route // by path
	open  []*route
}

func newPaths(table []route) paths {
	p := paths{whole: map[string][]*route{}}
	for i := range table {
		r := &table[i]
		r.segments = strings.Split(r.path[1:], "/")
		if strings.Contains(r.path, "{") {
			p.open = append(p.open, r)
		} else {
			p.whole[r.path] = append(p.whole[r.path], r)
		}
	}
	return p
}

// params are what stood in place of the braces of a path, of which no path has
// more than two.
type params [2]string

// found is a route with what stood in place of its braces.
type found struct {
	route  *route
	params params
	allow  string // the methods that the path knows, when it does not know this one
}

// find looks a request up. HEAD is GET without the body. A segment in braces
// may have any character in escaped form, a slash too, so the path is cut
// before it is unescaped.
func (p *paths) find(method, path []byte) (f found) {
	if same := p.whole[string(path)]; same != nil {
		for _, r := range same {
			f.offer(r, method, params{})
		}
		return f
	}
	for _, r := range p.open {
		if given, ok := match(r.segments, path); ok {
			f.offer(r, method, given)
		}
	}
	return f
}

func (f *found) offer(r *route, method []byte, given params) {
	switch {
	case r.method == string(method), r.method == "GET" && string(method) == "HEAD":
		f.route, f.params = r, given
	case f.allow == "":
		f.allow = r.method
	default:
		f.allow += ", " + r.method
	}
}

func match(segments []string, path []byte) (given params, ok bool) {
	rest, n := path, 0
	for _, want := range segments {
		if len(rest) == 0 || rest[0] != '/' {
			return given, false
		}
		rest = rest[1:]
		end := 0
		for end < len(rest) && rest[end] != '/' {
			end++
		}
		segment := rest[:end]
		rest = rest[end:]
		if want[0] != '{' {
			if string(segment) != want {
				return given, false
			}
			continue
		}
		if len(segment) == 0 {
			return given, false
		}
		if given[n], ok = unescape(segment); !ok {
			return given, false
		}
		n++
	}
	return given, len(rest) == 0
}

// unescape resolves %XX; false when that is malformed.
func unescape(b []byte) (string, bool) {
	out := make([]byte, 0, len(b))
	for i := 0; i < len(b); i++ {
		if b[i] != '%' {
			out = append(out, b[i])
			continue
		}
		if i+2 >= len(b) {
			return "", false
		}
		hi, lo := hexDigit(b[i+1]), hexDigit(b[i+2])
		if hi > 15 || lo > 15 {
			return "", false
		}
		out = append(out, hi<<4|lo)
		i += 2
	}
	return string(out), true
}

func hexDigit(c byte) byte {
	switch {
	case c >= '0' && c <= '9':
		return c - '0'
	case c >= 'a' && c <= 'f':
		return c - 'a' + 10
	case c >= 'A' && c <= 'F':
		return c - 'A' + 10
	}
	return 255
}
