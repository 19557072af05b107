package cli

import (
	"context"
	"fmt"
	"strings"

	"github.com/isame-lb/isame-lb/config"
	"github.com/isame-lb/isame-lb/ctl"
	"github.com/isame-lb/isame-lb/ctl/api"
	"github.com/isame-lb/isame-lb/ctl/client"
	"github.com/spf13/cobra"
)

// stdinBytesMax bounds a configuration from stdin; config refuses as much from a file.
const stdinBytesMax = 10 << 20

func (a *app) configCommand() *cobra.Command {
	group := &cobra.Command{Use: "config", Short: "Shows, checks and changes configurations", Args: a.noSuchCommand, RunE: needsSubcommand}
	group.AddCommand(a.configShow(), a.configCheck(), a.configDiff(), a.configPlan(), a.configApply(), a.configConfirm(),
		a.configRollback(), a.configHistory(), a.configWhy())
	return group
}

func (a *app) configShow() *cobra.Command {
	effective := false
	cmd := &cobra.Command{
		Use: "show", Short: "Prints the running configuration as YAML (-o json: JSON), secrets masked: what apply takes",
		Args: arguments(cobra.NoArgs),
		RunE: a.call(func(ctx context.Context, cl *client.Client, _ []string) error {
			format := formatYAML
			if a.output == formatJSON {
				format = formatJSON
			}
			var text []byte
			var err error
			if effective {
				text, err = cl.Config(ctx, format)
			} else {
				text, _, err = cl.Document(ctx, format)
			}
			if err != nil {
				return err
			}
			return a.write(text)
		}),
	}
	cmd.Flags().BoolVar(&effective, "effective", false, "with defaults, environment and flags merged; for reading only")
	return cmd
}

// checkReport is what isame-ctl config check prints as JSON.
type checkReport struct {
	Valid    bool                `json:"valid"`
	Problems []api.ConfigProblem `json:"problems"`
	Warnings []api.ConfigProblem `json:"warnings,omitempty"`
}

func (a *app) configCheck() *cobra.Command {
	var format string
	cmd := &cobra.Command{
		Use: "check FILE", Annotations: asksNobody, Short: "Checks a configuration file here, without a running isame-lb",
		Long: "Checks a configuration file here, without a running isame-lb: the same as isame-lb check --config FILE,\n" +
			"ISAME_ variables of the environment included. FILE - is stdin.",
		Args: arguments(cobra.ExactArgs(1)),
		ValidArgsFunction: func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
			return []string{"yaml", "yml", "json", "toml"}, cobra.ShellCompDirectiveFilterFileExt
		},
	}
	cmd.Flags().StringVar(&format, "format", "", "yaml, json or toml (default: by the ending of FILE, yaml for stdin)")
	formats := []string{ctl.FormatYAML, ctl.FormatJSON, ctl.FormatTOML}
	complete(cmd, "format", cobra.FixedCompletions(formats, cobra.ShellCompDirectiveNoFileComp))
	cmd.RunE = func(c *cobra.Command, args []string) error {
		switch format {
		case "", ctl.FormatYAML, ctl.FormatJSON, ctl.FormatTOML:
			return a.check(args[0], format)
		default:
			return usage(c, fmt.Errorf("format %q is not one of yaml, json, toml", format))
		}
	}
	return cmd
}

// check prints every problem of a file, as isame-lb check does.
func (a *app) check(file, format string) error {
	opts := config.Options{File: file, Format: format, Environ: a.env.Environ}
	if file == "-" {
		data, err := a.readStdin()
		if err != nil {
			return err
		}
		opts.File, opts.Data, opts.BaseDir = "stdin", data, "."
		if format == "" {
			opts.Format = ctl.FormatYAML
		}
	}
	loaded, err := config.Load(opts)
	report := checkReport{Valid: err == nil, Problems: []api.ConfigProblem{}}
	text := opts.File + ": no problems\n"
	if err != nil {
		report.Problems = ctl.ConfigProblems(err)
	} else if len(loaded.Warnings) > 0 {
		report.Warnings = ctl.DescribeProblems(loaded.Warnings)
		text = loaded.Warnings.Error() + "\n"
	}
	if err != nil {
		text = strings.TrimSuffix(err.Error(), "\n") + "\n"
	}
	// Not through a screen: a problem must not be cut.
	if a.output == formatTable {
		err = a.write([]byte(printable(text)))
	} else {
		err = a.print(report, nil)
	}
	if err == nil && !report.Valid {
		return errSilent
	}
	return err
}
