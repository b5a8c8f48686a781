package main

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http"
	"net/http/httptrace"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/kopilka/kopilka/client"
)

// authority vouches for certificates.
type authority struct {
	t    *testing.T
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
	file string // its own certificate
	last int64  // serial number
}

func newAuthority(t *testing.T, name string) *authority {
	t.Helper()
	a := &authority{t: t}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	form := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign}
	der, err := x509.CreateCertificate(rand.Reader, form, form, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	if a.cert, err = x509.ParseCertificate(der); err != nil {
		t.Fatal(err)
	}
	a.key, a.file, a.last = key, filepath.Join(t.TempDir(), "ca.pem"), 1
	writePEM(t, a.file, "CERTIFICATE", der)
	return a
}

func writePEM(t *testing.T, file, kind string, der []byte) {
	t.Helper()
	if err := os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600); err != nil {
		t.Fatal(err)
	}
}

// pair is a certificate in files.
type pair struct{ cert, key string }

// issue writes a certificate that holds until some time from now, and gives its
// serial number.
func (a *authority) issue(p pair, holds time.Duration) int64 {
	a.t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		a.t.Fatal(err)
	}
	a.last++
	form := &x509.Certificate{SerialNumber: big.NewInt(a.last), Subject: pkix.Name{CommonName: "till"},
		NotBefore: time.Now().Add(-2 * time.Hour), NotAfter: time.Now().Add(holds), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth}, KeyUsage: x509.KeyUsageDigitalSignature}
	der, err := x509.CreateCertificate(rand.Reader, form, a.cert, &key.PublicKey, a.key)
	if err != nil {
		a.t.Fatal(err)
	}
	secret, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		a.t.Fatal(err)
	}
	writePEM(a.t, p.key, "PRIVATE KEY", secret)
	writePEM(a.t, p.cert, "CERTIFICATE", der)
	return a.last
}

func newPair(t *testing.T) pair {
	dir := t.TempDir()
	return pair{filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")}
}

// config is how a client trusts the authority, and shows a certificate if it has one.
func (a *authority) config(own *pair) *tls.Config {
	a.t.Helper()
	c := &tls.Config{RootCAs: x509.NewCertPool()}
	c.RootCAs.AddCert(a.cert)
	if own != nil {
		p, err := tls.LoadX509KeyPair(own.cert, own.key)
		if err != nil {
			a.t.Fatal(err)
		}
		// Shown also to those who did not ask for one of this authority.
		c.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return &p, nil }
	}
	return c
}

// books sends a request with the admin's key, over a connection of its own unless the
// client has one.
func books(c *http.Client, url string) (status int, serial int64, reused bool, err error) {
	trace := &httptrace.ClientTrace{GotConn: func(i httptrace.GotConnInfo) { reused = i.Reused }}
	req, err := http.NewRequestWithContext(httptrace.WithClientTrace(context.Background(), trace), "GET", url+"/v1/books?hash=true", nil)
	if err != nil {
		return 0, 0, false, err
	}
	req.Header.Set("Authorization", "Bearer "+testKey)
	resp, err := c.Do(req)
	if err != nil {
		return 0, 0, reused, err
	}
	defer resp.Body.Close()
	if _, err := io.Copy(io.Discard, resp.Body); err != nil {
		return 0, 0, reused, err
	}
	return resp.StatusCode, resp.TLS.PeerCertificates[0].SerialNumber.Int64(), reused, nil
}

func askOnce(c *tls.Config, url string) (status int, serial int64, err error) {
	t := &http.Transport{TLSClientConfig: c, DisableKeepAlives: true}
	status, serial, _, err = books(&http.Client{Transport: t, Timeout: 20 * time.Second}, url)
	return status, serial, err
}

