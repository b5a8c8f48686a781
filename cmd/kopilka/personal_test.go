package main

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
	"unicode/utf16"

	"github.com/klauspost/compress/zstd"
)

// planted is what is personal of somebody who is told of by every route that takes
// it. None of it is a word that could be anywhere by chance.
var planted = struct{ name, other, phone, birthDate, attribute, note, rating, version, source, search string }{
	name:      "Варфоломея Зубоскалова",
	other:     "Xanthippe Quellwasser",
	phone:     "+79161237654",
	birthDate: "1987-10-23",
	attribute: "penicillin-allergy",
	note:      "asked thrice about the hearing aid",
	rating:    "bunions hurt in these galoshes",
	version:   "leaflet-of-autumn-rain",
	source:    "promenade-promoter",
	search:    "Wilhelmine Osterhagen", // whom nobody has, and who is asked for
}

// needles are the forms in which a planted text could lie somewhere, by how they are called.
func needles() map[string][]byte {
	all := map[string][]byte{}
	add := func(form, text string) {
		all[form+" "+text] = []byte(text)
		var big, little []byte
		for _, u := range utf16.Encode([]rune(text)) {
			big, little = binary.BigEndian.AppendUint16(big, u), binary.LittleEndian.AppendUint16(little, u)
		}
		all[form+" UTF-16BE "+text], all[form+" UTF-16LE "+text] = big, little
		var escaped strings.Builder
		for _, u := range utf16.Encode([]rune(text)) {
			if u < 0x80 {
				escaped.WriteByte(byte(u))
			} else {
				fmt.Fprintf(&escaped, `\u%04x`, u)
			}
		}
		all[form+" JSON "+text] = []byte(escaped.String())
		all[form+" URL "+text] = []byte(url.QueryEscape(text))
		all[form+" path "+text] = []byte(url.PathEscape(text))
		all[form+" hex "+text] = []byte(hex.EncodeToString([]byte(text)))
		all[form+" quoted "+text] = []byte(strings.Trim(strconv.QuoteToASCII(text), `"`))
		for shift := range 3 { // a base64 text begins anywhere
			coded := base64.RawStdEncoding.EncodeToString(append(make([]byte, shift), text...))
			inner := coded[(shift*8+5)/6 : len(coded)-1]
			all[fmt.Sprintf("%s base64+%d %s", form, shift, text)] = []byte(inner)
			all[fmt.Sprintf("%s base64url+%d %s", form, shift, text)] = []byte(strings.NewReplacer("+", "-", "/", "_").Replace(inner))
		}
	}
	p := planted
	for _, text := range []string{p.name, p.other, p.attribute, p.note, p.rating, p.version, p.source, p.search} {
		add("as it is", text)
		add("lower", strings.ToLower(text))
		add("upper", strings.ToUpper(text))
		for word := range strings.FieldsSeq(text) {
			if len(word) > 8 {
				add("a word", word)
				add("a word, lower", strings.ToLower(word))
			}
		}
	}
	digits := p.phone[1:]
	add("phone", p.phone)
	add("phone", digits)
	add("phone", digits[1:])
	add("phone", "8"+digits[1:])
	add("phone", "+7 (916) 123-76-54")
	add("phone", "123-76-54")
	n, err := strconv.ParseUint(digits, 10, 64)
	if err != nil {
		panic(err)
	}
	all["phone as a number, BE"], all["phone as a number, LE"] = binary.BigEndian.AppendUint64(nil, n), binary.LittleEndian.AppendUint64(nil, n)
	all["phone as a varint"] = binary.AppendUvarint(nil, n)
	for _, text := range []string{p.birthDate, "19871023", "23.10.1987", "10/23/1987"} {
		add("birthday", text)
	}
	return all
}

// marks are in the clear by right. That they are found proves that the search reaches
// into the frames of the log.
var marks = []string{"mark-card-4711", "mark-store-4712", "mark-reason-4713"}

// haystack is all that a folder, the output and metrics have, by where it is; what is
// compressed is there unpacked too.
func haystack(t *testing.T, dir string, more map[string]string) map[string][]byte {
	t.Helper()
	all := map[string][]byte{}
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		text, err := os.ReadFile(path)
		all[path] = text
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	for where, text := range more {
		all[where] = []byte(text)
	}
	magic := []byte{0x28, 0xb5, 0x2f, 0xfd}
	r, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(1))
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	for where, text := range all {
		for at, n := 0, 0; ; n++ {
			i := bytes.Index(text[at:], magic)
			if i < 0 {
				break
			}
			at += i
			if r.Reset(bytes.NewReader(text[at:])) == nil {
				unpacked, _ := io.ReadAll(r) // behind the frame comes what is none
				all[fmt.Sprintf("%s, unpacked at %d", where, at)] = unpacked
			}
			at += len(magic)
		}
	}
	return all
}

