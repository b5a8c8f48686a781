// Package server runs a Kopilka of its own, in a process of its own, on a folder that
// goes with it: for load tests and for comparisons beside other servers.
package server

import (
	"cmp"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"syscall"
	"time"
)

// Server is a Kopilka that was started here.
type Server struct {
	URL string
	Key string // an admin's
	PID int

	binary, dir string
	log         string // what the server writes
	cmd         *exec.Cmd
	ended       chan error
}

// startMax is how long a server may take to be ready.
const startMax = 30 * time.Second

// Start starts a binary on a new folder inside dir, or inside that of temporary
// files, and returns when it serves. Flags are those of kopilka serve.
func Start(binary, dir string, flags ...string) (*Server, error) {
	dir, err := os.MkdirTemp(dir, "kopilka-server-")
	if err != nil {
		return nil, fmt.Errorf("folder for the server: %w", err)
	}
	s := &Server{binary: binary, dir: dir, log: filepath.Join(dir, "log"), ended: make(chan error, 1)}
	if err := s.start(flags); err != nil {
		os.RemoveAll(dir)
		return nil, err
	}
	return s, nil
}

func (s *Server) start(flags []string) error {
	var secret [32]byte
	rand.Read(secret[:])
	s.Key = "kpk_bench_" + base64.RawURLEncoding.EncodeToString(secret[:])

	log, err := os.Create(s.log)
	if err != nil {
		return err
	}
	defer log.Close()
	s.cmd = exec.Command(s.binary, append([]string{"serve", "--data", filepath.Join(s.dir, "data"), "--listen", "127.0.0.1:0"}, flags...)...)
	s.cmd.Env = append(os.Environ(), "KOPILKA_ADMIN_KEY="+s.Key)
	s.cmd.Stdout, s.cmd.Stderr = log, log
	if err := s.cmd.Start(); err != nil {
		return fmt.Errorf("start %s: %w", s.binary, err)
	}
	s.PID = s.cmd.Process.Pid
	go func() { s.ended <- s.cmd.Wait() }()
	for until := time.Now().Add(startMax); ; time.Sleep(20 * time.Millisecond) {
		if s.ready() {
			return nil
		}
		select {
		case err := <-s.ended:
			return fmt.Errorf("%s ended before it was ready: %v\n%s", s.binary, err, s.said())
		default:
		}
		if time.Now().After(until) {
			s.cmd.Process.Kill()
			<-s.ended
			return fmt.Errorf("%s was not ready in %s\n%s", s.binary, startMax, s.said())
		}
	}
}

// listens is the address in what the server says at its start.
var listens = regexp.MustCompile(`(?m)^listen +(http://127\.0\.0\.1:\d+)$`)

// ready looks up where the server listens and asks it whether it serves.
func (s *Server) ready() bool {
	if s.URL == "" {
		m := listens.FindStringSubmatch(s.said())
		if m == nil {
			return false
		}
		s.URL = m[1]
	}
	r, err := http.Get(s.URL + "/readyz")
	if err != nil {
		return false
	}
	r.Body.Close()
	return r.StatusCode == 200
}

// said is the end of what the server wrote.
func (s *Server) said() string {
	b, _ := os.ReadFile(s.log)
	return string(b[max(0, len(b)-2000):])
}

// StopAndVerify ends the server as an operator would and lets it prove its folder.
func (s *Server) StopAndVerify() error {
	s.cmd.Process.Signal(syscall.SIGTERM)
	err := <-s.ended
	s.ended <- err
	if err != nil {
		return fmt.Errorf("the server ended with %w\n%s", err, s.said())
	}
	out, err := exec.Command(s.binary, "verify", "--data", filepath.Join(s.dir, "data")).CombinedOutput()
	if err != nil {
		return fmt.Errorf("kopilka verify: %w\n%s", err, out)
	}
	return nil
}

// Kill ends the server whatever it does, and removes its folder.
func (s *Server) Kill() {
	if err := s.cmd.Process.Kill(); err == nil || errors.Is(err, os.ErrProcessDone) {
		<-s.ended
	}
	os.RemoveAll(s.dir)
}

// InMemory tells whether a folder lies on a tmpfs, where a sync costs nothing. An
// empty name is the folder of temporary files.
func InMemory(dir string) bool {
	dir = cmp.Or(dir, os.TempDir())
	const tmpfsMagic = 0x01021994
	var st syscall.Statfs_t
	return syscall.Statfs(dir, &st) == nil && st.Type == tmpfsMagic
}
