package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/signal"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/spf13/pflag"
)

// sealing is the flags of TLS: the certificate of the server with its key, and who
// vouches for those who may connect.
type sealing struct {
	cert, key, clientCA string

	log     *slog.Logger
	current atomic.Pointer[tls.Config]
	read    string // what the files looked like when they were last read
	told    chan os.Signal
}

func (s *sealing) flags(f *pflag.FlagSet) {
	f.StringVar(&s.cert, "tls-cert", "", "`file` of the server's certificate and those that lead to its root, as PEM: TLS 1.3 instead of plain HTTP")
	f.StringVar(&s.key, "tls-key", "", "`file` of the certificate's private key, as PEM")
	f.StringVar(&s.clientCA, "tls-client-ca", "", "`file` of the certificates, as PEM, one of which must vouch for a client's own (default: clients need none)")
}

// on tells whether the server speaks TLS.
func (s *sealing) on() bool { return s.cert != "" }

func (s *sealing) scheme() string {
	if s.on() {
		return "https"
	}
	return "http"
}

// prepare reads the files before anything is touched.
func (s *sealing) prepare(log *slog.Logger) error {
	s.log = log
	switch {
	case (s.cert == "") != (s.key == ""):
		return errors.New("--tls-cert and --tls-key go together")
	case s.clientCA != "" && !s.on():
		return errors.New("--tls-client-ca needs --tls-cert and --tls-key")
	case !s.on():
		return nil
	}
	s.read = s.look()
	c, err := s.load()
	if err != nil {
		return err
	}
	s.current.Store(c)
	// Before anybody knows the address: until then SIGHUP ends a process.
	s.told = make(chan os.Signal, 1)
	signal.Notify(s.told, syscall.SIGHUP)
	return nil
}

// load reads the files and makes of them what the next connections get.
func (s *sealing) load() (*tls.Config, error) {
	pair, err := tls.LoadX509KeyPair(s.cert, s.key)
	if err != nil {
		return nil, fmt.Errorf("--tls-cert %s with --tls-key %s: %w", s.cert, s.key, err)
	}
	if now := time.Now(); now.After(pair.Leaf.NotAfter) {
		return nil, fmt.Errorf("--tls-cert %s: the certificate ran out on %s", s.cert, pair.Leaf.NotAfter.Format(time.RFC3339))
	} else if now.Before(pair.Leaf.NotBefore) {
		return nil, fmt.Errorf("--tls-cert %s: the certificate holds from %s on", s.cert, pair.Leaf.NotBefore.Format(time.RFC3339))
	}
	c := &tls.Config{
		MinVersion:   tls.VersionTLS13,
		Certificates: []tls.Certificate{pair},
		NextProtos:   []string{"http/1.1"},
	}
	if s.clientCA == "" {
		return c, nil
	}
	text, err := os.ReadFile(s.clientCA)
	if err != nil {
		return nil, fmt.Errorf("--tls-client-ca: %w", err)
	}
	c.ClientAuth, c.ClientCAs = tls.RequireAndVerifyClientCert, x509.NewCertPool()
	if !c.ClientCAs.AppendCertsFromPEM(text) {
		return nil, fmt.Errorf("--tls-client-ca %s has no certificate in it", s.clientCA)
	}
	// A session that is taken up again would not be vouched for anew, also when
	// the file has changed since.
	c.SessionTicketsDisabled = true
	return c, nil
}

// look tells what the files look like from outside, so that a change is seen.
func (s *sealing) look() (seen string) {
	for _, name := range []string{s.cert, s.key, s.clientCA} {
		if i, err := os.Stat(name); err == nil {
			seen += fmt.Sprintf("%s %d %d\n", name, i.Size(), i.ModTime().UnixNano())
		}
	}
	return seen
}

// renew reads the files again. When they cannot be used, what was stays in force.
func (s *sealing) renew() {
	s.read = s.look()
	c, err := s.load()
	if err != nil {
		s.log.Error("tls: the certificate was not taken anew; the one before stays in force", "err", err)
		return
	}
	s.current.Store(c)
	leaf := c.Certificates[0].Leaf
	s.log.Info("tls: the certificate was taken anew", "until", leaf.NotAfter.Format(time.RFC3339))
}

// lookEvery is how often the files are looked at: whoever renews certificates does
// not always know whom to tell.
const lookEvery = 10 * time.Second

// watch takes the files anew when the process is sent SIGHUP and when they have
// changed, until ctx ends. Connections that are open stay as they are.
func (s *sealing) watch(ctx context.Context) {
	beat := time.NewTicker(lookEvery)
	defer beat.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-s.told:
			s.renew()
		case <-beat.C:
			if s.look() != s.read {
				s.renew()
			}
		}
	}
}

// over is the listener with TLS over it, where there is any.
func (s *sealing) over(l net.Listener) net.Listener {
	if !s.on() {
		return l
	}
	return tls.NewListener(l, &tls.Config{
		MinVersion:         tls.VersionTLS13,
		GetConfigForClient: func(*tls.ClientHelloInfo) (*tls.Config, error) { return s.current.Load(), nil },
	})
}

// trust is how a command knows the server it speaks to over https, and shows itself.
type trust struct{ ca, cert, key string }

func (t *trust) flags(f *pflag.FlagSet) {
	f.StringVar(&t.ca, "ca", "", "`file` of the certificates that vouch for an https server (default: the system's)")
	f.StringVar(&t.cert, "client-cert", "", "`file` of this client's own certificate, for a server with --tls-client-ca")
	f.StringVar(&t.key, "client-key", "", "`file` of its private key")
}

// use makes what the flags ask for hold for all requests of this process, which
// are to one server.
func (t *trust) use() error {
	if t.ca == "" && t.cert == "" && t.key == "" {
		return nil
	}
	c, err := t.config()
	if err != nil {
		return err
	}
	http.DefaultTransport.(*http.Transport).TLSClientConfig = c
	return nil
}

func (t *trust) config() (*tls.Config, error) {
	c := &tls.Config{MinVersion: tls.VersionTLS13}
	if t.ca != "" {
		text, err := os.ReadFile(t.ca)
		if err != nil {
			return nil, fmt.Errorf("--ca: %w", err)
		}
		if c.RootCAs = x509.NewCertPool(); !c.RootCAs.AppendCertsFromPEM(text) {
			return nil, fmt.Errorf("--ca %s has no certificate in it", t.ca)
		}
	}
	if t.cert != "" || t.key != "" {
		pair, err := tls.LoadX509KeyPair(t.cert, t.key)
		if err != nil {
			return nil, fmt.Errorf("--client-cert %s with --client-key %s: %w", t.cert, t.key, err)
		}
		c.Certificates = []tls.Certificate{pair}
	}
	return c, nil
}
