package picture

import (
	"encoding/json"
	"time"

	"github.com/isame-lb/isame-lb/ctl/api"
	"github.com/isame-lb/isame-lb/pool"
)

// look reads what may be different, and has the readers know. seldom is with everything; else
// the counters alone.
func (h *Hub) look(seldom bool) {
	if !seldom && h.lookAtCounters() {
		return
	}
	h.lookAtAll() // also where other backends are there than before
}

// lookAtCounters reports false where what it finds does not fit what is known.
func (h *Hub) lookAtCounters() bool {
	var requests uint64
	if h.sources.Requests != nil {
		requests = h.sources.Requests()
	}
	h.readings = h.readings[:0]
	if h.sources.Readings != nil {
		h.readings = h.sources.Readings(h.readings)
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if !h.hasLocked(h.wantedLocked()) {
		return false
	}
	f := frame{at: time.Now().UnixMilli()}
	s := &h.mu.state
	if !s.fits(h.readings, h.mu.ready&Backends != 0) {
		return false
	}
	f.head = s.countRequests(f.head, requests)
	f.head, f.backends = s.count(h.readings, f.head, f.backends, h.mu.ready&Backends != 0)
	h.publishLocked(&f)
	return true
}

// lookAtAll reads everything that anybody wants.
func (h *Hub) lookAtAll() {
	h.mu.Lock()
	wanted := h.wantedLocked()
	h.mu.Unlock()
	n := h.readAll(wanted)
	h.mu.Lock()
	defer h.mu.Unlock()
	f := frame{at: time.Now().UnixMilli()}
	s := &h.mu.state
	f.head = s.countRequests(f.head, n.requests)
	f.head = s.status.replace(f.head, n.status)
	f.head = s.traffic.replace(f.head, n.traffic)
	f.head = s.pools.replace(f.head, n.pools)
	f.backends = h.replaceLocked(&s.backends, n.backends, Backends, wanted)
	f.routes = h.replaceLocked(&s.routes, n.routes, Routes, wanted)
	if wanted&^h.mu.ready != 0 {
		h.mu.frames.pictures = [partsAll + 1]text{} // they are without
	}
	h.mu.ready = (h.mu.ready | wanted) & h.wantedLocked()
	s.at = f.at
	if !h.mu.begun {
		h.mu.begun = true
		f = frame{at: f.at} // nobody has a picture yet
	}
	h.publishLocked(&f)
	for r := range h.mu.readers {
		r.ring() // one may wait for a part
	}
}

// replaceLocked takes the cells of a part that was read, and returns the difference for those who
// have the part. One that nobody wants any more is dropped; one that somebody wants since this
// look began stays as it is until the next.
func (h *Hub) replaceLocked(s *section, next []cell, part, wanted Parts) []byte {
	if wanted&part == 0 {
		if h.wantedLocked()&part == 0 {
			s.cells = nil
		}
		return nil
	}
	if h.mu.ready&part == 0 { // who wants it gets a picture
		s.cells = next
		return nil
	}
	return s.replace(nil, next)
}

// publishLocked keeps a frame, if there is something in it, and rings.
func (h *Hub) publishLocked(f *frame) {
	h.mu.state.at = f.at
	if f.isEmpty() {
		return
	}
	h.mu.frames.add(f)
	for r := range h.mu.readers {
		if f.isFor(r.parts) {
			r.ring()
		}
	}
}

// news is everything as it was read.
type news struct {
	requests        uint64
	status, traffic json.RawMessage
	pools           []cell
	backends        []cell
	routes          []cell
}

func (h *Hub) readAll(wanted Parts) (n news) {
	src := &h.sources
	if src.Requests != nil {
		n.requests = src.Requests()
	}
	if src.Status != nil {
		n.status = encode(seldomStatus{Status: src.Status()})
	}
	if src.Traffic != nil {
		n.traffic = encode(src.Traffic())
	}
	if src.Pools != nil {
		list := src.Pools()
		for i := range list {
			p := &list[i]
			n.pools = append(n.pools, poolCell(p))
			if wanted&Backends == 0 {
				continue
			}
			for j := range p.Backends {
				n.backends = append(n.backends, backendCell(p.Name, &p.Backends[j]))
			}
		}
	}
	if src.Routes != nil && wanted&Routes != 0 {
		for _, r := range src.Routes() {
			c := cell{name: r.Name, numbers: numbers{int64(r.Requests)}}
			if r.LastUsed != nil {
				c.numbers[1] = r.LastUsed.Unix()
			}
			n.routes = append(n.routes, c)
		}
	}
	return n
}

// The types below are those of the API without what is counted: a field of the same name hides
// the one of the API, and is nil.

type seldomStatus struct {
	api.Status

	UptimeSeconds     *int `json:"uptime_seconds,omitempty"`
	Connections       *int `json:"connections,omitempty"`
	RequestsTotal     *int `json:"requests_total,omitempty"`
	RequestsPerSecond *int `json:"requests_per_second,omitempty"`
	Pools             *int `json:"pools,omitempty"`
}

type seldomPool struct {
	Algorithm   string                `json:"algorithm"`
	Members     int                   `json:"members"`
	Healthy     int                   `json:"healthy"`
	Panic       bool                  `json:"panic"`
	Discovery   *pool.DiscoveryStatus `json:"discovery,omitempty"`
	Concurrency *pool.LimiterStatus   `json:"concurrency,omitempty"`
}

type seldomBackend struct {
	pool.BackendStatus

	InFlight        *int `json:"in_flight,omitempty"`
	Requests        *int `json:"requests,omitempty"`
	Failures        *int `json:"failures,omitempty"`
	ConnectionsOpen *int `json:"connections_open,omitempty"`
	ConnectionsIdle *int `json:"connections_idle,omitempty"`
	Probes          *int `json:"probes,omitempty"`
}

func poolCell(p *pool.Status) cell {
	return cell{
		name:    p.Name,
		seldom:  encode(seldomPool{p.Algorithm, p.Members, p.Healthy, p.Panic, p.Discovery, p.Concurrency}),
		numbers: numbers{p.InFlight, int64(p.Requests), int64(p.Failures)},
	}
}

func backendCell(inPool string, b *pool.BackendStatus) cell {
	return cell{
		group: inPool, name: b.Address, seldom: encode(seldomBackend{BackendStatus: *b}),
		numbers: numbers{b.InFlight, int64(b.Requests), int64(b.Failures), int64(b.ConnectionsOpen), int64(b.ConnectionsIdle)},
	}
}

// encode is a value of the API as JSON.
func encode(v any) json.RawMessage {
	out, err := json.Marshal(v)
	if err != nil {
		panic("BUG: what is looked at cannot be encoded: " + err.Error())
	}
	return out
}
