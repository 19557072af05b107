package match

import (
	"errors"

	"github.com/isame-lb/isame-lb/pool/wire"
)

var (
	errSlash = errors.New(`must begin with "/"`)
	errPath  = errors.New("is no path a request can have: see %XX, backslashes and control characters")
)

// Path brings a path of a configuration into the spelling requests are matched in, so that
// "/caf%C3%A9" and "/a//b" are not paths that no request ever has. "" stays as it is.
func Path(text string) (string, error) {
	if text == "" {
		return "", nil
	}
	if text[0] != '/' {
		return "", errSlash
	}
	path, _, err := wire.NormalizePath(nil, []byte(text))
	if err != nil {
		return "", errPath
	}
	return string(path), nil
}

// underPrefix reports that path is prefix, or below it: whole segments.
func underPrefix(path []byte, prefix string) bool {
	if len(path) < len(prefix) || string(path[:len(prefix)]) != prefix {
		return false
	}
	return len(path) == len(prefix) || prefix[len(prefix)-1] == '/' || path[len(prefix)] == '/'
}
