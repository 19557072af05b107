package middleware

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"strconv"

	"github.com/isame-lb/isame-lb/engine/auth/live"
	"github.com/isame-lb/isame-lb/pool/wire"
)

// moves are where paths, normalised, have gone.
type moves map[string]move

type move struct {
	to     []byte
	status int // 0: that of the stage
}

var (
	errMoveForm   = errors.New("a line holds a path, a location and maybe a status")
	errMoveTo     = errors.New("the location must be absolute, or begin with one /")
	errMoveStatus = errors.New("the status is none of 301, 302, 303, 307 and 308")
	errMoveTwice  = errors.New("the path stands on a line before")
	errMoveSelf   = errors.New("the path leads to itself")
)

// readMoves reads a map. Files of a configuration are read again, with all of it, when one
// changes: a line that is wrong refuses that, and the map before stays.
func readMoves(name string) (moves, error) {
	data, err := os.ReadFile(name)
	if err != nil {
		return nil, fmt.Errorf("cannot read %q: %w", name, err)
	}
	all, file := moves{}, live.File{Name: name, Data: data}
	for line := range file.Lines() {
		if err := all.add(bytes.Fields(line.Text)); err != nil {
			return nil, file.At(line, err)
		}
	}
	return all, nil
}

func (m moves) add(words [][]byte) error {
	if len(words) < 2 || len(words) > 3 {
		return errMoveForm
	}
	from, _, err := wire.NormalizePath(nil, words[0])
	if err != nil || bytes.IndexByte(from, '?') >= 0 {
		return fmt.Errorf("%q is no path", words[0]) //nolint:err113 // for people
	}
	to := move{to: encoded(words[1], inURI)}
	scheme, rest, absolute := bytes.Cut(to.to, []byte("://"))
	if absolute = absolute && len(scheme) > 0 && len(rest) > 0 && bytes.IndexByte(scheme, '/') < 0; !absolute &&
		(to.to[0] != '/' || bytes.HasPrefix(to.to, []byte("//"))) {
		return errMoveTo
	}
	if len(words) == 3 {
		if to.status, err = strconv.Atoi(string(words[2])); err != nil || !isRedirect(to.status) {
			return errMoveStatus
		}
	}
	if bytes.Equal(to.to, words[0]) {
		return errMoveSelf
	}
	if _, twice := m[string(from)]; twice {
		return errMoveTwice
	}
	m[string(from)] = to
	return nil
}

func isRedirect(status int) bool {
	switch status {
	case 301, 302, 303, 307, 308:
		return true
	}
	return false
}
