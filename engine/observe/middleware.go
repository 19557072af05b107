package observe

import (
	"github.com/isame-lb/isame-lb/pool/stat"
)

// MiddlewareOutcome is what a stage has made of a request.
type MiddlewareOutcome uint8

// The outcomes.
const (
	// MiddlewarePassed went on, maybe changed.
	MiddlewarePassed MiddlewareOutcome = iota
	// MiddlewareAnswered was answered by the stage.
	MiddlewareAnswered
	// MiddlewareBroken was ended without an answer.
	MiddlewareBroken
	// MiddlewareLeft has lost its client while the stage waited.
	MiddlewareLeft
	// MiddlewareFailed could not be judged as configured: a service was not there, a key
	// was missing. What happened then is counted, too.
	MiddlewareFailed
	// MiddlewareWould would have been answered, if the stage were not on trial.
	MiddlewareWould
	middlewareOutcomes
)

// String is the value of the label outcome.
func (o MiddlewareOutcome) String() string {
	return [...]string{"passed", "answered", "broken", "client_left", "failed", "would_answer"}[o]
}

// MiddlewareStats are the counters of one stage.
type MiddlewareStats struct {
	outcomes [middlewareOutcomes]*stat.Counter
}

// Add counts one.
func (s *MiddlewareStats) Add(shard int, o MiddlewareOutcome) { s.outcomes[o].Add(shard, 1) }

// Middleware returns the counters of a stage, by its name in the configuration.
func (r *Registry) Middleware(name string) *MiddlewareStats {
	r.names.Lock()
	defer r.names.Unlock()
	return resolve(r.names.middleware, name, func() *MiddlewareStats {
		s := &MiddlewareStats{}
		for i := range s.outcomes {
			s.outcomes[i] = stat.NewCounter(r.shards)
		}
		return s
	})
}
