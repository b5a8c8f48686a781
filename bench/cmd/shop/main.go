// Command shop writes a made-up shop to the standard output: as lines of
// POST /v1/batch, or as the files that kopilka import reads.
//
//	go run ./bench/cmd/shop --members 100000 --days 90 > shop.ndjson
//	go run ./bench/cmd/shop --form members > members.csv
//	go run ./bench/cmd/shop --form receipts > receipts.csv
//	go run ./bench/cmd/shop --six --form receipts > six.csv
//
// With --six it is the base of 242 339 buyers whose segments are known
// beforehand: core 45 489, loyal 63 578, whales 18 322, new 14 803, sleeping
// 30 936, lost 69 211 at the end of the day --to.
package main

import (
	"bufio"
	"flag"
	"fmt"
	"io"
	"iter"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/kopilka/kopilka"
	"github.com/kopilka/kopilka/bench/workload"
)

func main() {
	seed := flag.Uint64("seed", 1, "what is drawn from")
	to := flag.String("to", time.Now().In(workload.Zone).Format(time.DateOnly), "last `day`")
	days := flag.Int("days", 7, "days of trade, the last one included")
	members := flag.Int("members", 20_000, "members on the first day")
	receipts := flag.Int("receipts", 5_000, "receipts on a mean day")
	six := flag.Bool("six", false, "the base of 242 339 buyers instead")
	copies := flag.Int("copies", 1, "with --six: how many times over")
	form := flag.String("form", "batch", "batch, members or receipts")
	flag.Parse()
	if err := run(os.Stdout, *seed, *to, *days, *members, *receipts, *six, *copies, *form); err != nil {
		fmt.Fprintln(os.Stderr, "shop:", err)
		os.Exit(1)
	}
}

func run(to io.Writer, seed uint64, last string, days, members, receipts int, six bool, copies int, form string) error {
	end, err := kopilka.ParseDay(last)
	if err != nil {
		return fmt.Errorf("--to: %w", err)
	}
	if days < 1 || members < 1 || receipts < 0 || copies < 1 {
		return fmt.Errorf("--days %d, --members %d, --receipts %d, --copies %d: too small", days, members, receipts, copies)
	}
	var events iter.Seq[*workload.Event]
	if six {
		events = workload.Segments242339(seed, end, copies)
	} else {
		s := workload.Typical(seed, end-kopilka.Day(days)+1)
		s.To, s.Members, s.ReceiptsPerDay = end, members, receipts
		events = s.Events()
	}
	w := bufio.NewWriterSize(to, 1<<20)
	write, ok := forms[form]
	if !ok {
		return fmt.Errorf("--form %s: must be batch, members or receipts", form)
	}
	write(w, events)
	return w.Flush()
}

var forms = map[string]func(*bufio.Writer, iter.Seq[*workload.Event]){
	"batch": writeBatch, "members": writeMembers, "receipts": writeReceipts,
}

func writeBatch(w *bufio.Writer, events iter.Seq[*workload.Event]) {
	var b []byte
	for e := range events {
		b = append(e.AppendLine(b[:0]), '\n')
		w.Write(b)
	}
}

func writeMembers(w *bufio.Writer, events iter.Seq[*workload.Event]) {
	row(w, "card", "phone", "name", "birth_date", "sex", "store", "registered_at", "referrer", "source")
	for e := range events {
		if e.Op == workload.Member {
			row(w, e.Card, e.Phone, e.Name, e.BirthDate, e.Sex, e.Store, stamp(e.Occurred), e.Referrer, e.Source)
		}
	}
}

// writeReceipts leaves out what a history of purchases does not have:
// redemptions without a sale. Buyers are named by card, whatever they showed.
func writeReceipts(w *bufio.Writer, events iter.Seq[*workload.Event]) {
	row(w, "receipt_id", "member", "timestamp", "amount", "store", "till", "cashier", "receipt_no", "return_of")
	sold := map[string]kopilka.Money{}
	cards := &workload.Shop{}
	for e := range events {
		card, amount := "", e.Amount
		if e.Buyer != workload.Nobody {
			card = cards.Card(e.Buyer)
		}
		switch e.Op {
		case workload.Member, workload.Redemption:
			continue
		case workload.Receipt, workload.Accrual:
			sold[e.ID] = amount
		case workload.Return:
			for _, l := range e.ReturnLines {
				amount += l.Amount
			}
			if amount == 0 {
				amount = sold[e.Receipt]
			}
			amount = -amount
		}
		row(w, e.ID, card, stamp(e.Occurred), strconv.FormatInt(int64(amount), 10), e.Store, e.Till, e.Cashier, e.ReceiptNo, e.Receipt)
	}
}

// row writes a line of CSV. Nothing that a shop says needs quotes.
func row(w *bufio.Writer, fields ...string) {
	w.WriteString(strings.Join(fields, ","))
	w.WriteByte('\n')
}

func stamp(t kopilka.Time) string { return t.Std().In(workload.Zone).Format(time.RFC3339) }
