package main

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5"
)

//go:embed postgres.sql
var postgresSchema string

// errNotInstalled says which contestant is left out and why.
var errNotInstalled = errors.New("not installed")

// postgres is PostgreSQL on a folder and a port of its own, set up as its manual
// advises for a machine that it has to itself.
type postgres struct {
	dir     string
	port    int
	cmd     *exec.Cmd
	version string
}

// postgresSettings keep every promise of durability and give it the memory of a
// machine of its own; wal_level and full checkpoints are those without replicas.
var postgresSettings = map[string]string{
	"synchronous_commit":           "on",
	"fsync":                        "on",
	"full_page_writes":             "on",
	"shared_buffers":               "2GB",
	"effective_cache_size":         "6GB",
	"wal_buffers":                  "64MB",
	"min_wal_size":                 "2GB",
	"max_wal_size":                 "16GB",
	"checkpoint_timeout":           "30min",
	"checkpoint_completion_target": "0.9",
	"wal_level":                    "minimal",
	"max_wal_senders":              "0",
	"max_connections":              "100",
	"jit":                          "off",
	"random_page_cost":             "1.1",
	"autovacuum_naptime":           "30s",
	"listen_addresses":             "127.0.0.1",
}

// bin finds PostgreSQL's own programs where Debian puts them.
func postgresBin() (string, error) {
	if dirs, _ := filepath.Glob("/usr/lib/postgresql/*/bin/postgres"); len(dirs) > 0 {
		return filepath.Dir(dirs[len(dirs)-1]), nil
	}
	if p, err := exec.LookPath("initdb"); err == nil {
		return filepath.Dir(p), nil
	}
	return "", fmt.Errorf("postgresql: %w (Debian: apt-get install postgresql-15)", errNotInstalled)
}

func startPostgres(dir string) (p *postgres, err error) {
	bin, err := postgresBin()
	if err != nil {
		return nil, err
	}
	p = &postgres{}
	if p.dir, err = os.MkdirTemp(dir, "rival-postgres-"); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			p.stop()
		}
	}()
	data := filepath.Join(p.dir, "data")
	// It refuses to run as root.
	var as *syscall.SysProcAttr
	if os.Getuid() == 0 {
		u, err := user.Lookup("postgres")
		if err != nil {
			return nil, err
		}
		uid, _ := strconv.Atoi(u.Uid)
		gid, _ := strconv.Atoi(u.Gid)
		if err := os.Chown(p.dir, uid, gid); err != nil {
			return nil, err
		}
		as = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}}
	}
	initdb := exec.Command(filepath.Join(bin, "initdb"), "-D", data, "-A", "trust", "-U", "kopilka", "--no-locale", "-E", "UTF8")
	initdb.SysProcAttr, initdb.Dir = as, p.dir
	if out, err := initdb.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("initdb: %w\n%s", err, out)
	}
	if p.port, err = freePort(); err != nil {
		return nil, err
	}
	args := []string{"-D", data, "-p", strconv.Itoa(p.port), "-k", p.dir}
	for name, value := range postgresSettings {
		args = append(args, "-c", name+"="+value)
	}
	p.cmd = exec.Command(filepath.Join(bin, "postgres"), args...)
	p.cmd.SysProcAttr, p.cmd.Dir = as, p.dir
	log, err := os.Create(filepath.Join(p.dir, "log"))
	if err != nil {
		return nil, err
	}
	defer log.Close()
	p.cmd.Stdout, p.cmd.Stderr = log, log
	if err := p.cmd.Start(); err != nil {
		return nil, fmt.Errorf("start postgres: %w", err)
	}
	for until := time.Now().Add(startMax); ; time.Sleep(100 * time.Millisecond) {
		var c *pgx.Conn
		if c, err = p.connect(); err == nil {
			defer c.Close(context.Background())
			if err = c.QueryRow(context.Background(), "show server_version").Scan(&p.version); err != nil {
				return nil, err
			}
			p.version, _, _ = strings.Cut(p.version, " ")
			_, err = c.Exec(context.Background(), postgresSchema)
			return p, err
		}
		if time.Now().After(until) {
			said, _ := os.ReadFile(filepath.Join(p.dir, "log"))
			return nil, fmt.Errorf("postgres did not come up: %w\n%s", err, said)
		}
	}
}

// startMax is how long a contestant may take to come up.
const startMax = time.Minute