// finds is where any of the needles is.
func finds(hay map[string][]byte, all map[string][]byte) (found []string) {
	for where, text := range hay {
		for what, needle := range all {
			if bytes.Contains(text, needle) {
				found = append(found, fmt.Sprintf("%s: %s", where, what))
			}
		}
	}
	slices.Sort(found)
	return found
}

// TestNothingPersonal tells the server of a person by every route, in good requests and
// in bad ones, in bodies, paths and query strings, at the most talkative level of the log.
// Then nothing of it is in the data folder, in what the server has written, on /metrics
// or in the audit records, before the person is forgotten and after; sealed it is not
// to be told from noise.
func TestNothingPersonal(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "data")
	p := startServer(t, dir, "--log-level", "debug", "--misses-per-key", "1000/s")
	made, err := runProgram("key", "create", "--url", p.url, "--key", testKey)
	if err != nil {
		t.Fatal(err)
	}
	tillKey := strings.TrimSpace(made)
	var answers bytes.Buffer
	send := func(key, method, path, body string) (status int, text string) {
		t.Helper()
		req, err := http.NewRequest(method, p.url+path, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		if key != "" {
			req.Header.Set("Authorization", "Bearer "+key)
		}
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatalf("%s %s: %v", method, path, err)
		}
		defer resp.Body.Close()
		b, err := io.ReadAll(resp.Body)
		if err != nil {
			t.Fatal(err)
		}
		answers.Write(b)
		return resp.StatusCode, string(b)
	}
	n := 0
	good := func(method, path, body string) string {
		t.Helper()
		n++
		body = strings.ReplaceAll(body, "$ID", fmt.Sprint("good-", n))
		status, text := send(testKey, method, path, body)
		if status >= 300 {
			t.Fatalf("%s %s %s: %d %s", method, path, body, status, text)
		}
		return text
	}
	bad := func(method, path, body string) {
		t.Helper()
		for _, key := range []string{testKey, tillKey, "", planted.other} {
			if status, text := send(key, method, path, body); status < 400 {
				t.Fatalf("%s %s %s: %d %s", method, path, body, status, text)
			}
		}
	}
	w := planted
	spoken := "+7 (916) 123-76-54"
	profile := func(name, phone string) string {
		b, _ := json.Marshal(map[string]any{"name": name, "phone": phone, "birth_date": w.birthDate, "sex": "f",
			"consent":    map[string]any{"text_version": w.version, "at": "2026-01-02T03:04:05Z", "source": w.source},
			"attributes": map[string]any{"health": w.attribute, "friend": w.other, "mobile": w.phone}})
		return string(b)
	}
	other := profile(w.other, "+79161230000")

	good("PUT", "/v1/members/"+marks[0], strings.TrimSuffix(profile(w.name, spoken), "}")+`,"store":"`+marks[1]+`"}`)
	good("PUT", "/v1/members/c2", `{"id":"$ID","name":"`+w.other+`"}`)
	good("PUT", "/v1/members/c2", `{"id":"$ID","name":`+strconv.QuoteToASCII(w.name)+`}`) // escaped
	good("PUT", "/v1/members/c2", `{"birth_date":"`+w.birthDate+`"}`)
	good("POST", "/v1/batch", `{"op":"member","card":"c3","name":"`+w.name+`","attributes":{"health":"`+w.attribute+`"}}`+"\n"+
		`{"op":"accrual","id":"by-phone","phone":"`+w.phone+`","amount":1000000}`+"\n")
	good("POST", "/v1/import", `{"op":"member","card":"c4","name":"`+w.other+`","birth_date":"`+w.birthDate+`"}`+"\n")
	csv := filepath.Join(t.TempDir(), "members.csv")
	if err := os.WriteFile(csv, []byte("card,name,birth_date\nc5,"+w.name+","+w.birthDate+"\nc6,"+w.other+",not a day\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if out, err := runProgram("import", "members", csv, "--url", p.url, "--key", testKey, "--rejected", filepath.Join(t.TempDir(), "rejects.csv")); err != nil {
		t.Fatalf("import: %v\n%s", err, out)
	}
	good("POST", "/v1/quotes", `{"phone":"`+w.phone+`","amount":1000}`)
	good("POST", "/v1/receipts", `{"id":"sale","phone":"`+spoken+`","amount":100000}`)
	good("POST", "/v1/accruals", `{"id":"$ID","phone":"`+w.phone+`","amount":1000}`)
	good("POST", "/v1/adjustments", `{"id":"$ID","phone":"`+w.phone+`","points":5000,"reason":"`+marks[2]+`","actor":"a"}`)
	good("POST", "/v1/members/"+marks[0]+"/notes", `{"id":"$ID","text":"`+w.note+`, says `+w.name+`","actor":"a"}`)
	good("PUT", "/v1/receipts/sale/rating", `{"stars":1,"text":"`+w.rating+`"}`)
	good("GET", "/v1/members?q="+url.QueryEscape(w.name), "")
	good("GET", "/v1/members?q="+url.QueryEscape(w.phone), "")
	good("GET", "/v1/members?q="+url.QueryEscape(w.search), "")
	good("POST", "/v1/segments/query", `{"expr":"sex:f & !blocked"}`)
	export := good("GET", "/v1/members/"+marks[0]+"/export", "")
	for _, text := range []string{w.name, w.phone, w.birthDate, w.attribute, w.note, w.version, w.source} {
		if !strings.Contains(export, text) {
			t.Fatalf("%q was not taken in, so that it is nowhere proves nothing:\n%s", text, export)
		}
	}

	bad("PUT", "/v1/members/c7", other[:len(other)-2])                                         // cut short
	bad("PUT", "/v1/members/c7", other+other)                                                  // twice
	bad("PUT", "/v1/members/c7", strings.Replace(other, `"sex":"f"`, `"sex":"`+w.name+`"`, 1)) // in the wrong place
	bad("PUT", "/v1/members/c7", `{"`+w.name+`":1}`)                                           // as a field
	bad("PUT", "/v1/members/c7", `{"name":{"`+w.other+`":["`+w.phone+`"]}}`)
	bad("PUT", "/v1/members/c7", `{"birth_date":"`+w.birthDate+`T00:00:00, says `+w.other+`"}`)
	bad("PUT", "/v1/members/c7", `{"phone":"`+w.phone+` `+w.name+`"}`)
	bad("PUT", "/v1/members/c7", profile(w.other, w.phone)) // the phone is taken
	bad("PUT", "/v1/members/c7", `{"name":"`+strings.Repeat(w.name, 100)+`"}`)
	bad("PUT", "/v1/members/c7", `{"name":"`+w.name+"\xff"+`"}`)
	bad("POST", "/v1/quotes", `{"phone":"`+w.search+`","amount":1}`)
	bad("POST", "/v1/receipts", `{"id":"b1","phone":"`+w.phone+`","redeem":99999999999,"amount":1}`)
	bad("POST", "/v1/receipts", `{"id":"b2","phone":"`+w.phone+`","amount":"`+w.name+`"}`)
	bad("POST", "/v1/members/nobody/notes", `{"id":"b3","text":"`+w.note+`","actor":"a"}`)
	bad("POST", "/v1/members/"+marks[0]+"/notes", `{"id":"b4","text":"`+w.note+`","words":"`+w.name+`"}`)
	bad("PUT", "/v1/receipts/none/rating", `{"stars":1,"text":"`+w.rating+`"}`)
	bad("PUT", "/v1/receipts/sale/rating", `{"stars":9,"text":"`+w.rating+`"}`)
	for _, text := range []string{w.name, w.other, w.phone, w.search, w.birthDate} {
		inPath, inQuery := url.PathEscape(text), url.QueryEscape(text)
		bad("GET", "/v1/members/"+inPath, "")
		bad("GET", "/v1/members/"+inPath+"/ledger?"+inQuery+"="+inQuery, "")
		bad("GET", "/v1/members?q="+inQuery+"&limit="+inQuery, "")
		bad("GET", "/v1/members?"+inQuery, "")
		bad("GET", "/"+inPath, "")
		bad("DELETE", "/v1/members/"+inPath, "")
		bad("POST", "/v1/segments/query", `{"expr":"`+text+`"}`)
		bad("GET", "/v1/receipts/"+inPath, "")
		bad("GET", "/v1/members?cursor="+base64.RawURLEncoding.EncodeToString([]byte(text)), "")
		bad("POST", "/v1/batch?"+inQuery+"=1", `{"op":"member","name":"`+text+`"}`)
	}
	good("POST", "/v1/batch", `{"op":"member","card":"c8","name":"`+w.name+`","phone":"`+w.phone+`"}`+"\n"+
		`{"op":"`+w.other+`"}`+"\n"+w.name+"\n"+`{"op":"receipt","id":"`+w.search+`","phone":"`+w.phone+`"}`+"\n")

	// What is not even HTTP.
	for _, raw := range []string{
		w.other + "\r\n\r\n",
		"GET /v1/members?q=" + url.QueryEscape(w.other) + " HTTP/9.9 " + w.other + "\r\nHost: x\r\n\r\n",
		"GET /v1/members/" + w.name + " HTTP/1.1\r\nHost: x\r\n" + w.other + "\r\n\r\n",
		"POST /v1/receipts HTTP/1.1\r\nHost: x\r\nContent-Length: " + w.phone + "\r\n\r\n" + w.name,
		"POST /v1/receipts HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nX-Name: " + w.other + "\r\n\r\n" + w.other + "\r\n",
		"PUT /v1/members/c9 HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\nAuthorization: Bearer " + testKey + "\r\n\r\n" + other,
		"GET / HTTP/1.1\r\nHost: " + w.other + "\r\nX-Request-Id: " + strings.ReplaceAll(w.other, " ", "-") + "\r\nX-Big: " + strings.Repeat(w.other, 2000) + "\r\n\r\n",
	} {
		c, err := net.Dial("tcp", strings.TrimPrefix(p.url, "http://"))
		if err != nil {
			t.Fatal(err)
		}
		c.SetDeadline(time.Now().Add(20 * time.Second))
		if _, err := io.WriteString(c, raw); err != nil {
			t.Logf("%.40q: %v", raw, err) // the server may have hung up
		}
		c.(*net.TCPConn).CloseWrite()
		io.Copy(&answers, c)
		c.Close()
	}

	said := needles()
	if !bytes.Contains(answers.Bytes(), []byte(w.name)) {
		t.Fatal("no answer has the name, so that nothing else has it proves nothing")
	}
	check := func(when string) {
		t.Helper()
		_, metrics := send("", "GET", "/metrics", "")
		_, audit := send(testKey, "GET", "/v1/audit?list=refusals&limit=1000", "")
		_, actions := send(testKey, "GET", "/v1/audit?limit=1000", "")
		p.end(t)
		hay := haystack(t, dir, map[string]string{"/metrics": metrics, "/v1/audit, refusals": audit, "/v1/audit, actions": actions,
			"standard output": p.out.String(), "the log lines": p.errs.String()})
		if hidden, err := os.ReadFile(dir + ".key"); err != nil {
			t.Fatal(err)
		} else {
			hay["master key"] = hidden
		}
		for i, f := range finds(hay, said) {
			if i < 20 {
				t.Errorf("%s: %s", when, f)
			}
		}
		for _, mark := range marks {
			if len(finds(hay, map[string][]byte{mark: []byte(mark)})) == 0 {
				t.Errorf("%s: %q, which is in the log in the clear, was not found: the search does not reach it", when, mark)
			}
		}
		if !strings.Contains(p.errs.String(), "api: error when serving") && when == "with the person" || len(p.errs.String()) == 0 || !strings.Contains(metrics, "kopilka_http_refusals_total") || !strings.Contains(audit, "unauthorized") {
			t.Errorf("%s: %d bytes of log lines, %d of metrics, %d of audit records", when, len(p.errs.String()), len(metrics), len(audit))
		}
		t.Logf("%s: %d texts, %d needles", when, len(hay), len(said))
	}
	check("with the person")
	p = startServer(t, dir, "--log-level", "debug")
	for _, card := range []string{marks[0], "c2", "c3", "c4", "c5"} {
		good("POST", "/v1/members/"+card+"/erase", `{"id":"$ID","reason":"he asked","actor":"a"}`)
	}
	if _, text := send(testKey, "GET", "/v1/members?q="+url.QueryEscape(w.name), ""); strings.Contains(text, marks[0]) {
		t.Errorf("the person is found after the erasure: %s", text)
	}
	check("after the erasure")
}
