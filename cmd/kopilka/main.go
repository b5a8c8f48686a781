// Command kopilka is the loyalty server and the tools around it.
//
// It wires the rooms together and holds nothing else: flags and configuration
// end here. Every flag can also be given as an environment variable: --data as
// KOPILKA_DATA, --test-clock as KOPILKA_TEST_CLOCK.
package main

import (
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

func main() { os.Exit(run(os.Args[1:])) }

// run is the program, with its exit status.
func run(args []string) int {
	root := &cobra.Command{
		Use:           "kopilka",
		Short:         "A loyalty server: points at a till's pace, segments exact at every instant",
		SilenceUsage:  true,
		SilenceErrors: true,
		PersistentPreRunE: func(cmd *cobra.Command, _ []string) error {
			return fromEnvironment(cmd.Flags())
		},
	}
	root.AddCommand(serveCommand(), demoCommand(), importCommand(), verifyCommand(), inspectCommand(), backupCommand(), restoreCommand(),
		keyCommand(), programCommand(), healthCommand(), versionCommand())
	root.SuggestionsMinimumDistance = 2
	root.SetArgs(args)
	err := root.Execute()
	var told toldError
	switch {
	case err == nil:
		return 0
	case !errors.As(err, &told):
		fmt.Fprintln(os.Stderr, "kopilka:", err)
	}
	return 1
}

// toldError ends with status 1 after everything has been said.
type toldError struct{}

func (toldError) Error() string { return "" }

// environmentPrefix stands before the name of every flag in the environment.
const environmentPrefix = "KOPILKA_"

// fromEnvironment sets the flags that were not given and are in the environment.
func fromEnvironment(flags *pflag.FlagSet) error {
	var errs []error
	flags.VisitAll(func(f *pflag.Flag) {
		name := environmentPrefix + strings.ToUpper(strings.ReplaceAll(f.Name, "-", "_"))
		value, ok := os.LookupEnv(name)
		if !ok || f.Changed {
			return
		}
		if err := flags.Set(f.Name, value); err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", name, err))
		}
	})
	return errors.Join(errs...)
}
