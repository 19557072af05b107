package cli

import (
	"errors"
	"fmt"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/isame-lb/isame-lb/ctl/client"
)

func (a *app) contextCommand() *cobra.Command {
	group := &cobra.Command{
		Use: "context", Annotations: asksNobody, Short: "Names the instances of isame-lb that there are",
		Args: a.noSuchCommand, RunE: needsSubcommand,
		Long: "Names the instances of isame-lb that there are, in ctl.yaml of the user's folder of configurations ($ISAME_CTL_CONFIG).\n" +
			"The current one is asked where neither --admin, $ISAME_ADMIN nor --context says another one; --all asks all of them.",
		Example: "  isame-ctl context set edge-1 --url http://10.0.0.1:9901 --secret-file /run/secrets/edge-1\n" +
			"  isame-ctl context use edge-1\n  isame-ctl --all status",
	}
	group.AddCommand(a.contextList(), a.contextSet(), a.contextUse(), a.contextRemove())
	return group
}

// contextRow is a context as context list prints it; the token is not shown.
type contextRow struct {
	Name    string `json:"name"`
	Admin   string `json:"admin"`
	Token   string `json:"token,omitempty"` // where it is: in the file, or the name of its own
	Current bool   `json:"current"`
}

func (a *app) contextList() *cobra.Command {
	return &cobra.Command{
		Use: "list", Short: "Lists the contexts; the current one has a star", Args: arguments(cobra.NoArgs),
		RunE: func(*cobra.Command, []string) error {
			all, err := a.env.readInstances()
			if err != nil {
				return err
			}
			rows := []contextRow{}
			for _, name := range all.names() {
				i := all.Contexts[name]
				row := contextRow{Name: name, Admin: i.Admin, Token: i.TokenFile, Current: name == all.Current}
				if i.Token != "" && i.TokenFile == "" {
					row.Token = "set"
				}
				rows = append(rows, row)
			}
			return a.print(rows, func(s *screen) {
				t := table{columns: []column{{title: " "}, {title: "CONTEXT", min: 8}, {title: "ADMIN", min: 16}, {title: "TOKEN", min: 6, drop: 1}}}
				for _, r := range rows {
					star := ""
					if r.Current {
						star = "*"
					}
					t.row(c(star), c(r.Name), c(r.Admin), c(r.Token))
				}
				t.draw(s, "no contexts: isame-ctl context set NAME --url URL makes one")
			})
		},
	}
}

func (a *app) contextSet() *cobra.Command {
	var i instance
	cmd := &cobra.Command{
		Use: "set NAME --url URL", Short: "Adds a context, or changes it", Args: arguments(cobra.ExactArgs(1)),
		ValidArgsFunction: a.completeContexts,
	}
	cmd.Flags().StringVar(&i.Admin, "url", "", "its admin API: http://HOST:PORT, https://HOST:PORT or unix:/path.sock")
	cmd.Flags().StringVar(&i.Token, "secret", "", "its token; --secret-file keeps it out of the file and of the process list")
	cmd.Flags().StringVar(&i.TokenFile, "secret-file", "", "file that holds the token")
	complete(cmd, "url", cobra.NoFileCompletions)
	complete(cmd, "secret", cobra.NoFileCompletions)
	cmd.RunE = func(c *cobra.Command, args []string) error {
		return a.edit(func(all *instances) error {
			if i.Token != "" && i.TokenFile != "" {
				return usage(c, errors.New("--secret and --secret-file: one of them is enough"))
			}
			given, known := all.Contexts[args[0]]
			merge(&given, &i)
			if given.Admin == "" {
				return usage(c, fmt.Errorf("--url is needed for a new context: %s", c.UseLine()))
			}
			if _, err := client.New(client.Options{Admin: given.Admin}); err != nil {
				return usage(c, err)
			}
			if given.TokenFile != "" {
				var err error
				if given.TokenFile, err = filepath.Abs(given.TokenFile); err != nil {
					return fmt.Errorf("cannot find the folder of %q: %w", i.TokenFile, err)
				}
			}
			all.Contexts[args[0]] = given
			if all.Current == "" && !known {
				all.Current = args[0]
			}
			return nil
		})
	}
	return cmd
}

// merge puts what is given over what was there.
func merge(was, given *instance) {
	if given.Admin != "" {
		was.Admin = given.Admin
	}
	if given.Token != "" || given.TokenFile != "" {
		was.Token, was.TokenFile = given.Token, given.TokenFile
	}
}

func (a *app) contextUse() *cobra.Command {
	return &cobra.Command{
		Use: "use NAME", Short: "Makes a context the current one", Args: arguments(cobra.ExactArgs(1)), ValidArgsFunction: a.completeContexts,
		RunE: func(_ *cobra.Command, args []string) error {
			return a.edit(func(all *instances) error {
				_, err := all.find(args[0])
				all.Current = args[0]
				return err
			})
		},
	}
}

func (a *app) contextRemove() *cobra.Command {
	return &cobra.Command{
		Use: "remove NAME", Short: "Forgets a context", Args: arguments(cobra.ExactArgs(1)), ValidArgsFunction: a.completeContexts,
		RunE: func(_ *cobra.Command, args []string) error {
			return a.edit(func(all *instances) error {
				_, err := all.find(args[0])
				delete(all.Contexts, args[0])
				if all.Current == args[0] {
					all.Current = ""
				}
				return err
			})
		},
	}
}

// edit changes the file, unless change fails.
func (a *app) edit(change func(*instances) error) error {
	all, err := a.env.readInstances()
	if err != nil {
		return err
	}
	if err := change(all); err != nil {
		return err
	}
	return all.write(&a.env)
}

// completeContexts completes the first argument.
func (a *app) completeContexts(_ *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
	all, err := a.env.readInstances()
	if err != nil || len(args) > 0 {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	var found []string
	for _, name := range all.names() {
		found = append(found, name+"\t"+all.Contexts[name].Admin)
	}
	return found, cobra.ShellCompDirectiveNoFileComp
}
