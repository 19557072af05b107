package config

import (
	"maps"
	"reflect"
	"slices"
)

// What a reload carries over is what is the same in both configurations. There may be ten
// thousand routes to compare, so it is done field by field: reflect.DeepEqual needs the
// routes on the heap, and far longer. Both agree, and a test changes every key there is to
// see that it makes a difference.

// Equal reports that both routes say the same.
func (r *Route) Equal(o *Route) bool {
	return r.TakesSame(o) && r.does(o) &&
		sameList(r.Middleware, o.Middleware) && sameList(r.Skip, o.Skip) &&
		r.AccessLog == o.AccessLog && r.Timeout == o.Timeout && r.Retry.equal(&o.Retry) &&
		samePointer(r.Hedge, o.Hedge) && samePointer(r.Mirror, o.Mirror)
}

// TakesSame reports that both take the same requests because they say so in the same
// words; what they do with them may differ.
func (r *Route) TakesSame(o *Route) bool {
	own, other := &r.Predicates, &o.Predicates
	return r.Priority == o.Priority && own.equal(other) && sameList(r.Listeners, o.Listeners) &&
		(r.Not == nil) == (o.Not == nil) &&
		slices.EqualFunc(r.Not, o.Not, func(a, b Predicates) bool { return a.equal(&b) })
}

// does reports that both have the same action.
func (r *Route) does(o *Route) bool {
	return r.Pool == o.Pool && sameMap(r.Split, o.Split) && r.SplitOn == o.SplitOn &&
		samePointer(r.Files, o.Files) && samePointer(r.Redirect, o.Redirect) && r.Respond.equal(o.Respond)
}

func (r *Respond) equal(o *Respond) bool {
	if r == nil || o == nil {
		return r == o
	}
	return r.Status == o.Status && r.Body == o.Body && r.File == o.File && r.ContentType == o.ContentType && sameMap(r.Headers, o.Headers)
}

func (r *Retry) equal(o *Retry) bool {
	return r.Attempts == o.Attempts && sameList(r.On, o.On) && sameList(r.Methods, o.Methods) && r.IdempotencyKey == o.IdempotencyKey &&
		r.PerTryTimeout == o.PerTryTimeout && r.Backoff == o.Backoff && r.Budget == o.Budget && r.Default == o.Default
}

func (p *Predicates) equal(o *Predicates) bool {
	return sameList(p.Hosts, o.Hosts) && sameList(p.HostsRegex, o.HostsRegex) &&
		p.Path == o.Path && p.PathPrefix == o.PathPrefix && p.PathRegex == o.PathRegex &&
		sameList(p.Methods, o.Methods) && sameMap(p.Headers, o.Headers) && sameMap(p.Query, o.Query) &&
		sameList(p.ClientIPs, o.ClientIPs) && sameList(p.SNI, o.SNI) && sameList(p.Protocol, o.Protocol)
}

// Equal reports that both pools say the same. What stands in the files that they name is
// not looked at.
func (p *Pool) Equal(o *Pool) bool {
	return p.Algorithm == o.Algorithm && p.HashOn == o.HashOn && p.Protocol == o.Protocol &&
		sameList(p.Backends, o.Backends) && reflect.DeepEqual(p.Discovery, o.Discovery) && reflect.DeepEqual(p.HealthCheck, o.HealthCheck) &&
		samePointer(p.CircuitBreaker, o.CircuitBreaker) && samePointer(p.Concurrency, o.Concurrency) && samePointer(p.Sticky, o.Sticky) &&
		p.Host == o.Host && p.SlowStart == o.SlowStart && p.PanicThreshold == o.PanicThreshold &&
		p.Connections == o.Connections && p.Limits == o.Limits && p.Timeouts == o.Timeouts && p.TLS == o.TLS &&
		p.ProxyProtocol == o.ProxyProtocol
}

// sameList compares lists; none is another one than an empty one.
func sameList[E comparable](a, b []E) bool { return (a == nil) == (b == nil) && slices.Equal(a, b) }

// sameMap compares maps; none is another one than an empty one.
func sameMap[K, V comparable](a, b map[K]V) bool { return (a == nil) == (b == nil) && maps.Equal(a, b) }

// samePointer compares what two pointers lead to.
func samePointer[T comparable](a, b *T) bool { return a == b || a != nil && b != nil && *a == *b }
