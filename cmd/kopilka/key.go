package main

import (
	"bytes"
	"cmp"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/kopilka/kopilka"
	"github.com/kopilka/kopilka/api"
	"github.com/kopilka/kopilka/engine"
	"github.com/kopilka/kopilka/wal"
	"github.com/spf13/cobra"
)

var errKeyForm = errors.New("KOPILKA_ADMIN_KEY is not of the form kpk_<id>_<secret>: id of 1-16 of a-z and 0-9, secret of 43 base64url characters")

// firstKey makes sure that there is a key: the one given, or, in books that
// have none, a new one, which is returned to be shown once.
func (s *shop) firstKey(given string) (shown string, err error) {
	key := given
	var known []engine.Key
	s.queue.View(func(b *engine.State) { known = b.Keys() })
	if key == "" {
		if len(known) > 0 {
			return "", nil
		}
		if key, err = api.NewKey("admin"); err != nil {
			return "", err
		}
		shown = key
	}
	id, hash, ok := api.ParseKey(key)
	if !ok {
		return "", errKeyForm
	}
	for _, k := range known {
		if k.ID != id {
			continue
		}
		if k.Hash != hash || k.Role != kopilka.RoleAdmin || k.Revoked {
			return "", fmt.Errorf("KOPILKA_ADMIN_KEY: there is another key of id %s, or it is revoked or no admin's; choose another id", id)
		}
		return "", nil
	}
	note := "first key"
	if given != "" {
		note = "KOPILKA_ADMIN_KEY"
	}
	a, err := s.queue.Submit(&kopilka.CreateKey{KeyID: id, Hash: hash, Role: kopilka.RoleAdmin, Note: note})
	if err != nil {
		return "", fmt.Errorf("create the first key: %w", err)
	}
	if a.Outcome.Refusal != kopilka.Accepted {
		return "", fmt.Errorf("create the first key: %s", a.Outcome.Refusal)
	}
	return shown, nil
}

// remote is how a command reaches a running server.
type remote struct {
	url, key string
	timeout  time.Duration // of one request; 0 = a minute
	trust    trust
}

// defaultURL is where a server without flags listens.
const defaultURL = "http://127.0.0.1:8080"

func (r *remote) flags(c *cobra.Command) { r.flagsOf(c, defaultURL, "the running `server`") }

// orFolder are the flags of a command that works on a folder unless it is told of a
// server.
func (r *remote) orFolder(c *cobra.Command) {
	r.flagsOf(c, "", "a running `server`, such as "+defaultURL+", in place of --data (default: none)")
}

// orAsk adds to the error of a folder that a server has open how to ask the server.
func orAsk(err error) error {
	if errors.Is(err, wal.ErrInUse) {
		return fmt.Errorf("%w; where that is a server, --url %s asks it", err, defaultURL)
	}
	return err
}

func (r *remote) flagsOf(c *cobra.Command, url, usage string) {
	c.PersistentFlags().StringVar(&r.url, "url", url, usage)
	c.PersistentFlags().StringVar(&r.key, "key", "", "an admin's `key` (default: $KOPILKA_ADMIN_KEY)")
	r.trust.flags(c.PersistentFlags())
}

// secret is the key: the flag's, or the environment's.
func (r *remote) secret() string {
	if r.key != "" {
		return r.key
	}
	return os.Getenv("KOPILKA_ADMIN_KEY")
}

// call sends a request and reads the answer into to; a problem comes back as
// the server worded it.
func (r *remote) call(method, path string, body, to any) error {
	var send io.Reader
	if body != nil {
		b, err := json.Marshal(body)
		if err != nil {
			return err
		}
		send = bytes.NewReader(b)
	}
	answer, err := r.ask(method, path, send, cmp.Or(r.timeout, time.Minute))
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		return err
	}
	if answer.StatusCode >= 300 {
		return problemIn(text, method, path, answer.Status)
	}
	if to == nil {
		return nil
	}
	return json.Unmarshal(text, to)
}

