package main

import (
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

// server is a Kopilka of its own for one run, on a folder that goes with it.
type server struct {
	binary, dir string
	url, key    string
	log         string // what the server writes
	cmd         *exec.Cmd
	ended       chan error
}

// startMax is how long a server may take to be ready.
const startMax = 30 * time.Second

func startServer(o *options) (*server, error) {
	dir, err := os.MkdirTemp(o.data, "kopilka-loadtest-")
	if err != nil {
		return nil, fmt.Errorf("folder for the server: %w", err)
	}
	if inMemory(dir) {
		fmt.Fprintf(os.Stderr, "kopilka-loadtest: %s lies in memory, where a sync costs nothing: use --data with a folder on a disk\n", dir)
	}
	s := &server{binary: o.serve, dir: dir, log: filepath.Join(dir, "log"), ended: make(chan error, 1)}
	if err := s.start(); err != nil {
		os.RemoveAll(dir)
		return nil, err
	}
	return s, nil
}

func (s *server) start() error {
	var secret [32]byte
	rand.Read(secret[:])
	s.key = "kpk_loadtest_" + base64.RawURLEncoding.EncodeToString(secret[:])

	log, err := os.Create(s.log)
	if err != nil {
		return err
	}
	defer log.Close()
	s.cmd = exec.Command(s.binary, "serve", "--data", filepath.Join(s.dir, "data"), "--listen", "127.0.0.1:0")
	s.cmd.Env = append(os.Environ(), "KOPILKA_ADMIN_KEY="+s.key)
	s.cmd.Stdout, s.cmd.Stderr = log, log
	if err := s.cmd.Start(); err != nil {
		return fmt.Errorf("start %s: %w", s.binary, err)
	}
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
func (s *server) ready() bool {
	if s.url == "" {
		m := listens.FindStringSubmatch(s.said())
		if m == nil {
			return false
		}
		s.url = m[1]
	}
	r, err := http.Get(s.url + "/readyz")
	if err != nil {
		return false
	}
	r.Body.Close()
	return r.StatusCode == 200
}

// said is the end of what the server wrote.
func (s *server) said() string {
	b, _ := os.ReadFile(s.log)
	return string(b[max(0, len(b)-2000):])
}

// stopAndVerify ends the server as an operator would and lets it prove its folder.
func (s *server) stopAndVerify() error {
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
	fmt.Println("kopilka verify: the folder is whole")
	return nil
}

// kill ends the server whatever it does, and removes its folder.
func (s *server) kill() {
	if err := s.cmd.Process.Kill(); err == nil || errors.Is(err, os.ErrProcessDone) {
		<-s.ended
	}
	os.RemoveAll(s.dir)
}

// inMemory tells whether a folder lies on a tmpfs.
func inMemory(dir string) bool {
	const tmpfsMagic = 0x01021994
	var st syscall.Statfs_t
	return syscall.Statfs(dir, &st) == nil && st.Type == tmpfsMagic
}
