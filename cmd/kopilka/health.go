package main

import (
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/spf13/cobra"
)

func healthCommand() *cobra.Command {
	var url string
	var known trust
	c := &cobra.Command{
		Use: "health", Short: "Ask a running server whether it serves; status 0 when it does", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := known.use(); err != nil {
				return err
			}
			client := http.Client{Timeout: 5 * time.Second}
			answer, err := client.Get(strings.TrimSuffix(url, "/") + "/readyz")
			if err != nil {
				return err
			}
			answer.Body.Close()
			if answer.StatusCode != http.StatusOK {
				return fmt.Errorf("not ready: %s", answer.Status)
			}
			fmt.Fprintln(cmd.OutOrStdout(), "ready")
			return nil
		},
	}
	c.Flags().StringVar(&url, "url", defaultURL, "the running `server`")
	known.flags(c.Flags())
	return c
}
