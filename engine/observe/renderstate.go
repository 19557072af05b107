package observe

import (
	"maps"
	"slices"
	"time"

	"github.com/isame-lb/isame-lb/engine/http3/errcode"
	"github.com/isame-lb/isame-lb/pool/wire/frame"
)

// writeStages writes what stages and mirrors have counted.
func (s *scraping) writeStages() {
	s.Begin(&familyMiddlewareOutcome)
	for _, name := range slices.Sorted(maps.Keys(s.middleware)) {
		for o, n := range s.middleware[name].outcomes {
			s.Count(n.Sum(), name, MiddlewareOutcome(o).String())
		}
	}
	s.Begin(&familyRateLimited)
	for _, name := range slices.Sorted(maps.Keys(s.rateLimited)) {
		s.Count(s.rateLimited[name].Sum(), name)
	}
	routes := slices.Sorted(maps.Keys(s.mirrors))
	s.Begin(&familyMirrorRequests)
	for _, route := range routes {
		for o, n := range s.mirrors[route].outcomes {
			s.Count(n.Sum(), route, MirrorOutcome(o).String())
		}
	}
	s.Begin(&familyMirrorCompared)
	for _, route := range routes {
		for r, n := range s.mirrors[route].results {
			s.Count(n.Sum(), route, MirrorResult(r).String())
		}
	}
}

// writeListeners writes what listeners have counted.
func (s *scraping) writeListeners() {
	names := slices.Sorted(maps.Keys(s.listeners))
	s.Begin(&familyClientBytes)
	for _, name := range names {
		s.Count(s.listeners[name].BytesIn.Sum(), name, "in")
		s.Count(s.listeners[name].BytesOut.Sum(), name, "out")
	}
	s.Begin(&familyConnectionsAccepted)
	for _, name := range names {
		s.Count(s.listeners[name].Accepted.Sum(), name)
	}
	s.Begin(&familyConnectionsFailed)
	for _, name := range names {
		for i, c := range s.listeners[name].Failed {
			s.Count(c.Sum(), name, Failure(i).String())
		}
	}
	s.Begin(&familyTLSHandshakes)
	for _, name := range names {
		for v, of := range s.listeners[name].Handshakes {
			for g, c := range of {
				s.Count(c.Sum(), name, tlsVersions[v].name, tlsGroups[g].name)
			}
		}
	}
	s.Begin(&familyHTTP2Errors)
	for _, name := range names {
		for code, c := range s.listeners[name].HTTP2Errors {
			s.Count(c.Sum(), name, frame.Code(code).String())
		}
	}
	s.Begin(&familyHTTP3Errors)
	for _, name := range names {
		for code, c := range s.listeners[name].HTTP3Errors {
			s.Count(c.Sum(), name, errcode.Name(code))
		}
	}
}

// writeConnections writes what is asked of the listeners.
func (s *scraping) writeConnections(r *Registry) {
	source := r.connections.Load()
	if source == nil {
		return
	}
	all := (*source)()
	s.Begin(&familyConnections)
	for i := range all {
		s.Gauge(float64(all[i].Active), all[i].Listener, "active")
		s.Gauge(float64(all[i].Idle), all[i].Listener, "idle")
	}
	s.Begin(&familyTunnels)
	for i := range all {
		s.Gauge(float64(all[i].Tunnels), all[i].Listener)
	}
	s.Begin(&familyHTTP3Passed)
	for i := range all {
		s.Count(all[i].Passed, all[i].Listener, "passed")
		s.Count(all[i].Lost, all[i].Listener, "lost")
	}
}

// writeState writes what is known of the process and its configuration.
func (s *scraping) writeState(r *Registry) {
	s.writeCertificates(r)
	s.Begin(&familyConfigGeneration)
	s.Gauge(float64(r.generation.Load()))
	if drift := r.drift.Load(); drift != nil {
		s.Begin(&familyConfigDrift)
		s.Gauge(truth((*drift)()))
	}
	s.Begin(&familyConfigReloads)
	for _, result := range slices.Sorted(maps.Keys(r.reloads)) {
		s.Count(r.reloads[result].Load(), string(result))
	}
	if source := r.logDropped.Load(); source != nil {
		program, access := (*source)()
		s.Begin(&familyLogLinesDropped)
		s.Count(access, "access")
		s.Count(program, "program")
	}
	if source := r.spans.Load(); source != nil {
		exported, lost := (*source)()
		s.Begin(&familyTraceSpans)
		s.Count(exported, "exported")
		s.Count(lost, "lost")
	}
	if source := r.pushes.Load(); source != nil {
		pushed, failed := (*source)()
		s.Begin(&familyPushes)
		s.Count(pushed, "exported")
		s.Count(failed, "failed")
	}
	s.writeHeadroom(r)
	s.Begin(&familyBuildInfo)
	s.Gauge(1, r.Build.Version, r.Build.Commit, r.Build.GoVersion)
}

// writeHeadroom writes by how much the load may grow, as far as that can be told.
func (s *scraping) writeHeadroom(r *Registry) {
	source := r.headroom.Load()
	if source == nil {
		return
	}
	h := (*source)()
	if h.Known {
		s.Begin(&familyHeadroom)
		s.Gauge(h.Times)
	}
	s.Begin(&familyHeadroomLimit)
	for _, limit := range slices.Sorted(maps.Keys(h.Limits)) {
		s.Gauge(h.Limits[limit], limit)
	}
}

// writeCertificates writes how long certificates are valid; of those with the
// same name, such as one for each type of key, the one that ends first.
func (s *scraping) writeCertificates(r *Registry) {
	if source := r.certificates.Load(); source != nil {
		ends := map[string]time.Time{}
		for _, c := range (*source)() {
			if known, ok := ends[c.Name]; !ok || c.NotAfter.Before(known) {
				ends[c.Name] = c.NotAfter
			}
		}
		now := time.Now()
		s.Begin(&familyCertificateExpiry)
		for _, name := range slices.Sorted(maps.Keys(ends)) {
			s.Gauge(float64(int64(ends[name].Sub(now)/time.Second)), name)
		}
	}
	s.Begin(&familyCertificateOrders)
	for _, host := range slices.Sorted(maps.Keys(s.orders)) {
		s.Count(s.orders[host].failed, host, "failed")
		s.Count(s.orders[host].issued, host, "issued")
	}
}
