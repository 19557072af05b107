package middleware

import (
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/rs/zerolog"

	"github.com/isame-lb/isame-lb/config"
	"github.com/isame-lb/isame-lb/engine/match"
	"github.com/isame-lb/isame-lb/engine/observe"
	"github.com/isame-lb/isame-lb/engine/stage"
)

// Env is what stages are made with, beside their keys.
type Env struct {
	Config   *config.Config
	Registry *observe.Registry
	Logger   zerolog.Logger
	Shards   int
	// Book keeps what stages want to have again after a reload.
	Book *Book
}

// Place is what one stage is made with.
type Place struct {
	*Env

	Name  string // of the stage in the configuration
	Stats *observe.MiddlewareStats
}

// Set are the stages of one configuration.
type Set struct {
	env   *Env
	links map[string]link
}

// StageError says what is wrong with one stage of a configuration, in words that fit behind
// its name.
type StageError struct {
	Name string
	Err  error
}

// Error begins with the path of the stage.
func (e *StageError) Error() string {
	return config.JoinPath("middleware", e.Name) + ": " + e.Err.Error()
}

// Unwrap returns Err.
func (e *StageError) Unwrap() error { return e.Err }

// Build makes every stage of the configuration. The error joins a *StageError for each that
// cannot be made, by name.
func Build(env *Env) (*Set, error) {
	s := &Set{env: env, links: map[string]link{}}
	var errs []error
	for _, name := range slices.Sorted(maps.Keys(env.Config.Middleware)) {
		m := env.Config.Middleware[name]
		l, err := s.link(name, &m)
		if err != nil {
			errs = append(errs, &StageError{name, err})
		}
		s.links[name] = l
	}
	return s, errors.Join(errs...)
}

// Check makes every stage as Build does, and lets them go: what is wrong with a
// configuration beside its text is in the files that stages read.
func Check(cfg *config.Config) []*StageError {
	var book Book
	book.Begin()
	_, err := Build(&Env{Config: cfg, Registry: observe.NewRegistry(1), Logger: zerolog.Nop(), Shards: 1, Book: &book})
	book.End(false)
	return StageErrors(err)
}

// StageErrors are those that an error of Build has joined; of another error there are none.
func StageErrors(err error) (all []*StageError) {
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		for _, err := range joined.Unwrap() {
			if one := (*StageError)(nil); errors.As(err, &one) {
				all = append(all, one)
			}
		}
	}
	return all
}

func (s *Set) link(name string, m *config.Middleware) (l link, err error) {
	var g gate
	if g.when, err = match.NewCondition(m.When); err != nil {
		return l, fmt.Errorf("when: %w", err)
	}
	if g.unless, err = match.NewCondition(m.Unless); err != nil {
		return l, fmt.Errorf("unless: %w", err)
	}
	if !g.when.IsEmpty() || !g.unless.IsEmpty() {
		l.gates = []gate{g}
	}
	l.stats = s.env.Registry.Middleware(name)
	made, err := newStage(m.Stage, &Place{Env: s.env, Name: name, Stats: l.stats})
	if err != nil {
		return l, err
	}
	l.requester, _ = made.(stage.Requester)
	l.responder, _ = made.(stage.Responder)
	return l, nil
}

// first is a stage that runs before all others of its chain, wherever it stands.
type first interface{ runsFirst() }

// ErrTooLong is what Chain returns where a route has more stages than an exchange has room
// for.
var ErrTooLong = fmt.Errorf("has more than %d stages, chains and defaults counted", stage.StagesMax)

// Chain makes the chain of a route's stages, in this order; nil for none.
func (s *Set) Chain(links []config.Link) (*Chain, error) {
	ch := &Chain{}
	for pass := range 2 {
		for _, at := range links {
			l, known := s.links[at.Name]
			if !known || l.requester == nil && l.responder == nil {
				continue
			}
			for _, outer := range at.Chains {
				l.gates = slices.Concat(s.links[outer].gates, l.gates)
			}
			if _, ahead := l.any().(first); ahead == (pass == 0) {
				ch.links = append(ch.links, l)
				ch.about = append(ch.about, about{at.Name, s.env.Config.Middleware[at.Name].Type})
				ch.responds = ch.responds || l.responder != nil
			}
		}
	}
	switch {
	case len(ch.links) == 0:
		return nil, nil //nolint:nilnil // no stages, no chain
	case len(ch.links) > stage.StagesMax:
		return nil, ErrTooLong
	}
	return ch, nil
}

// longer is the chain with one more stage at its end; nil is a chain without any.
func (ch *Chain) longer(l link, a about) (*Chain, error) {
	made := &Chain{}
	if ch != nil {
		*made = *ch
	}
	if len(made.links) == stage.StagesMax {
		return nil, ErrTooLong
	}
	made.links, made.about = append(slices.Clip(made.links), l), append(slices.Clip(made.about), a)
	made.responds = made.responds || l.responder != nil
	return made, nil
}

func (l *link) any() any {
	if l.requester != nil {
		return l.requester
	}
	return l.responder
}
