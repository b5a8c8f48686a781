package main

import (
	"bytes"
	"fmt"
	"net/url"
	"strconv"
	"time"

	"github.com/kopilka/kopilka/bench/server"
	"github.com/kopilka/kopilka/bench/wire"
	"github.com/kopilka/kopilka/client"
)

// requestMax is how long anybody may take for one round trip.
const requestMax = time.Minute

// ours is Kopilka under its built-in program, whose welcome is the one that all
// members begin with.
type ours struct {
	server *server.Server
	admin  *client.Client
	addr   string
	key    string // a till's
	before *client.Books
	label  string
}

func startKopilka(label, binary, dir string) (*ours, error) {
	s, err := server.Start(binary, dir)
	if err != nil {
		return nil, err
	}
	u, err := url.Parse(s.URL)
	if err != nil {
		s.Kill()
		return nil, err
	}
	k := &ours{server: s, addr: u.Host, label: label, admin: &client.Client{URL: s.URL, Key: s.Key, Timeout: requestMax}}
	key, err := k.admin.CreateKey(client.NewKey{ID: "rivals-key", Role: "till"})
	if err != nil {
		s.Kill()
		return nil, err
	}
	k.key = key.Key
	return k, nil
}

func (k *ours) name() string { return k.label }

func (k *ours) fill(members int) error {
	const at = 5000
	var lines []byte
	for from := 0; from < members; from += at {
		lines = lines[:0]
		n := min(at, members-from)
		for i := range n {
			lines = fmt.Appendf(lines, `{"op":"member","id":"m%d","card":"%s"}`+"\n", from+i, card(from+i))
		}
		results, err := k.admin.BatchLines(lines, n)
		if err != nil {
			return err
		}
		for i := range results {
			if err := results[i].Err(); err != nil {
				return err
			}
		}
	}
	var err error
	k.before, err = k.admin.Books(false)
	return err
}

func (k *ours) session() (session, error) {
	return &register{wire: wire.New(k.addr, k.key, requestMax)}, nil
}

func (k *ours) sums() (sums, error) {
	b, err := k.admin.Books(false)
	if err != nil {
		return sums{}, err
	}
	return sums{purchases: b.Receipts - k.before.Receipts, spent: int64(b.Redeemed - k.before.Redeemed)}, nil
}

func (k *ours) stop() error {
	defer k.server.Kill()
	return k.server.StopAndVerify() // every member's points are what his lots and entries add up to
}

// register is a till with one connection.
type register struct {
	wire *wire.Conn
	body []byte
}

func (t *register) close() { t.wire.Close() }

func (t *register) do(batch []command) error {
	t.body = t.body[:0]
	if len(batch) == 1 {
		path := "/v1/accruals"
		if batch[0].amount == 0 {
			path = "/v1/redemptions"
		}
		t.body = append(t.body, '{')
		t.body = appendCommand(t.body, &batch[0])
		r, err := t.wire.Send("POST", path, "application/json", t.body)
		if err != nil {
			return err
		}
		if r.Status != 201 {
			return fmt.Errorf("%s: %d %.300s", path, r.Status, r.Body)
		}
		return nil
	}
	for i := range batch {
		op := `{"op":"accrual",`
		if batch[i].amount == 0 {
			op = `{"op":"redemption",`
		}
		t.body = append(appendCommand(append(t.body, op...), &batch[i]), '\n')
	}
	r, err := t.wire.Send("POST", "/v1/batch", "application/x-ndjson", t.body)
	if err != nil {
		return err
	}
	if n := bytes.Count(r.Body, []byte(`"status":201`)); r.Status != 200 || n != len(batch) {
		return fmt.Errorf("batch: %d, %d of %d taken: %.300s", r.Status, n, len(batch), r.Body)
	}
	return nil
}

func appendCommand(b []byte, c *command) []byte {
	b = append(b, `"id":"`...)
	b = append(b, c.id...)
	b = append(b, `","card":"`...)
	b = append(b, card(c.member)...)
	b = append(b, `","store":"`+store+`","till":"`+till+`","receipt_no":"`...)
	b = append(b, c.receiptNo...)
	if c.amount != 0 {
		b = append(b, `","amount":`...)
		b = strconv.AppendInt(b, c.amount, 10)
	} else {
		b = append(b, `","points":`...)
		b = strconv.AppendInt(b, c.points, 10)
	}
	return append(b, '}')
}
