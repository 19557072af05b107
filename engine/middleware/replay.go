package middleware

import (
	"maps"
	"slices"

	"github.com/isame-lb/isame-lb/engine/stage"
)

// replayer is a stage that has less to say of a request that was served before: it depends
// on the moment, or on a credential, of which only is known that there was one.
type replayer interface {
	replay(c *stage.Call) said
}

// Replay is Explain for a request that was served before. What would limit it is taken for
// passed, and so is what looks at a credential, where there was one.
func (ch *Chain) Replay(c *stage.Call) (all []Explained, v stage.Verdict) { return ch.explain(c, true) }

const (
	ofTheMoment     = "whether it refuses depends on the moment"
	ofTheCredential = "what was shown is not kept"
)

func (l *rateLimit) replay(*stage.Call) said { return undecided(ofTheMoment) }

func (l *concurrencyLimit) replay(*stage.Call) said { return undecided(ofTheMoment) }

func (s *basicAuth) replay(c *stage.Call) said {
	if value, several := onlyField(c, &authorization); several || len(value) == 0 {
		return s.explain(c)
	}
	return undecided(ofTheCredential)
}

func (s *apiKey) replay(c *stage.Call) said {
	if shown, several := s.in.find(c); several || len(shown) == 0 && !s.in.isWithheld() {
		return s.explain(c)
	}
	return undecided(ofTheCredential)
}

func (s *jwt) replay(c *stage.Call) said {
	if shown, several := s.in.find(c); several || len(shown) == 0 && !s.in.isWithheld() {
		return s.explain(c)
	}
	return undecided(ofTheCredential)
}

// isWithheld reports that nothing tells whether it was there: values of parameters and of
// cookies are not kept.
func (w *credential) isWithheld() bool { return w.kind != "header" }

// Lost is a limiter that would begin anew.
type Lost struct {
	Stage, Type string
	// Keys is how many it holds: those ahead of the clock, or with something in progress.
	Keys int
	// Gone: the stage would not be there any more, or be of another type.
	Gone bool
}

// Lost are the limiters of s whose state the stages of next would not go on with, which
// were made with a Book.Aside of that of s. It reads their tables, as Limits does.
func (s *Set) Lost(next *Set, nowNanos int64) []Lost {
	all := make([]Lost, 0, len(s.links))
	for _, name := range slices.Sorted(maps.Keys(s.links)) {
		was, is := s.links[name], next.links[name]
		l := Lost{Stage: name, Type: s.env.Config.Middleware[name].Type}
		switch made := was.any().(type) {
		case *rateLimit:
			after, same := is.any().(*rateLimit)
			if same && after.table == made.table {
				continue
			}
			l.Keys, l.Gone = made.table.Keys(nowNanos), !same
		case *concurrencyLimit:
			after, same := is.any().(*concurrencyLimit)
			if same && after.table == made.table {
				continue
			}
			_, l.Keys = made.table.InProgress()
			l.Gone = !same
		default:
			continue
		}
		all = append(all, l)
	}
	return all
}
