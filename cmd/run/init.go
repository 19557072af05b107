package run

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/isame-lb/isame-lb/config"
)

// initFile is what init writes without a name; run finds it by itself.
const initFile = "isame.yaml"

func initCommand() *cobra.Command {
	return &cobra.Command{
		Use: "init [FILE]", Short: "Write a commented configuration to begin with (default isame.yaml)",
		Long: "Writes a commented configuration to begin with, isame.yaml unless another FILE is named. A file that is there\n" +
			"already is never touched: exit 1.",
		Args: func(cmd *cobra.Command, args []string) error { return noMore(cmd, args[min(1, len(args)):]) },
		RunE: func(cmd *cobra.Command, args []string) error {
			file := initFile
			if len(args) == 1 {
				file = args[0]
			}
			if err := writeStarter(file); err != nil {
				return err
			}
			serve := ownName()
			if file != initFile {
				serve += " --config " + shellWord(file)
			}
			out := cmd.OutOrStdout()
			fmt.Fprintf(out, "wrote %s\n", file)
			fmt.Fprintf(out, "check it: %s check --config %s\n", ownName(), shellWord(file))
			fmt.Fprintf(out, "serve it: %s\n", serve)
			return nil
		},
	}
}

// writeStarter writes the starting configuration into a new file.
func writeStarter(file string) error {
	if ending := strings.ToLower(filepath.Ext(file)); ending != ".yaml" && ending != ".yml" {
		return fmt.Errorf("cannot write %q: it is YAML, so its name has to end in .yaml or .yml", file)
	}
	f, err := os.OpenFile(file, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644) //nolint:gosec // without secrets; what is named is meant
	if errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("cannot write %q: it is there already and stays as it is; another name: %s init FILE", file, ownName())
	}
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("cannot write %q: there is no folder %q", file, filepath.Dir(file))
	}
	if err != nil {
		return fmt.Errorf("cannot write the configuration: %w", err)
	}
	_, err = f.Write(config.Starter())
	if err = errors.Join(err, f.Close()); err != nil {
		_ = os.Remove(file) // half a configuration helps nobody
		return fmt.Errorf("cannot write the configuration: %w", err)
	}
	return nil
}
