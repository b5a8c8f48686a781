package main

import (
	"cmp"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strings"

	"golang.org/x/sys/unix"
)

// host names the machine that figures are of.
type host struct {
	cpu, kernel, fs string
	memory          uint64 // bytes
	versions        []string
}

func machine(o *options) *host {
	m := &host{cpu: "unknown processor", kernel: "?", fs: "?", versions: []string{runtime.Version()}}
	if b, err := os.ReadFile("/proc/cpuinfo"); err == nil {
		for line := range strings.Lines(string(b)) {
			if name, value, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(name) == "model name" {
				m.cpu = strings.TrimSpace(value)
				break
			}
		}
	}
	var info unix.Sysinfo_t
	if unix.Sysinfo(&info) == nil {
		m.memory = info.Totalram * uint64(info.Unit)
	}
	var u unix.Utsname
	if unix.Uname(&u) == nil {
		m.kernel = unix.ByteSliceToString(u.Release[:])
	}
	if out, err := exec.Command("stat", "-f", "-c", "%T", cmp.Or(o.dir, os.TempDir())).Output(); err == nil {
		m.fs = strings.TrimSpace(string(out))
	}
	if out, err := exec.Command(o.kopilka, "version").Output(); err == nil {
		line, _, _ := strings.Cut(string(out), "\n")
		m.versions = append(m.versions, strings.TrimSpace(line))
	}
	return m
}

func (m *host) String() string {
	return fmt.Sprintf("%d cores of %s, %.0f GiB, Linux %s, %s; %s\n", runtime.NumCPU(), m.cpu, float64(m.memory)/(1<<30), m.kernel, m.fs, strings.Join(m.versions, ", "))
}
