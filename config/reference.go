package config

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"
)

// referenceBytesMax bounds the file behind ${FILE:/path}.
const referenceBytesMax = 64 << 10

// reference matches ${ENV:NAME}, ${ENV:NAME:-default} and ${FILE:/path}. With more than
// one $ it is text, and loses one of them.
var reference = regexp.MustCompile(`(\$+)\{(ENV|FILE):([^}]*)\}`)

// references resolves what reference matches in values.
type references struct {
	environ map[string]string
	baseDir string
	files   []string // read so far, in order
}

// environment turns a list of NAME=value, as os.Environ returns it, into a map.
func environment(environ []string) map[string]string {
	m := make(map[string]string, len(environ))
	for _, e := range environ {
		if name, value, ok := strings.Cut(e, "="); ok {
			m[name] = value
		}
	}
	return m
}

// expand replaces every reference. secret reports whether there was one without a
// default, so that the result must be masked.
func (r *references) expand(text string) (value string, secret bool, err error) {
	if !strings.Contains(text, "${") {
		return text, false, nil
	}
	var failures []error
	value = reference.ReplaceAllStringFunc(text, func(match string) string {
		m := reference.FindStringSubmatch(match)
		if len(m[1]) > 1 {
			return match[1:]
		}
		resolved, shown, failure := r.resolve(m[2], m[3])
		secret = secret || !shown
		if failure != nil {
			failures = append(failures, fmt.Errorf("cannot resolve %s: %w", match, failure))
		}
		return resolved
	})
	return value, secret, errors.Join(failures...)
}

// escape is the reverse of expand for text without references.
func escape(text string) string {
	if !strings.Contains(text, "${") {
		return text
	}
	return reference.ReplaceAllString(text, "$$$0")
}

// otherwise stands between the name of a variable and the value that counts where it is
// unset or empty, as in shells.
const otherwise = ":-"

// holdsDefault reports whether all of text is one reference with a default, which may
// stand for a whole list.
func holdsDefault(text string) bool {
	m := reference.FindStringSubmatch(text)
	return len(m) > 0 && m[0] == text && m[1] == "$" && m[2] == sourceEnv && strings.Contains(m[3], otherwise)
}

// listOf is the list that a text with a reference stands for, as the environment writes
// lists: by commas, or in brackets. One that cannot be resolved stays as it is.
func (d *decoder) listOf(n *node, path string) *node {
	text, _, err := d.references.expand(n.text)
	if err != nil {
		return &node{kind: kindList, items: []*node{n}, from: n.from, key: n.key}
	}
	text = escape(strings.TrimSpace(text)) // items are expanded, too
	list := &node{kind: kindList}
	if strings.HasPrefix(text, "[") {
		list = flowYAML(text, n.from, d.problems, path)
	} else if text != "" {
		for item := range strings.SplitSeq(text, ",") {
			list.items = append(list.items, &node{kind: kindText, text: strings.TrimSpace(item), from: n.from})
		}
	}
	if list == nil { // said already
		list = &node{kind: kindList}
	}
	list.from, list.key = n.from, n.key
	return list
}

var (
	errNested     = errors.New("a default cannot hold another reference")
	errUnset      = errors.New("the environment variable is not set")
	errNotRegular = errors.New("it is not a regular file")
	errTooLarge   = fmt.Errorf("it is larger than %s", Size(referenceBytesMax))
)

// sourceEnv names the environment in a reference.
const sourceEnv = "ENV"

// resolve returns the value of one reference, which is shown where it has a default:
// whoever writes one does not mean a secret.
func (r *references) resolve(source, name string) (value string, shown bool, err error) {
	if source != sourceEnv {
		file := r.absolute(name)
		r.files = append(r.files, file)
		value, err = readReference(file)
		return value, false, err
	}
	name, def, shown := strings.Cut(name, otherwise)
	value, ok := r.environ[name]
	switch {
	case strings.Contains(def, "${"):
		return "", true, errNested
	case !shown && !ok:
		return "", false, errUnset
	case shown && value == "":
		return def, true, nil
	}
	return value, shown, nil
}

// absolute resolves a path against the folder of the configuration.
func (r *references) absolute(file string) string {
	if filepath.IsAbs(file) {
		return file
	}
	return filepath.Join(r.baseDir, file)
}

// readReference reads a small regular file without its last line end. Pipes and
// devices are refused: they could block or never end.
func readReference(file string) (string, error) {
	stat, err := os.Stat(file)
	if err != nil {
		return "", errors.New(reason(err))
	}
	if !stat.Mode().IsRegular() {
		return "", errNotRegular
	}
	f, err := os.Open(file)
	if err != nil {
		return "", errors.New(reason(err))
	}
	data, err := io.ReadAll(io.LimitReader(f, referenceBytesMax+1))
	if err = errors.Join(err, f.Close()); err != nil {
		return "", errors.New(reason(err))
	}
	if len(data) > referenceBytesMax {
		return "", errTooLarge
	}
	return strings.TrimSuffix(strings.TrimSuffix(string(data), "\n"), "\r"), nil
}
