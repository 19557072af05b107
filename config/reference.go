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

// reference matches ${ENV:NAME} and ${FILE:/path}. With more than one $ it is
// text, and loses one of them.
var reference = regexp.MustCompile(`(\$+)\{(ENV|FILE):([^}]*)\}`)

// escapable matches the begin of what reference matches.
var escapable = regexp.MustCompile(`\$+\{(ENV|FILE):`)

// references resolves ${ENV:NAME} and ${FILE:/path} in values.
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

// expand replaces every reference. found reports whether there was one, so
// that the result must be masked.
func (r *references) expand(text string) (value string, found bool, err error) {
	if !strings.Contains(text, "${") {
		return text, false, nil
	}
	var failures []error
	value = reference.ReplaceAllStringFunc(text, func(match string) string {
		m := reference.FindStringSubmatch(match)
		if len(m[1]) > 1 {
			return match[1:]
		}
		found = true
		resolved, failure := r.resolve(m[2], m[3])
		if failure != nil {
			failures = append(failures, fmt.Errorf("cannot resolve %s: %w", match, failure))
		}
		return resolved
	})
	return value, found, errors.Join(failures...)
}

// escape is the reverse of expand for text without references.
func escape(text string) string {
	if !strings.Contains(text, "${") {
		return text
	}
	return escapable.ReplaceAllString(text, "$$$0")
}

var (
	errUnset      = errors.New("the environment variable is not set")
	errNotRegular = errors.New("it is not a regular file")
	errTooLarge   = fmt.Errorf("it is larger than %s", Size(referenceBytesMax))
)

// resolve returns the value of one reference.
func (r *references) resolve(source, name string) (string, error) {
	if source == "ENV" {
		value, ok := r.environ[name]
		if !ok {
			return "", errUnset
		}
		return value, nil
	}
	file := r.absolute(name)
	r.files = append(r.files, file)
	return readReference(file)
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