// TestTLS: nothing but TLS 1.3 is spoken, and only who can show a certificate that the
// authority vouches for gets a word in.
func TestTLS(t *testing.T) {
	ca, other := newAuthority(t, "shop"), newAuthority(t, "somebody")
	server, till, foreign, old := newPair(t), newPair(t), newPair(t), newPair(t)
	ca.issue(server, time.Hour)
	ca.issue(till, time.Hour)
	other.issue(foreign, time.Hour)
	ca.issue(old, -time.Hour)
	p := startServer(t, filepath.Join(t.TempDir(), "data"), "--tls-cert", server.cert, "--tls-key", server.key, "--tls-client-ca", ca.file)
	defer p.end(t)
	if !strings.HasPrefix(p.url, "https://") {
		t.Fatalf("the address is %s", p.url)
	}
	f := func(what string, c *tls.Config, want string) {
		t.Helper()
		status, _, err := askOnce(c, p.url)
		switch {
		case want == "" && (err != nil || status != 200):
			t.Errorf("%s: %d, %v", what, status, err)
		case want != "" && (err == nil || !strings.Contains(err.Error(), want)):
			t.Errorf("%s: %d, %v; want an error with %q", what, status, err, want)
		}
	}
	f("the till's certificate", ca.config(&till), "")
	f("no certificate", ca.config(nil), "certificate required")
	f("another authority's", ca.config(&foreign), "unknown certificate authority")
	f("one that ran out", ca.config(&old), "expired certificate")
	f("a client that trusts others", other.config(&till), "unknown authority")
	for _, version := range []uint16{tls.VersionTLS10, tls.VersionTLS11, tls.VersionTLS12} {
		c := ca.config(&till)
		c.MinVersion, c.MaxVersion = tls.VersionTLS10, version
		f(tls.VersionName(version), c, "protocol version not supported")
	}
	if resp, err := http.Get("http://" + strings.TrimPrefix(p.url, "https://") + "/healthz"); err == nil {
		resp.Body.Close()
		t.Errorf("plain HTTP is answered with %s", resp.Status)
	}
	f("the till's certificate, after all that", ca.config(&till), "")

	// The project's own client and tools speak so too.
	c := &client.Client{URL: p.url, Key: testKey, TLS: ca.config(&till)}
	if _, err := c.PutMember(client.PutMember{Card: "c1"}); err != nil {
		t.Error(err)
	}
	p.onRecord(t, ca.config(&till), till)
	mine := []string{"--url", p.url, "--ca", ca.file, "--client-cert", till.cert, "--client-key", till.key}
	if out, err := runProgram(append([]string{"health"}, mine...)...); err != nil {
		t.Errorf("health: %v\n%s", err, out)
	}
	if out, err := runProgram(append([]string{"key", "list", "--key", testKey}, mine...)...); err != nil || !strings.Contains(out, "KOPILKA_ADMIN_KEY") {
		t.Errorf("key list: %v\n%s", err, out)
	}
	saved := filepath.Join(t.TempDir(), "backup")
	if out, err := runProgram(append([]string{"backup", saved, "--key", testKey}, mine...)...); err != nil {
		t.Errorf("backup: %v\n%s", err, out)
	}
	if out, err := runProgram("health", "--url", p.url, "--ca", ca.file); err == nil {
		t.Errorf("health without a certificate: %s", out)
	}
}

// onRecord checks that the audit records know the certificate of who did something.
func (p *process) onRecord(t *testing.T, c *tls.Config, of pair) {
	t.Helper()
	shown, err := tls.LoadX509KeyPair(of.cert, of.key)
	if err != nil {
		t.Fatal(err)
	}
	req, err := http.NewRequest("GET", p.url+"/v1/audit", nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+testKey)
	resp, err := (&http.Transport{TLSClientConfig: c}).RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	want := fmt.Sprintf(`"address":"127.0.0.1","certificate":"%x","route":"PUT /v1/members/{card}"`, sha256.Sum256(shown.Leaf.Raw))
	if err != nil || !strings.Contains(string(text), want) {
		t.Fatalf("%v: the records have not %s:\n%s", err, want, text)
	}
}

