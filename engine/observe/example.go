package observe

import (
	"time"

	"github.com/isame-lb/isame-lb/engine/observe/expose"
	"github.com/isame-lb/isame-lb/pool/stat"
)

// Example is an exchange that may stand for those of its route that took as long.
type Example struct {
	Route string
	// ID is what the recorder has of the id of its request: isame-ctl why takes it.
	ID string
	// Took is how long it took, Ended when it ended.
	Took  time.Duration
	Ended time.Time
}

// Traced is an exchange whose spans are exported.
type Traced struct {
	// Trace is the id of its trace, ID what the recorder has of that of its request.
	Trace, ID string
	Took      time.Duration
	Ended     time.Time
}

// collect keeps the last exchange of each bucket, of source or traced; traced ones are worth
// more, as there is more to be seen of them.
func (s *scraping) collect(source *func(see func(Example))) {
	s.examples = map[string]*expose.Examples{}
	if source != nil {
		(*source)(func(e Example) {
			if e.ID != "" {
				s.keep(e.Route, e.Took, e.Ended, expose.Exemplar{ID: e.ID})
			}
		})
	}
	for key, cells := range s.routes {
		for i := range cells.traced {
			if t := cells.traced[i].Load(); t != nil {
				s.keep(key.route, t.Took, t.Ended, expose.Exemplar{ID: t.ID, Trace: t.Trace})
			}
		}
	}
}

// keep makes e the example of its bucket, unless there is one that is worth more.
func (s *scraping) keep(route string, took time.Duration, ended time.Time, e expose.Exemplar) {
	of := s.examples[route]
	if of == nil {
		of = &expose.Examples{}
		s.examples[route] = of
	}
	e.Seconds, e.Unix = took.Seconds(), float64(ended.UnixMilli())/1000
	at := &of[stat.BucketOf(took)]
	if traced := e.Trace != ""; traced == (at.Trace != "") && at.Unix < e.Unix || traced && at.Trace == "" {
		*at = e
	}
}
