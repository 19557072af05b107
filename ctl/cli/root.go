package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/isame-lb/isame-lb/ctl/api"
	"github.com/isame-lb/isame-lb/ctl/client"
	"github.com/spf13/cobra"
)

// Exit codes of isame-ctl.
const (
	// ExitDone: it was done.
	ExitDone = 0
	// ExitFailed: it was refused or failed; the state asked for is not there.
	ExitFailed = 1
	// ExitUsage: the command line is wrong; nothing was tried.
	ExitUsage = 2
	// ExitUnreachable: the admin API was not reached or did not answer.
	ExitUnreachable = 3
)

// Env is the process as the commands see it.
type Env struct {
	Stdin          io.Reader
	Stdout, Stderr io.Writer
	// Environ is the environment as os.Environ returns it: ISAME_ADMIN,
	// ISAME_TOKEN, ISAME_CA_FILE, ISAME_CERT_FILE, ISAME_KEY_FILE, COLUMNS, NO_COLOR,
	// TERM, and for config check all ISAME_ ones.
	Environ []string
	Now     func() time.Time
	// Version and Commit are a release's, set by the linker; empty takes the Go tool's stamp.
	Version, Commit string
}

// getenv is the last value of a variable, as os.Getenv returns it.
func (e *Env) getenv(name string) string {
	value := ""
	for _, assignment := range e.Environ {
		if v, ok := strings.CutPrefix(assignment, name+"="); ok {
			value = v
		}
	}
	return value
}

// app is one run of isame-ctl.
type app struct {
	env     Env
	admin   string
	token   string
	files   tlsFiles
	output  string
	timeout time.Duration
	context string // name of an instance; empty is the current one
	all     bool   // every instance is asked
	args    []string
}

// usageError marks a wrong command line.
type usageError struct {
	err  error
	help string // the command whose --help says more
}

func (e *usageError) Error() string {
	return e.err.Error() + "\nsee " + e.help + " --help"
}

func (e *usageError) Unwrap() error { return e.err }

// errSilent ends with ExitFailed after the command itself has said why.
var errSilent = errors.New("failed")

// Run executes one command line, without the program's name, and returns the exit code.
func Run(ctx context.Context, env Env, args []string) int {
	a := &app{env: env, args: args}
	root := a.root() //nolint:contextcheck // commands get the context of ExecuteContext
	root.SetArgs(args)
	err := root.ExecuteContext(ctx)
	code := exitCode(err)
	if err != nil && !errors.Is(err, errSilent) {
		a.printRefusal(err)
		// Nothing is left to do when even this cannot be written.
		_, _ = fmt.Fprintln(env.Stderr, "isame-ctl: "+printable(err.Error())+hint(err))
	}
	return code
}

// printRefusal writes the problem document of a refusal to stdout where -o asks
// for values; the text for people goes to stderr all the same.
func (a *app) printRefusal(err error) {
	var p *api.Problem
	if a.output != formatTable && errors.As(err, &p) {
		_ = a.print(p, nil) // the refusal is what matters
	}
}

func exitCode(err error) int {
	var (
		usage       *usageError
		unreachable *client.UnreachableError
	)
	if e, ok := errors.AsType[exitError](err); ok {
		return int(e)
	}
	switch {
	case err == nil:
		return ExitDone
	case errors.As(err, &usage):
		return ExitUsage
	case errors.As(err, &unreachable):
		return ExitUnreachable
	default:
		return ExitFailed
	}
}

// hint is what to do about an error, when it is not said already.
func hint(err error) string {
	var (
		unreachable *client.UnreachableError
		p           *api.Problem
	)
	switch {
	case isUntrusted(err):
		return "\ngive the authority of its certificate with --ca-file or $ISAME_CA_FILE"
	case errors.As(err, &unreachable):
		return "\nis isame-lb running there? --admin or $ISAME_ADMIN choose another address"
	case errors.As(err, &p) && p.Status == http.StatusUnauthorized:
		return "\ngive the token with $ISAME_TOKEN or --token"
	default:
		return ""
	}
}

