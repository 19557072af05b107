package config

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"unicode/utf8"
)

// sourceBytesMax bounds a configuration; what is larger is refused unread.
const sourceBytesMax = 10 << 20

// nodesMax bounds the values of one file, and with them the memory it takes
// (about 200 bytes each); the routes and backends of 10 MiB stay below it.
const nodesMax = 1_000_000

// source is one text that is parsed, and where its problems go.
type source struct {
	name     string
	data     []byte
	format   string // yaml, json or toml
	pos      *position
	problems *problemList
	origin   Origin // set when the text is the value of a variable or flag
	nodes    int
	nodesMax int // at most so many nodes; nodesMax outside of tests
}

// at gives the origin of a position; inside a variable or flag it is that one.
func (s *source) at(line, col int) Origin {
	if !s.origin.IsDefault() {
		return s.origin
	}
	return Origin{File: s.name, Line: max(line, 1), Col: max(col, 1)}
}

// atOffset gives the origin of a byte.
func (s *source) atOffset(offset int) Origin {
	if !s.origin.IsDefault() {
		return s.origin
	}
	if s.pos == nil {
		s.pos = newPosition(s.name, s.data)
	}
	return s.pos.at(min(max(offset, 0), len(s.data)))
}

// failf notes a problem of the text itself.
func (s *source) failf(at Origin, format string, args ...any) {
	s.problems.addf(at, "", format, args...)
}

// count notes one more node and refuses texts with too many.
func (s *source) count(at Origin) error {
	s.nodes++
	if s.nodes <= s.nodesMax {
		return nil
	}
	return s.refusef(at, "holds more than %d values", s.nodesMax)
}

// deep refuses a nesting that no configuration has.
func (s *source) deep(at Origin, depth int) error {
	if depth <= depthMax {
		return nil
	}
	return s.refusef(at, "is nested more than %d levels deep", depthMax)
}

// The formats of a text.
const (
	formatYAML = "yaml"
	formatJSON = "json"
	formatTOML = "toml"
)

// errRefused ends the parsing of a text whose problem is already noted.
var errRefused = errors.New("refused")

func (s *source) refusef(at Origin, format string, args ...any) error {
	s.failf(at, format, args...)
	return errRefused
}

// value reads the text into a tree of any kind, or returns nil after noting why not.
func (s *source) value() *node {
	s.data = bytes.TrimPrefix(s.data, []byte("\xef\xbb\xbf"))
	if !s.isText() {
		return nil
	}
	if len(bytes.TrimSpace(s.data)) == 0 {
		s.failf(s.at(1, 1), "the configuration is empty")
		return nil
	}
	var root *node
	var err error
	switch s.format {
	case formatJSON:
		root, err = parseJSON(s)
	case formatTOML:
		root, err = parseTOML(s)
	default:
		root, err = parseYAML(s)
	}
	if err != nil {
		return nil
	}
	return root
}

// parse is value for a whole configuration.
func (s *source) parse() *node {
	root := s.value()
	if root == nil {
		return nil
	}
	if root.kind == kindNull {
		s.failf(s.at(1, 1), "the configuration is empty")
		return nil
	}
	if root.kind != kindMap {
		s.failf(root.from, "the configuration must be a section of keys such as listeners, routes and pools, not %s", root.kind)
		return nil
	}
	return root
}

// isText refuses what is too large or binary.
func (s *source) isText() bool {
	if len(s.data) > sourceBytesMax {
		s.failf(s.at(1, 1), "is larger than %s", Size(sourceBytesMax))
		return false
	}
	for i := 0; i < len(s.data); {
		r, n := utf8.DecodeRune(s.data[i:])
		if (r == utf8.RuneError && n <= 1) || r == 0 {
			s.failf(s.atOffset(i), "is not UTF-8 text: byte 0x%02x", s.data[i])
			return false
		}
		i += n
	}
	return true
}

// readSource reads a file of at most sourceBytesMax bytes.
func readSource(file string) ([]byte, error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, err //nolint:wrapcheck // the caller names the file once, in its problem
	}
	data, err := io.ReadAll(io.LimitReader(f, sourceBytesMax+1))
	return data, errors.Join(err, f.Close())
}

// reason renders why a file cannot be read, without naming it a second time.
func reason(err error) string {
	if pathError, ok := errors.AsType[*fs.PathError](err); ok {
		return pathError.Err.Error()
	}
	return err.Error()
}

// formatOf chooses the format by the ending of a file name; none means YAML.
func formatOf(file string) (string, error) {
	switch ending := strings.ToLower(filepath.Ext(file)); ending {
	case ".yaml", ".yml", "":
		return formatYAML, nil
	case ".json":
		return formatJSON, nil
	case ".toml":
		return formatTOML, nil
	default:
		return "", fmt.Errorf("the ending %q is none of .yaml, .yml, .json and .toml", ending)
	}
}

// checkFormat accepts a format given by name; empty means by the ending of the file.
func checkFormat(format, file string) (string, error) {
	switch format {
	case formatYAML, formatJSON, formatTOML:
		return format, nil
	case "":
		return formatOf(file)
	default:
		return "", fmt.Errorf("the format %q is none of yaml, json and toml", format)
	}
}

// duplicate renders where a key was first.
func duplicate(name string, first Origin) string {
	if first.File == "" {
		return fmt.Sprintf("key %q is given twice", name)
	}
	return fmt.Sprintf("key %q is given twice, first in line %d", name, first.Line)
}

// keyIsPlain refuses keys with control characters or bytes that are no UTF-8,
// which no key or name has.
func keyIsPlain(name string) bool {
	return utf8.ValidString(name) && !strings.ContainsFunc(name, func(r rune) bool { return r < ' ' || r == 0x7f })
}