// TestTLSAnew: a certificate is taken anew while connections run, which stay; one that
// cannot be used is not, and is told of.
func TestTLSAnew(t *testing.T) {
	ca := newAuthority(t, "shop")
	server := newPair(t)
	first := ca.issue(server, time.Hour)
	p := startServer(t, filepath.Join(t.TempDir(), "data"), "--tls-cert", server.cert, "--tls-key", server.key)
	defer p.end(t)
	lasting := &http.Client{Transport: &http.Transport{TLSClientConfig: ca.config(nil)}}
	stays := func(reused bool) {
		t.Helper()
		status, serial, again, err := books(lasting, p.url)
		if err != nil || status != 200 || serial != first || again != reused {
			t.Fatalf("the connection that runs: %d, certificate %d, reused %t, %v", status, serial, again, err)
		}
	}
	fresh := func() int64 {
		t.Helper()
		status, serial, err := askOnce(ca.config(nil), p.url)
		if err != nil || status != 200 {
			t.Fatalf("a new connection: %d, %v", status, err)
		}
		return serial
	}
	// tell sends SIGHUP and waits until the server has said something n times.
	tell := func(what string, n int) {
		t.Helper()
		p.cmd.Process.Signal(syscall.SIGHUP)
		for deadline := time.Now().Add(30 * time.Second); strings.Count(p.errs.String(), what) < n; time.Sleep(2 * time.Millisecond) {
			if time.Now().After(deadline) {
				t.Fatalf("the server does not say %q:\n%s", what, p.errs)
			}
		}
	}
	stays(false)
	second := ca.issue(server, time.Hour)
	tell("the certificate was taken anew", 1)
	if got := fresh(); got != second {
		t.Fatalf("a new connection gets certificate %d; want %d", got, second)
	}
	stays(true)

	for i, spoil := range []func(){
		func() { writePEM(t, server.cert, "CERTIFICATE", []byte("nothing")) },
		func() { ca.issue(server, -time.Minute) },
		func() { ca.issue(pair{server.cert, filepath.Join(t.TempDir(), "elsewhere")}, time.Hour) }, // not of this key
		func() { os.Remove(server.key) },
	} {
		spoil()
		tell("was not taken anew; the one before stays in force", i+1)
		if got := fresh(); got != second {
			t.Fatalf("spoiled in way %d, a new connection gets certificate %d; want %d", i, got, second)
		}
		stays(true)
	}
	third := ca.issue(server, time.Hour)
	tell("the certificate was taken anew", 2)
	if got := fresh(); got != third {
		t.Fatalf("a new connection gets certificate %d; want %d", got, third)
	}
	stays(true)
}

// TestTLSWatch: a change of the files is seen without a word; what has not changed is
// left alone.
func TestTLSWatch(t *testing.T) {
	ca := newAuthority(t, "shop")
	server := newPair(t)
	ca.issue(server, time.Hour)
	s := &sealing{cert: server.cert, key: server.key}
	logger, err := newLogger("error")
	if err != nil {
		t.Fatal(err)
	}
	if err := s.prepare(logger); err != nil {
		t.Fatal(err)
	}
	if s.look() != s.read {
		t.Fatal("files that have not changed look changed")
	}
	was := s.current.Load()
	ca.issue(server, 2*time.Hour)
	if s.look() == s.read {
		t.Fatal("files that have changed look the same")
	}
	if s.renew(); s.look() != s.read || s.current.Load() == was {
		t.Fatal("the files were not read anew")
	}
}

// TestTLSFlags: what cannot work is said before there are books.
func TestTLSFlags(t *testing.T) {
	ca := newAuthority(t, "shop")
	good, gone := newPair(t), newPair(t)
	ca.issue(good, time.Hour)
	ca.issue(gone, -time.Minute)
	empty := filepath.Join(t.TempDir(), "empty.pem")
	if err := os.WriteFile(empty, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	f := func(want string, flags ...string) {
		t.Helper()
		dir := filepath.Join(t.TempDir(), "data")
		out, err := runProgram(append([]string{"serve", "--data", dir, "--listen", "127.0.0.1:0"}, flags...)...)
		if err == nil || !strings.Contains(out, want) {
			t.Errorf("%q: %v\n%s", flags, err, out)
		}
		if _, err := os.Stat(dir); err == nil {
			t.Errorf("%q: the folder was made", flags)
		}
	}
	f("go together", "--tls-cert", good.cert)
	f("go together", "--tls-key", good.key)
	f("--tls-client-ca needs", "--tls-client-ca", ca.file)
	f("the certificate ran out on", "--tls-cert", gone.cert, "--tls-key", gone.key)
	f("does not match", "--tls-cert", good.cert, "--tls-key", gone.key)
	f("no such file", "--tls-cert", good.cert+"x", "--tls-key", good.key)
	f("has no certificate in it", "--tls-cert", good.cert, "--tls-key", good.key, "--tls-client-ca", empty)
	f("off loopback", "--listen", "0.0.0.0:0")
}
