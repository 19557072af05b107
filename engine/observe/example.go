package observe

import (
	"time"

	"github.com/isame-lb/isame-lb/engine/observe/expose"
	"github.com/isame-lb/isame-lb/pool/stat"
)

// Example is an exchange that may stand for those of its route that took as long.
type Example struct {
	Route string
	// ID is what the recorder has of the id of its request: isame-ctl why takes it. Trace is the
	// id of its trace, where its spans are exported. One without either stands for none.
	ID, Trace string
	// Took is how long it took, Ended when it ended.
	Took  time.Duration
	Ended time.Time
}

// collect keeps the last exchange of each bucket, of source or traced; traced ones are worth
// more, as there is more to be seen of them.
func (s *scraping) collect(source *func(see func(Example))) {
	s.examples = map[string]*expose.Examples{}
	if source != nil {
		(*source)(s.keep)
	}
	for key, cells := range s.routes {
		for i := range cells.traced {
			if t := cells.traced[i].Load(); t != nil {
				e := *t
				e.Route = key.route
				s.keep(e)
			}
		}
	}
}

// keep makes e the example of its bucket, unless there is one that is worth more.
func (s *scraping) keep(e Example) {
	if e.ID == "" && e.Trace == "" {
		return
	}
	of := s.examples[e.Route]
	if of == nil {
		of = &expose.Examples{}
		s.examples[e.Route] = of
	}
	at, unix := &of[stat.BucketOf(e.Took)], float64(e.Ended.UnixMilli())/1000
	if traced := e.Trace != ""; traced == (at.Trace != "") && at.Unix < unix || traced && at.Trace == "" {
		*at = expose.Exemplar{ID: e.ID, Trace: e.Trace, Seconds: e.Took.Seconds(), Unix: unix}
	}
}