// freePort is a port that nobody listens on at the moment.
func freePort() (int, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port, nil
}

func (p *postgres) connect() (*pgx.Conn, error) {
	ctx, cancel := context.WithTimeout(context.Background(), requestMax)
	defer cancel()
	return pgx.Connect(ctx, fmt.Sprintf("postgres://kopilka@127.0.0.1:%d/postgres?sslmode=disable", p.port))
}

func (p *postgres) name() string { return "PostgreSQL" }

func (p *postgres) fill(members int) error {
	c, err := p.connect()
	if err != nil {
		return err
	}
	defer c.Close(context.Background())
	i := -1
	_, err = c.CopyFrom(context.Background(), pgx.Identifier{"member"}, []string{"no", "card", "balance"}, pgx.CopyFromFunc(func() ([]any, error) {
		if i++; i == members {
			return nil, nil
		}
		return []any{int32(i), card(i), int64(welcome)}, nil
	}))
	if err == nil {
		_, err = c.Exec(context.Background(), "vacuum analyze")
	}
	if err == nil {
		_, err = c.Exec(context.Background(), "checkpoint")
	}
	return err
}

func (p *postgres) session() (session, error) {
	c, err := p.connect()
	if err != nil {
		return nil, err
	}
	for name, text := range map[string]string{
		"one":  "select points, balance, replayed from do_one($1, $2, $3, $4, $5, $6, $7)",
		"many": "select id, points, balance, replayed from do_many($1, $2, $3, $4, $5, $6, $7)",
	} {
		if _, err := c.Prepare(context.Background(), name, text); err != nil {
			return nil, err
		}
	}
	return &pgSession{c: c}, nil
}

type pgSession struct {
	c               *pgx.Conn
	ids, cards, nos []string
	amounts, spent  []int64
}

func (s *pgSession) close() { s.c.Close(context.Background()) }

func (s *pgSession) do(batch []command) error {
	if len(batch) == 1 {
		b := &batch[0]
		var points, balance int64
		var replayed bool
		return s.c.QueryRow(context.Background(), "one", b.id, card(b.member), store, till, b.receiptNo, b.amount, b.points).Scan(&points, &balance, &replayed)
	}
	s.ids, s.cards, s.nos, s.amounts, s.spent = s.ids[:0], s.cards[:0], s.nos[:0], s.amounts[:0], s.spent[:0]
	for i := range batch {
		b := &batch[i]
		s.ids, s.cards, s.nos = append(s.ids, b.id), append(s.cards, card(b.member)), append(s.nos, b.receiptNo)
		s.amounts, s.spent = append(s.amounts, b.amount), append(s.spent, b.points)
	}
	rows, err := s.c.Query(context.Background(), "many", s.ids, s.cards, store, till, s.nos, s.amounts, s.spent)
	if err != nil {
		return err
	}
	defer rows.Close()
	n := 0
	for rows.Next() {
		var id string
		var points, balance int64
		var replayed bool
		if err := rows.Scan(&id, &points, &balance, &replayed); err != nil {
			return err
		}
		n++
	}
	if err := rows.Err(); err != nil {
		return err
	}
	if n != len(batch) {
		return fmt.Errorf("%d of %d commands answered", n, len(batch))
	}
	return nil
}

func (p *postgres) sums() (s sums, err error) {
	c, err := p.connect()
	if err != nil {
		return s, err
	}
	defer c.Close(context.Background())
	var wrong int64
	if err = c.QueryRow(context.Background(), `select count(*) from member m left join
		(select member, sum(points) as points from ledger group by member) l on l.member = m.no
		where m.balance <> $1 + coalesce(l.points, 0)`, welcome).Scan(&wrong); err != nil {
		return s, err
	}
	if wrong > 0 {
		return s, fmt.Errorf("%d members have other points than their ledgers add up to", wrong)
	}
	err = c.QueryRow(context.Background(), `select count(*) filter (where amount > 0), coalesce(-sum(points) filter (where amount = 0), 0)::bigint from ledger`).Scan(&s.purchases, &s.spent)
	return s, err
}

func (p *postgres) stop() error {
	defer os.RemoveAll(p.dir)
	if p.cmd == nil || p.cmd.Process == nil {
		return nil
	}
	p.cmd.Process.Signal(syscall.SIGINT) // fast shutdown
	return p.cmd.Wait()
}
