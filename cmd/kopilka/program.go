package main

import (
	"fmt"
	"os"
	"strings"

	"github.com/kopilka/kopilka/program"
	"github.com/spf13/cobra"
)

func programCommand() *cobra.Command {
	c := family("program", "Check a program document, tell what it would have cost, or print its schema")
	c.AddCommand(&cobra.Command{
		Use: "check FILE", Short: "Check a program document and point at what is wrong", Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			text, err := os.ReadFile(args[0])
			if err != nil {
				return err
			}
			p, err := program.Parse(text)
			if err != nil {
				return fmt.Errorf("%s: %w", args[0], err)
			}
			fmt.Fprintf(cmd.OutOrStdout(), "%s: program %s is valid\n", args[0], p.Name)
			return nil
		},
	}, &cobra.Command{
		Use: "schema", Short: "Print the JSON Schema of program documents", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			_, err := cmd.OutOrStdout().Write(program.Schema())
			return err
		},
	}, &cobra.Command{
		Use: "list", Short: "List the programs that are shipped", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			for _, name := range program.ShippedNames() {
				if name == program.BuiltinName {
					name += "  (built-in: what a new folder takes when it is given none)"
				}
				fmt.Fprintln(cmd.OutOrStdout(), name)
			}
			return nil
		},
	}, &cobra.Command{
		Use: "builtin [NAME]", Short: "Print the built-in program, or another that is shipped", Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			name := program.BuiltinName
			if len(args) > 0 {
				name = args[0]
			}
			doc, ok := program.Shipped(name)
			if !ok {
				return fmt.Errorf("no program %s is shipped: there are %s", name, strings.Join(program.ShippedNames(), ", "))
			}
			_, err := cmd.OutOrStdout().Write(doc)
			return err
		},
	}, costCommand())
	return c
}
