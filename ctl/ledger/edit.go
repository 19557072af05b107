package ledger

import (
	"errors"
	"net/http"
	"strings"

	"github.com/isame-lb/isame-lb/config"
	"github.com/isame-lb/isame-lb/ctl/api"
)

// RequestName stands for a body in problems.
const RequestName = "request"

// What edits say of an object that is not there.
var (
	errAbsent  = errors.New("there is nothing to remove")
	errMissing = errors.New("there is nothing to merge with")
)

// Edit makes the next document of the running one, without masks.
type Edit func(running *config.Document) (*config.Document, error)

// Put replaces the whole document, or what is at path, by a body. The error is about the
// body: config.Problems.
func Put(body []byte, format string, path ...string) (Edit, error) {
	if len(path) == 0 {
		doc, err := config.ParseDocument(body, format, RequestName)
		if err != nil {
			return nil, err
		}
		return doc.Unmask, nil
	}
	part, err := config.ParsePart(body, format, path...)
	if err != nil {
		return nil, err
	}
	return func(running *config.Document) (*config.Document, error) {
		next, err := running.With(part, path...)
		if err != nil {
			return nil, err
		}
		return next.Unmask(running)
	}, nil
}

// Merge changes the whole document, or what is at path, by a merge patch (RFC 7396).
func Merge(patch []byte, path ...string) Edit {
	return func(running *config.Document) (*config.Document, error) {
		if _, ok := running.At(path...); len(path) > 0 && !ok {
			return nil, errMissing
		}
		next, err := running.MergePatch(patch, path...)
		if err != nil {
			return nil, err
		}
		return next.Unmask(running)
	}
}

// Remove takes out what is at path.
func Remove(path ...string) Edit {
	return func(running *config.Document) (*config.Document, error) {
		next, ok := running.Without(path...)
		if !ok {
			return nil, errAbsent
		}
		if len(path) == 2 {
			if by := running.Referrers(path[0], path[1]); len(by) > 0 {
				return nil, inUse(placeOf(path), by)
			}
		}
		return next, nil
	}
}

// placeOf is the path of an object as it stands in problems.
func placeOf(path []string) string {
	place := ""
	for _, name := range path {
		place = config.JoinPath(place, name)
	}
	return place
}

// Match is what a change says about what it was made for.
type Match struct {
	// Tags are those of If-Match, without quotes; Any is If-Match: *.
	Tags []string
	Any  bool
	// None is If-None-Match: *.
	None bool
}

// isGiven reports that there is one.
func (m *Match) isGiven() bool { return m.Any || m.None || len(m.Tags) > 0 }

// check compares with what is at path, whose ETag is etag; empty where nothing is there.
func (m *Match) check(now *running, etag string) error {
	there := etag != ""
	switch {
	case m.None && there:
		return stale(now, etag)
	case m.None, m.Any:
		return nil
	}
	for _, tag := range m.Tags {
		if there && tag == etag {
			return nil
		}
	}
	return stale(now, etag)
}

// ETagOf is the ETag of what is at path of a document, without quotes; empty where nothing is there.
func (l *Ledger) ETagOf(d *config.Document, path ...string) string {
	if len(path) == 0 {
		return d.Hash(l.key)
	}
	part, ok := d.At(path...)
	if !ok {
		return ""
	}
	return part.Hash(l.key)
}

// tagOf is ETagOf of what runs, whose own is known.
func (l *Ledger) tagOf(now *running, path []string) string {
	if len(path) == 0 {
		return now.etag
	}
	return l.ETagOf(now.doc, path...)
}

// notThere is 404 for an object.
func notThere(now *running, path []string) error {
	names := strings.Join(now.doc.Names(path[0]), ", ")
	if names == "" {
		names = "none"
	}
	return refusal(http.StatusNotFound, api.CodeNotFound, "%s is not in the configuration; there are: %s", placeOf(path), names)
}
