package main

import (
	"context"
	_ "embed"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/redis/rueidis"
)

//go:embed redis.lua
var redisFunction string

// redis is Redis on a folder and a port of its own, with its append-only file.
type redis struct {
	dir, sync string
	port      int
	cmd       *exec.Cmd
	version   string
	members   int
	admin     rueidis.Client
}

// startRedis starts it with appendfsync always, which is as durable as the others, or
// everysec, which may lose a second and is labelled so.
func startRedis(dir, sync string) (r *redis, err error) {
	bin, err := exec.LookPath("redis-server")
	if err != nil {
		return nil, fmt.Errorf("redis-server: %w (Debian: apt-get install redis-server)", errNotInstalled)
	}
	r = &redis{sync: sync}
	if r.dir, err = os.MkdirTemp(dir, "rival-redis-"); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			r.stop()
		}
	}()
	if r.port, err = freePort(); err != nil {
		return nil, err
	}
	r.cmd = exec.Command(bin, "--port", strconv.Itoa(r.port), "--bind", "127.0.0.1", "--dir", r.dir, "--daemonize", "no",
		"--appendonly", "yes", "--appendfsync", sync, "--save", "", "--auto-aof-rewrite-percentage", "0", "--maxclients", "1000")
	log, err := os.Create(filepath.Join(r.dir, "log"))
	if err != nil {
		return nil, err
	}
	defer log.Close()
	r.cmd.Stdout, r.cmd.Stderr = log, log
	if err := r.cmd.Start(); err != nil {
		return nil, fmt.Errorf("start redis-server: %w", err)
	}
	for until := time.Now().Add(startMax); ; time.Sleep(50 * time.Millisecond) {
		if r.admin, err = r.connect(); err == nil {
			break
		}
		if time.Now().After(until) {
			said, _ := os.ReadFile(filepath.Join(r.dir, "log"))
			return nil, fmt.Errorf("redis did not come up: %w\n%s", err, said)
		}
	}
	info, err := r.admin.Do(context.Background(), r.admin.B().Info().Section("server").Build()).ToString()
	if err != nil {
		return nil, err
	}
	for line := range strings.Lines(info) {
		if v, ok := strings.CutPrefix(strings.TrimSpace(line), "redis_version:"); ok {
			r.version = v
		}
	}
	err = r.admin.Do(context.Background(), r.admin.B().FunctionLoad().FunctionCode(redisFunction).Build()).Error()
	return r, err
}

// connect is a client of one connection, which sends a command, or the commands of
// one DoMulti, in a write of its own and waits for the answers.
func (r *redis) connect() (rueidis.Client, error) {
	return rueidis.NewClient(rueidis.ClientOption{
		InitAddress:           []string{"127.0.0.1:" + strconv.Itoa(r.port)},
		DisableCache:          true,
		DisableAutoPipelining: true,
		BlockingPoolSize:      1,
		ConnWriteTimeout:      requestMax,
		ForceSingleClient:     true,
	})
}

func (r *redis) name() string { return "Redis, appendfsync " + r.sync }

// fill makes the members without waiting for a sync of each.
func (r *redis) fill(members int) error {
	r.members = members
	const at = 10_000
	for from := 0; from < members; from += at {
		kv := r.admin.B().Mset().KeyValue()
		for i := from; i < min(from+at, members); i++ {
			kv = kv.KeyValue("b:"+card(i), strconv.Itoa(welcome))
		}
		if err := r.admin.Do(context.Background(), kv.Build()).Error(); err != nil {
			return err
		}
	}
	return nil
}

func (r *redis) session() (session, error) {
	c, err := r.connect()
	if err != nil {
		return nil, err
	}
	return &redisSession{c: c}, nil
}

type redisSession struct {
	c    rueidis.Client
	cmds rueidis.Commands
	row  []byte
}

func (s *redisSession) close() { s.c.Close() }

func (s *redisSession) command(b *command) rueidis.Completed {
	card := card(b.member)
	s.row = append(s.row[:0], b.id...)
	s.row = append(s.row, " "+store+" "+till+" "...)
	s.row = append(s.row, b.receiptNo...)
	s.row = append(s.row, ' ')
	s.row = strconv.AppendInt(s.row, b.amount, 10)
	s.row = append(s.row, ' ')
	s.row = strconv.AppendInt(s.row, time.Now().UnixMilli(), 10)
	return s.c.B().Fcall().Function("do_one").Numkeys(4).
		Key("i:"+b.id, "r:"+store+":"+till+":"+b.receiptNo, "b:"+card, "l:"+card).
		Arg(strconv.FormatInt(b.amount, 10), strconv.FormatInt(b.points, 10), string(s.row)).Build()
}

func (s *redisSession) do(batch []command) error {
	if len(batch) == 1 {
		_, err := s.c.Do(context.Background(), s.command(&batch[0])).ToString()
		return err
	}
	s.cmds = s.cmds[:0]
	for i := range batch {
		s.cmds = append(s.cmds, s.command(&batch[i]))
	}
	for _, r := range s.c.DoMulti(context.Background(), s.cmds...) {
		if _, err := r.ToString(); err != nil {
			return err
		}
	}
	return nil
}

// sums walks over all members' balances and ledgers.
func (r *redis) sums() (s sums, err error) {
	ctx := context.Background()
	const at = 1000
	var cmds rueidis.Commands
	for from := 0; from < r.members; from += at {
		n := min(at, r.members-from)
		cmds = cmds[:0]
		for i := from; i < from+n; i++ {
			cmds = append(cmds, r.admin.B().Get().Key("b:"+card(i)).Build(), r.admin.B().Lrange().Key("l:"+card(i)).Start(0).Stop(-1).Build())
		}
		all := r.admin.DoMulti(ctx, cmds...)
		for i := range n {
			balance, err := all[2*i].AsInt64()
			if err != nil {
				return s, err
			}
			rows, err := all[2*i+1].AsStrSlice()
			if err != nil {
				return s, err
			}
			sum := int64(welcome)
			for _, row := range rows {
				f := strings.Fields(row)
				points, err := strconv.ParseInt(f[len(f)-2], 10, 64)
				if err != nil {
					return s, fmt.Errorf("row %q: %w", row, err)
				}
				sum += points
				if f[4] == "0" {
					s.spent -= points
				} else {
					s.purchases++
				}
			}
			if sum != balance {
				return s, fmt.Errorf("member %s has %d points and the ledger adds up to %d", card(from+i), balance, sum)
			}
		}
	}
	return s, nil
}

func (r *redis) stop() error {
	defer os.RemoveAll(r.dir)
	if r.admin != nil {
		r.admin.Close()
	}
	if r.cmd == nil || r.cmd.Process == nil {
		return nil
	}
	r.cmd.Process.Signal(syscall.SIGTERM)
	return r.cmd.Wait()
}