// root builds the command tree.
func (a *app) root() *cobra.Command {
	root := &cobra.Command{
		Use:   "isame-ctl",
		Short: "Looks at and changes a running isame-lb",
		Long: "isame-ctl talks to the admin API of a running isame-lb.\n\n" +
			"Exit codes: 0 done, 1 refused or failed, 2 wrong usage, 3 cannot reach the admin API.",
		Version:       api.ReadBuild(a.env.Version, a.env.Commit).Text("isame-ctl"),
		SilenceErrors: true,
		SilenceUsage:  true,
		Args:          a.noSuchCommand,
		RunE:          func(c *cobra.Command, _ []string) error { return c.Help() },
		PersistentPreRunE: func(c *cobra.Command, _ []string) error {
			return a.checkGlobals(c)
		},
	}
	root.SetVersionTemplate("{{.Version}}\n")
	root.SetOut(a.env.Stdout)
	root.SetErr(a.env.Stderr)
	root.SetIn(a.env.Stdin)
	flags := root.PersistentFlags()
	flags.StringVar(&a.admin, "admin", "",
		"admin API: http://HOST:PORT, https://HOST:PORT or unix:/path.sock ($ISAME_ADMIN; default "+client.DefaultAdmin+")")
	flags.StringVar(&a.token, "token", "", "token of admin.tokens ($ISAME_TOKEN, which other users cannot see in the process list)")
	a.files.add(root)
	flags.StringVarP(&a.output, "output", "o", formatTable, "table, json or yaml")
	flags.StringVar(&a.context, "context", "", "instance to ask, by its name in isame-ctl context list ($ISAME_CONTEXT)")
	flags.BoolVar(&a.all, "all", false, "ask every instance of isame-ctl context list")
	flags.DurationVar(&a.timeout, "timeout", 10*time.Second, "longest wait for an answer")
	root.SetFlagErrorFunc(usage)
	root.CompletionOptions.DisableDefaultCmd = true
	root.AddCommand(
		a.statusCommand(), a.topCommand(), a.poolsCommand(), a.backendsCommand(), a.overlayCommand(), a.routesCommand(),
		a.explainCommand(), a.whyCommand(), a.blameCommand(), a.headroomCommand(), a.supportCommand(), a.tapCommand(), a.eventsCommand(),
		a.certsCommand(), a.limitsCommand(), a.healthCommand(),
		a.configCommand(), a.reloadCommand(), a.upgradeCommand(), a.contextCommand(), a.versionCommand(),
		a.completionCommand(root),
	)
	complete(root, "output", cobra.FixedCompletions([]string{formatTable, formatJSON, formatYAML}, cobra.ShellCompDirectiveNoFileComp))
	complete(root, "admin", cobra.NoFileCompletions)
	complete(root, "token", cobra.NoFileCompletions)
	complete(root, "timeout", cobra.NoFileCompletions)
	complete(root, "context", a.completeContexts)
	return root
}

// complete registers the completion of a flag's value.
func complete(c *cobra.Command, flag string, f cobra.CompletionFunc) {
	if err := c.RegisterFlagCompletionFunc(flag, f); err != nil {
		panic("BUG: " + err.Error())
	}
}

// checkGlobals refuses wrong global flags before anything is tried.
func (a *app) checkGlobals(c *cobra.Command) error {
	switch a.output {
	case formatTable, formatJSON, formatYAML:
	default:
		return usage(c, fmt.Errorf("output %q is not one of table, json, yaml", a.output))
	}
	if a.timeout <= 0 {
		return usage(c, fmt.Errorf("timeout %s: want more than 0", a.timeout))
	}
	if (a.context != "" || a.all) && a.admin != "" || a.context != "" && a.all {
		return usage(c, errors.New("--admin, --context and --all: each of them says whom to ask"))
	}
	if (a.context != "" || a.all) && isLocal(c) {
		return usage(c, fmt.Errorf("%s asks no instance: it takes neither --context nor --all", c.CommandPath()))
	}
	return nil
}

// connect makes the client of this run; nothing is opened yet.
func (a *app) connect() (*client.Client, error) {
	all, err := a.env.readInstances()
	if err != nil {
		return nil, err
	}
	return a.connectTo(all)
}

// connectTo is connect with the contexts there are. Whom to ask is said by --admin or
// --context, $ISAME_ADMIN or $ISAME_CONTEXT, and the current context, in this order.
func (a *app) connectTo(all *instances) (*client.Client, error) {
	of, err := a.instance(all)
	if err != nil {
		return nil, err
	}
	token, err := of.secret()
	if err != nil {
		return nil, err
	}
	if given := a.env.getenv("ISAME_TOKEN"); given != "" {
		token = given
	}
	if a.token != "" {
		token = a.token
	}
	o := client.Options{Admin: of.Admin, Token: token, Timeout: a.timeout}
	if err := a.files.choose(&o, a.env); err != nil {
		return nil, err
	}
	return client.New(o)
}

// instance is whom to ask.
func (a *app) instance(all *instances) (instance, error) {
	switch {
	case a.admin != "":
		return instance{Admin: a.admin}, nil
	case a.context != "":
		return all.find(a.context)
	}
	if admin := a.env.getenv("ISAME_ADMIN"); admin != "" {
		return instance{Admin: admin}, nil
	}
	if name := a.env.getenv("ISAME_CONTEXT"); name != "" {
		return all.find(name)
	}
	if all.Current != "" {
		return all.find(all.Current)
	}
	return instance{}, nil
}

// noSuchCommand refuses arguments of a command that only has sub-commands.
func (a *app) noSuchCommand(c *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	text := fmt.Sprintf("unknown command %q for %s", args[0], c.CommandPath())
	c.SuggestionsMinimumDistance = 2
	if names := c.SuggestionsFor(args[0]); len(names) > 0 {
		text += " (did you mean " + strings.Join(names, " or ") + "?)"
	}
	return usage(c, errors.New(text))
}

// needsSubcommand is the RunE of a command that only has sub-commands.
func needsSubcommand(c *cobra.Command, _ []string) error {
	var names []string
	for _, sub := range c.Commands() {
		if sub.IsAvailableCommand() {
			names = append(names, sub.Name())
		}
	}
	return usage(c, fmt.Errorf("%s needs one of: %s", c.CommandPath(), strings.Join(names, ", ")))
}

func usage(c *cobra.Command, err error) error {
	return &usageError{err: err, help: c.CommandPath()}
}

// arguments turns cobra's complaint about the number of arguments into a usage error.
func arguments(check cobra.PositionalArgs) cobra.PositionalArgs {
	return func(c *cobra.Command, args []string) error {
		if err := check(c, args); err != nil {
			return usage(c, fmt.Errorf("%w: %s", err, c.UseLine()))
		}
		return nil
	}
}
