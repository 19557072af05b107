package cli

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/isame-lb/isame-lb/config"
	"github.com/isame-lb/isame-lb/ctl/store"
)

// instances is the file of isame-ctl: which instances of isame-lb there are, by name.
type instances struct {
	// Current is the one that is asked where nothing else is said.
	Current  string              `yaml:"current,omitempty"`
	Contexts map[string]instance `yaml:"contexts"`
}

// instance is one isame-lb.
type instance struct {
	Admin string `yaml:"admin"`
	Token string `yaml:"token,omitempty"`
	// TokenFile holds the token, read at each call; a line break at its end is left out.
	TokenFile string `yaml:"token_file,omitempty"`
}

// tokenBytesMax bounds a file that holds a token.
const tokenBytesMax = 4096

// instancesFile is where they stand: $ISAME_CTL_CONFIG, or ctl.yaml in the user's folder of
// configurations.
func (e *Env) instancesFile() (string, error) {
	if file := e.getenv("ISAME_CTL_CONFIG"); file != "" {
		return file, nil
	}
	dir := e.getenv("XDG_CONFIG_HOME")
	if dir == "" {
		home := e.getenv("HOME")
		if home == "" {
			return "", errors.New("cannot find the file of contexts: neither $ISAME_CTL_CONFIG nor $HOME is set")
		}
		dir = filepath.Join(home, ".config")
	}
	return filepath.Join(dir, "isame", "ctl.yaml"), nil
}

// readInstances reads the file; one that is not there is empty.
func (e *Env) readInstances() (*instances, error) {
	all := &instances{Contexts: map[string]instance{}}
	file, err := e.instancesFile()
	if err != nil {
		return all, nil //nolint:nilerr // nobody has a file without a home
	}
	text, err := os.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		return all, nil
	}
	if err != nil {
		return nil, fmt.Errorf("cannot read the contexts: %w", err)
	}
	dec := yaml.NewDecoder(bytes.NewReader(text))
	dec.KnownFields(true)
	if err := dec.Decode(all); err != nil {
		return nil, fmt.Errorf("cannot read the contexts in %q: %w", file, err)
	}
	if all.Contexts == nil {
		all.Contexts = map[string]instance{}
	}
	return all, nil
}

// write replaces the file at once; tokens may stand in it, so nobody else can read it.
func (all *instances) write(e *Env) error {
	file, err := e.instancesFile()
	if err != nil {
		return err
	}
	text, err := yaml.Marshal(all)
	if err != nil {
		return fmt.Errorf("cannot write the contexts: %w", err)
	}
	if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
		return fmt.Errorf("cannot write the contexts: %w", err)
	}
	fresh, err := store.Stage(file, text, 0o600)
	if err == nil {
		err = fresh.Commit()
	}
	if err != nil {
		return fmt.Errorf("cannot write the contexts: %w", err)
	}
	return nil
}

// names are those of all contexts.
func (all *instances) names() []string { return slices.Sorted(maps.Keys(all.Contexts)) }

// find is one context; the error names those there are.
func (all *instances) find(name string) (instance, error) {
	found, there := all.Contexts[name]
	if !there {
		names := all.names()
		if len(names) == 0 {
			return found, fmt.Errorf("there is no context %q, and no other: isame-ctl context set NAME --url URL makes one", name)
		}
		return found, fmt.Errorf("there is no context %q: there are %s%s", name, strings.Join(names, ", "), config.DidYouMean(name, names))
	}
	return found, nil
}

// secret is the token of the instance.
func (i *instance) secret() (string, error) {
	if i.TokenFile == "" {
		return i.Token, nil
	}
	text, err := os.ReadFile(i.TokenFile)
	if err != nil {
		return "", fmt.Errorf("cannot read the token: %w", err)
	}
	if len(text) > tokenBytesMax {
		return "", fmt.Errorf("cannot read the token in %q: it is larger than %d bytes", i.TokenFile, tokenBytesMax)
	}
	return strings.TrimRight(string(text), "\r\n"), nil
}
