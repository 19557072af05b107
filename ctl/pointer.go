package ctl

import (
	"strconv"
	"strings"

	"github.com/isame-lb/isame-lb/ctl/api"
	"github.com/isame-lb/isame-lb/ctl/ledger"
)

// Names that stand for a body in problems of package config, beside ledger.RequestName:
// that of a part, and that of a merge patch.
const (
	partName  = "input"
	patchName = "patch"
)

// pointed are the problems of a configuration, those of the body with a JSON pointer into
// it: the body stands at path of the whole.
func pointed(err error, path []string) []api.ConfigProblem {
	list := ConfigProblems(err)
	for i := range list {
		p := &list[i]
		if p.File != ledger.RequestName && p.File != partName && p.File != patchName {
			continue
		}
		if keys, ok := keysOf(p.Path); ok {
			p.Pointer, _ = pointerTo(keys, path)
		}
	}
	return list
}

// keysOf takes a path such as pools."a.b".backends[0].address apart.
func keysOf(path string) (keys []string, ok bool) {
	for rest := path; rest != ""; {
		switch rest[0] {
		case '.':
			rest = rest[1:]
			continue
		case '"':
			var key string
			if key, rest, ok = cutQuoted(rest); !ok {
				return nil, false
			}
			keys = append(keys, key)
		case '[':
			var index string
			if index, rest, ok = cutIndex(rest[1:]); !ok {
				return nil, false
			}
			keys = append(keys, index)
		default:
			n := strings.IndexAny(rest, ".[")
			if n < 0 {
				n = len(rest)
			}
			keys, rest = append(keys, rest[:n]), rest[n:]
		}
	}
	return keys, true
}

// cutQuoted takes a name in quotes from the front of a path.
func cutQuoted(path string) (name, rest string, ok bool) {
	quoted, err := strconv.QuotedPrefix(path)
	if err != nil {
		return "", "", false
	}
	name, err = strconv.Unquote(quoted)
	return name, path[len(quoted):], err == nil
}

// cutIndex takes what stands in brackets: the index of an item, or its name in quotes.
func cutIndex(path string) (index, rest string, ok bool) {
	if !strings.HasPrefix(path, `"`) {
		return strings.Cut(path, "]")
	}
	if index, rest, ok = cutQuoted(path); ok {
		rest, ok = strings.CutPrefix(rest, "]")
	}
	return index, rest, ok
}

// pointerTo is where keys of the whole configuration stand in a body (RFC 6901); false
// where they are outside of it.
func pointerTo(keys, path []string) (string, bool) {
	if len(keys) < len(path) {
		return "", false
	}
	for i, key := range path {
		if keys[i] != key {
			return "", false
		}
	}
	var b strings.Builder
	for _, key := range keys[len(path):] {
		b.WriteByte('/')
		b.WriteString(strings.NewReplacer("~", "~0", "/", "~1").Replace(key))
	}
	return b.String(), true
}
