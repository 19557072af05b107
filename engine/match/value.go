package match

import (
	"cmp"
	"regexp"
	"slices"
	"strings"

	"github.com/isame-lb/isame-lb/config"
	"github.com/isame-lb/isame-lb/pool/wire"
)

// value is what a field or a parameter has to be.
type value struct {
	name   string
	is     string
	re     *regexp.Regexp
	any    bool
	absent bool
}

func lowered(name string) string { return strings.ToLower(name) }

func verbatim(name string) string { return name }

func newValues(from map[string]config.Match, canonical func(string) string) (all []value, err error) {
	for name, m := range from {
		v := value{name: canonical(name), is: m.Is, any: m.Is == "*", absent: m.Absent}
		if m.Regex != "" {
			if v.re, err = regexp.Compile(m.Regex); err != nil {
				return nil, err //nolint:wrapcheck // it names the expression
			}
		}
		all = append(all, v)
	}
	slices.SortFunc(all, func(a, b value) int { return cmp.Compare(a.name, b.name) })
	return all, nil
}

// holdsField reports that one of the fields of the name is so, or that there is none.
func (v *value) holdsField(q *Request) bool {
	if q.Facts == nil {
		return v.absent
	}
	for name, text, at := q.Facts.NextField(0); at >= 0; name, text, at = q.Facts.NextField(at) {
		if !wire.EqualFold(name, v.name) {
			continue
		}
		if v.absent {
			return false
		}
		if v.holds(text) {
			return true
		}
	}
	return v.absent
}

// holds is asked of a value that is there.
func (v *value) holds(text []byte) bool {
	switch {
	case v.any:
		return true
	case v.re != nil:
		return v.re.Match(text)
	}
	return string(text) == v.is
}