// stream asks for what takes as long as it takes; a problem comes back as the server
// worded it.
func (r *remote) stream(path string) (io.ReadCloser, error) {
	answer, err := r.ask(http.MethodGet, path, nil, 0)
	if err != nil {
		return nil, err
	}
	if answer.StatusCode >= 300 {
		defer answer.Body.Close()
		text, err := io.ReadAll(answer.Body)
		return nil, errors.Join(err, problemIn(text, "GET", path, answer.Status))
	}
	return answer.Body, nil
}

// ask sends a request in the name of the key, to a server that the flags trust; 0 =
// it may take as long as it takes.
func (r *remote) ask(method, path string, body io.Reader, timeout time.Duration) (*http.Response, error) {
	if err := r.trust.use(); err != nil {
		return nil, err
	}
	req, err := http.NewRequest(method, strings.TrimSuffix(r.url, "/")+path, body)
	if err != nil {
		return nil, err
	}
	req.Header.Set("Authorization", "Bearer "+r.secret())
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	client := http.Client{Timeout: timeout}
	return client.Do(req)
}

// problemIn is what a server said of a request that it refused.
func problemIn(text []byte, method, path, status string) error {
	var p struct{ Code, Detail string }
	if json.Unmarshal(text, &p) == nil && p.Code != "" {
		return fmt.Errorf("%s: %s", p.Code, p.Detail)
	}
	return fmt.Errorf("%s %s: %s", method, path, status)
}

func keyCommand() *cobra.Command {
	var r remote
	c := family("key", "Create, list and revoke the API keys of a running server")
	r.flags(c)

	var id, role, store, note string
	create := &cobra.Command{
		Use: "create", Short: "Create a key and print it once", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			body := map[string]string{"id": "key-" + rand.Text(), "role": role}
			for name, v := range map[string]string{"key_id": id, "store": store, "note": note} {
				if v != "" {
					body[name] = v
				}
			}
			var made struct{ Key string }
			if err := r.call(http.MethodPost, "/v1/keys", body, &made); err != nil {
				return err
			}
			fmt.Fprintln(cmd.OutOrStdout(), made.Key)
			return nil
		},
	}
	create.Flags().StringVar(&id, "id", "", "the `id` within the key, 1-16 of a-z and 0-9 (default: drawn)")
	create.Flags().StringVar(&role, "role", "till", "till, analyst or admin")
	create.Flags().StringVar(&store, "store", "", "the `store` that a till's key is bound to (default: any)")
	create.Flags().StringVar(&note, "note", "", "what it is for")

	list := &cobra.Command{
		Use: "list", Short: "List the keys", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			w := tabwriter.NewWriter(cmd.OutOrStdout(), 0, 0, 2, ' ', 0)
			fmt.Fprintln(w, "ID\tROLE\tSTORE\tCREATED\tREVOKED\tNOTE")
			for path := "/v1/keys"; path != ""; {
				var page struct {
					Data []struct {
						KeyID   string `json:"key_id"`
						Role    string
						Store   string
						Note    string
						Created string `json:"created_at"`
						Revoked bool
					}
					NextCursor string `json:"next_cursor"`
				}
				if err := r.call(http.MethodGet, path, nil, &page); err != nil {
					return err
				}
				for _, k := range page.Data {
					fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%t\t%s\n", k.KeyID, k.Role, k.Store, k.Created, k.Revoked, k.Note)
				}
				if path = ""; page.NextCursor != "" {
					path = "/v1/keys?cursor=" + url.QueryEscape(page.NextCursor)
				}
			}
			return w.Flush()
		},
	}
	revoke := &cobra.Command{
		Use: "revoke ID", Short: "Revoke a key", Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return r.call(http.MethodDelete, "/v1/keys/"+url.PathEscape(args[0]), nil, nil)
		},
	}
	c.AddCommand(create, list, revoke)
	return c
}
