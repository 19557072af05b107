package run

import (
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/isame-lb/isame-lb/config"
)

// orFile takes the configuration as an argument, too, as who forgets --config writes it.
func (f *flags) orFile(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	if f.file != "" {
		return usage(cmd, fmt.Sprintf("one configuration is enough: %q stands beside --config %s", args[0], f.file))
	}
	f.file = args[0]
	return noMore(cmd, args[1:])
}

// noMore refuses arguments.
func noMore(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	return usage(cmd, fmt.Sprintf("%q is one argument too many: %s", args[0], cmd.UseLine()))
}

// noSuchCommand refuses the arguments of isame-lb itself, and says what was meant.
func noSuchCommand(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	if slices.Contains([]string{".yaml", ".yml", ".json", ".toml"}, strings.ToLower(filepath.Ext(args[0]))) {
		return usage(cmd, fmt.Sprintf("%q is no command; to serve it: %s --config %s", args[0], ownName(), shellWord(args[0])))
	}
	var names []string
	for _, sub := range cmd.Commands() {
		names = append(names, sub.Name())
	}
	return usage(cmd, fmt.Sprintf("unknown command %q%s", args[0], config.DidYouMean(args[0], names)))
}

// noSuchFlag adds what was meant to cobra's complaint about a flag.
func noSuchFlag(cmd *cobra.Command, err error) error {
	var unknown *pflag.NotExistError
	if !errors.As(err, &unknown) {
		return usage(cmd, err.Error())
	}
	var names []string
	cmd.Flags().VisitAll(func(f *pflag.Flag) { names = append(names, "--"+f.Name) })
	return usage(cmd, err.Error()+config.DidYouMean("--"+unknown.GetSpecifiedName(), names))
}

// usage is a command line that is wrong; nothing was tried.
func usage(cmd *cobra.Command, text string) error {
	return errors.New(text + "\nsee " + cmd.CommandPath() + " --help")
}
