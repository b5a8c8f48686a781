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
	root.SuggestionsMinimumDistance = suggestWithin
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

// family is a command that is only the name of others. By itself it prints its help;
// a word that is none of its own is an error, with the likely ones.
func family(use, short string) *cobra.Command {
	return &cobra.Command{Use: use, Short: short, SuggestionsMinimumDistance: suggestWithin,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				return nil
			}
			err := fmt.Errorf("unknown command %q for %q", args[0], cmd.CommandPath())
			if likely := cmd.SuggestionsFor(args[0]); len(likely) > 0 {
				return fmt.Errorf("%w: did you mean %s?", err, strings.Join(likely, " or "))
			}
			return fmt.Errorf("%w; --help has its commands", err)
		},
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
}

// suggestWithin is how many letters a mistyped word may be off.
const suggestWithin = 2

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
