// Command kopilka-rivals drives Kopilka and what a chain would use instead with the
// same durable, idempotent commands, by turns, on this machine, and prints how they
// compare.
//
//	kopilka-rivals --kopilka .bin/kopilka
//
// PostgreSQL has a stored procedure and prepared statements, Redis a function; all
// keep a balance a member, a ledger row a command, ids and receipt numbers unique.
// Kopilka does besides what its built-in program asks for: lots with their expiry,
// tiers, referrals, segments. Each is started on a folder and a port of its own and
// stopped afterwards; who is not installed is left out, loudly. At the end everybody
// must have what he acknowledged, every member's points adding up.
//
// One client process drives everybody: a goroutine a connection, which sends as soon
// as it was answered, through pgx, rueidis, or for Kopilka and the echo a connection
// written by hand. It shares the machine with who is measured, so a client that is
// cheaper than another helps who is driven by it; that is said beside the figures.
package main

import (
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"slices"
	"strconv"
	"time"
)

func main() {
	if len(os.Args) == 2 && os.Args[1] == "echo" {
		fmt.Fprintln(os.Stderr, "kopilka-rivals:", serveEcho(os.Stdout))
		os.Exit(1)
	}
	o := options{limitTime: 2 * time.Second}
	flag.StringVar(&o.kopilka, "kopilka", ".bin/kopilka", "the server's `binary`")
	flag.StringVar(&o.plain, "plain", "", "a `binary` of the server whose frames go to a plain file (make bench-peers builds it)")
	flag.StringVar(&o.dir, "dir", "", "`folder` on the disk that is measured (default: that of temporary files)")
	flag.IntVar(&o.members, "members", 1_000_000, "members of each")
	flag.IntVar(&o.rounds, "rounds", 5, "how many turns")
	flag.DurationVar(&o.duration, "duration", 5*time.Second, "of one turn of one contestant, that counts")
	flag.DurationVar(&o.warmup, "warmup", time.Second, "before it, that does not")
	flag.StringVar(&o.json, "json", "", "write every figure as a line of JSON to this `file`")
	flag.Parse()
	if flag.NArg() > 0 {
		fmt.Fprintf(os.Stderr, "kopilka-rivals: %q is no flag\n", flag.Arg(0))
		os.Exit(2)
	}
	f, err := contest(&o)
	if err == nil {
		fmt.Print(f.table())
		if o.json != "" {
			err = f.write(o.json)
		}
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "kopilka-rivals:", err)
		os.Exit(1)
	}
}

type options struct {
	kopilka, plain   string
	dir, json        string
	members, rounds  int
	duration, warmup time.Duration
	limitTime        time.Duration // of each measurement of the machine itself
}

// entrant is a contestant and the ways it is driven.
type entrant struct {
	contestant
	trials []trial
}

// contest is the whole of a run.
func contest(o *options) (f *figures, err error) {
	m := machine(o)
	all, err := enter(o, m)
	defer func() {
		for _, e := range all {
			if e := e.stop(); err == nil && e != nil {
				f, err = nil, e
			}
		}
	}()
	if err != nil {
		return nil, err
	}
	fmt.Print(m)
	d := &driver{members: o.members, warmup: o.warmup, duration: o.duration, told: map[contestant]*sums{},
		prefix: strconv.FormatInt(time.Now().UnixMilli(), 36) + "."}
	for _, e := range all {
		start := time.Now()
		if err := e.fill(o.members); err != nil {
			return nil, fmt.Errorf("%s: members: %w", e.name(), err)
		}
		fmt.Fprintf(os.Stderr, "%s: %d members in %s\n", e.name(), o.members, time.Since(start).Round(time.Millisecond))
		d.told[e.contestant] = &sums{}
	}
	f = &figures{}
	for round := range o.rounds {
		l, err := limits(o.dir, o.limitTime)
		if err != nil {
			return nil, err
		}
		f.limits = append(f.limits, l...)
		// Everybody is first in some round, and before and behind others in others.
		turn := slices.Clone(all)
		for range round {
			turn = append(turn[1:], turn[0])
		}
		if round%2 == 1 {
			slices.Reverse(turn)
		}
		for _, e := range turn {
			for _, t := range e.trials {
				r, err := d.drive(e.contestant, t)
				if err != nil {
					return nil, err
				}
				r.Round = round + 1
				f.results = append(f.results, r)
				fmt.Fprintf(os.Stderr, "round %d: %s, %v: %.0f a second\n", r.Round, e.name(), t, r.PerSecond)
			}
		}
	}
	for _, e := range all {
		if err := d.proved(e.contestant); err != nil && !errors.Is(err, errKeepsNothing) {
			return nil, err
		}
	}
	return f, nil
}

// enter starts everybody who is installed.
func enter(o *options, m *host) (all []entrant, err error) {
	single := []trial{{64, 1}}
	add := func(c contestant, trials ...trial) { all = append(all, entrant{c, trials}) }
	k, err := startKopilka(nameOurs, o.kopilka, o.dir)
	if err != nil {
		return all, err
	}
	add(k, trial{64, 1}, trial{2, 1000}, trial{4, 1000}, trial{8, 1000})
	if o.plain != "" {
		k, err := startKopilka(namePlain, o.plain, o.dir)
		if err != nil {
			return all, err
		}
		add(k, single...)
	}
	e, err := startEcho()
	if err != nil {
		return all, err
	}
	add(e, single...)
	leave := func(err error) error {
		if errors.Is(err, errNotInstalled) {
			fmt.Fprintln(os.Stderr, "SKIPPED:", err)
			return nil
		}
		return err
	}
	if p, err := startPostgres(o.dir); err == nil {
		m.versions = append(m.versions, "PostgreSQL "+p.version)
		add(p, trial{16, 1}, trial{32, 1}, trial{64, 1}, trial{4, 1000}, trial{8, 1000}, trial{16, 1000})
	} else if err := leave(err); err != nil {
		return all, err
	}
	for _, sync := range []string{"always", "everysec"} {
		r, err := startRedis(o.dir, sync)
		if err != nil {
			if err := leave(err); err != nil {
				return all, err
			}
			break
		}
		m.versions = append(m.versions, "Redis "+r.version)
		add(r, trial{64, 1}, trial{64, 16})
	}
	return all, nil
}

func (f *figures) write(path string) error {
	out, err := os.Create(path)
	if err != nil {
		return err
	}
	defer out.Close()
	e := json.NewEncoder(out)
	for _, r := range f.results {
		if err := e.Encode(r); err != nil {
			return err
		}
	}
	for _, l := range f.limits {
		if err := e.Encode(l); err != nil {
			return err
		}
	}
	return out.Close()
}
