package dns01

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/mholt/acmez/v3/acme"
	"github.com/rs/zerolog"
)

// record is one value of a TXT record. Names end in a dot.
type record struct {
	zone  string // empty for exec
	name  string
	value string
}

// provider keeps a zone. Its calls may come from several goroutines, and end with
// their context.
type provider interface {
	// add adds a value beside those that the name has.
	add(ctx context.Context, r record) error
	// remove removes a value. It is no error that it is not there.
	remove(ctx context.Context, r record) error
	// close drops what is kept between calls.
	close()
}

// ttl is what records are made with. Nobody but the ACME server asks for them, once.
const ttl = time.Minute

// Times of CleanUp: of one try, and the pauses in front of further ones. They bound how
// much longer the proxy takes to end when a provider does not answer.
const removeMax = 10 * time.Second

var removePauses = []time.Duration{time.Second, 3 * time.Second}

// Solver answers challenges. It may be used by any number of goroutines.
type Solver struct {
	provider    provider
	zone        string // of all records; empty means that it is looked for
	findsZone   bool
	propagation time.Duration
	names       *names
	log         zerolog.Logger

	mu struct {
		sync.Mutex
		records map[string]record // that may be there, by value
	}
}

var errNoProvider = errors.New("there is no such provider")

// New makes a solver. Close must be called in the end.
func New(o Options, log zerolog.Logger) (*Solver, error) {
	p, err := o.newProvider()
	if err != nil {
		return nil, err
	}
	s := &Solver{
		provider: p, findsZone: o.Provider != "exec", propagation: o.Propagation,
		names: newNames(split(o.Resolvers)), log: log,
	}
	if o.Zone != "" {
		s.zone = fqdn(o.Zone)
	}
	s.mu.records = map[string]record{}
	return s, nil
}

// Close drops connections that are kept.
func (s *Solver) Close() { s.provider.close() }

// Present adds the record of a challenge.
func (s *Solver) Present(ctx context.Context, a acme.Challenge) error {
	r, err := s.recordOf(ctx, a)
	if err != nil {
		return err
	}
	s.mu.Lock()
	s.mu.records[r.value] = r // before it is there: the answer may be lost, and the record not
	s.mu.Unlock()
	if err := s.provider.add(ctx, r); err != nil {
		return fmt.Errorf("cannot add the record %s: %w", r.name, err)
	}
	return nil
}

// recordOf is the record of a challenge, where the CNAMEs of its name lead to.
func (s *Solver) recordOf(ctx context.Context, a acme.Challenge) (record, error) {
	name, err := s.names.follow(ctx, fqdn(a.DNS01TXTRecordName()))
	if err != nil {
		return record{}, err
	}
	r := record{name: name, value: a.DNS01KeyAuthorization(), zone: s.zone}
	if r.zone == "" && s.findsZone {
		if r.zone, err = s.names.zoneOf(ctx, name); err != nil {
			return record{}, err
		}
	}
	if r.zone != "" && !isBelow(name, r.zone) {
		return record{}, fmt.Errorf("cannot add the record %s: %w %s", name, errOtherZone, r.zone)
	}
	return r, nil
}

var errOtherZone = errors.New("it is not in zone")

// Wait waits until all name servers show the record of a challenge. That they do not in
// time is an error: a validation that fails counts against the limits of the ACME server.
func (s *Solver) Wait(ctx context.Context, a acme.Challenge) error {
	s.mu.Lock()
	r, ok := s.mu.records[a.DNS01KeyAuthorization()]
	s.mu.Unlock()
	if !ok || s.propagation <= 0 {
		return nil
	}
	late, cancel := context.WithTimeoutCause(ctx, s.propagation, errNotShown)
	defer cancel()
	return s.names.wait(late, r)
}

// CleanUp removes the record of a challenge, if Present may have added it. It goes on
// after the end of ctx, for the few seconds that its tries may take, and says itself
// what it cannot remove: the caller does not.
func (s *Solver) CleanUp(ctx context.Context, a acme.Challenge) error {
	value := a.DNS01KeyAuthorization()
	s.mu.Lock()
	r, ok := s.mu.records[value]
	delete(s.mu.records, value)
	s.mu.Unlock()
	if !ok {
		return nil
	}
	ctx = context.WithoutCancel(ctx)
	err := s.removeOnce(ctx, r)
	for _, pause := range removePauses {
		if err == nil {
			return nil
		}
		<-time.After(pause)
		err = s.removeOnce(ctx, r)
	}
	if err != nil {
		s.log.Error().Err(err).Str("record", r.name).Str("value", r.value).Msg("cannot remove the record of a challenge: please do")
		return fmt.Errorf("cannot remove the record %s: %w", r.name, err)
	}
	return nil
}

func (s *Solver) removeOnce(ctx context.Context, r record) error {
	ctx, cancel := context.WithTimeout(ctx, removeMax)
	defer cancel()
	return s.provider.remove(ctx, r)
}

// fqdn is a name with a dot at its end, in lower case.
func fqdn(name string) string { return strings.ToLower(strings.TrimSuffix(name, ".")) + "." }

// isBelow reports a name in a zone, or its top.
func isBelow(name, zone string) bool {
	return name == zone || strings.HasSuffix(name, "."+zone) || zone == "."
}
