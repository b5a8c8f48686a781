package main

import (
	"bufio"
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

// The test binary is also the program: run under the name kopilka, or with
// asKopilka in the environment, it does what kopilka does.
const asKopilka = "KOPILKA_TEST_AS_PROGRAM"

func TestMain(m *testing.M) {
	if os.Getenv(asKopilka) != "" {
		os.Unsetenv(asKopilka)
		main()
	}
	testscript.Main(m, map[string]func(){"kopilka": main})
}

func TestCommandLine(t *testing.T) {
	testscript.Run(t, testscript.Params{Dir: "testdata"})
}

// process is a server of its own, on a folder, that can be killed.
type process struct {
	cmd  *exec.Cmd
	url  string
	out  *lines
	errs *lines
}

const testKey = "kpk_test_0123456789012345678901234567890123456789abc"

var listening = regexp.MustCompile(`(?m)^listen +(https?://\S+)$`)

func startServer(t *testing.T, dir string, flags ...string) *process {
	t.Helper()
	p := &process{out: &lines{}, errs: &lines{}}
	p.cmd = exec.Command(os.Args[0], append([]string{"serve", "--data", dir, "--listen", "127.0.0.1:0"}, flags...)...)
	p.cmd.Env = append(os.Environ(), asKopilka+"=1", "KOPILKA_ADMIN_KEY="+testKey)
	p.cmd.Stdout, p.cmd.Stderr = p.out, p.errs
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.cmd.Process.Kill() })
	for deadline := time.Now().Add(30 * time.Second); ; time.Sleep(2 * time.Millisecond) {
		if found := listening.FindStringSubmatch(p.out.String()); found != nil {
			p.url = found[1]
			return p
		}
		if time.Now().After(deadline) {
			p.cmd.Process.Kill()
			t.Fatalf("the server did not listen:\n%s\n%s", p.out, p.errs)
		}
	}
}

// kill ends the process as a power cut of its own would.
func (p *process) kill() {
	p.cmd.Process.Signal(syscall.SIGKILL)
	p.cmd.Wait()
}

// end asks the process to end, and wants status 0.
func (p *process) end(t *testing.T) {
	t.Helper()
	p.cmd.Process.Signal(syscall.SIGTERM)
	if err := p.cmd.Wait(); err != nil {
		t.Fatalf("after SIGTERM: %v\n%s", err, p.errs)
	}
}

// lines collects output that is read while it is written.
type lines struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// runProgram runs a command of the program to its end.
func runProgram(args ...string) (out string, err error) {
	cmd := exec.Command(os.Args[0], args...)
	cmd.Env = append(os.Environ(), asKopilka+"=1")
	b, err := cmd.CombinedOutput()
	return string(b), err
}

// lastField is the last word of the line that begins with name.
func lastField(out, name string) string {
	for s := bufio.NewScanner(strings.NewReader(out)); s.Scan(); {
		if f := strings.Fields(s.Text()); len(f) > 1 && f[0] == name {
			return f[len(f)-1]
		}
	}
	return fmt.Sprintf("(no line %q)", name)
}
