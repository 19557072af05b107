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

// collect keeps the last exchange of each bucket.
func (s *scraping) collect(source func(see func(Example))) {
	s.examples = map[string]*expose.Examples{}
	source(func(e Example) {
		if e.ID == "" {
			return
		}
		of := s.examples[e.Route]
		if of == nil {
			of = &expose.Examples{}
			s.examples[e.Route] = of
		}
		at, unix := &of[stat.BucketOf(e.Took)], float64(e.Ended.UnixMilli())/1000
		if at.ID == "" || at.Unix < unix {
			*at = expose.Exemplar{ID: e.ID, Seconds: e.Took.Seconds(), Unix: unix}
		}
	})
}
