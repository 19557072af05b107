package picture

import (
	"bytes"
	"encoding/json"
	"strconv"

	"github.com/isame-lb/isame-lb/pool"
)

// state is what the frames have led to.
type state struct {
	at       int64
	requests uint64
	status   object
	traffic  object
	pools    section
	backends section
	routes   section
}

func newState() state {
	counted := []string{"in_flight", "requests", "failures"}
	return state{
		status: object{key: "status"}, traffic: object{key: "traffic"},
		pools:    section{key: "pools", names: counted},
		backends: section{key: "backends", names: append(counted[:3:3], "connections_open", "connections_idle"), nested: true},
		routes:   section{key: "routes", names: []string{"requests", "last_used"}},
	}
}

// appendAll appends the picture as an object.
func (s *state) appendAll(out []byte, parts Parts) []byte {
	out = append(out, `{"at_ms":`...)
	out = strconv.AppendInt(out, s.at, 10)
	out = append(out, `,"requests":`...)
	out = strconv.AppendUint(out, s.requests, 10)
	out = s.status.appendAll(out)
	out = s.traffic.appendAll(out)
	out = s.pools.appendAll(out)
	if parts&Backends != 0 {
		out = s.backends.appendAll(out)
	}
	if parts&Routes != 0 {
		out = s.routes.appendAll(out)
	}
	return append(out, '}')
}

// countRequests notes the exchanges of the process, and appends that where there are others.
func (s *state) countRequests(out []byte, requests uint64) []byte {
	if s.requests == requests {
		return out
	}
	s.requests = requests
	return strconv.AppendUint(append(out, `,"requests":`...), requests, 10)
}

// fits reports that readings are of the pools, and of the backends, that are known.
func (s *state) fits(readings []pool.Reading, withBackends bool) bool {
	if withBackends && len(readings) != len(s.backends.cells) {
		return false
	}
	p := -1
	for i := range readings {
		r := &readings[i]
		for p < 0 || s.pools.cells[p].name != r.Pool { // one without backends has no reading
			p++
			if p == len(s.pools.cells) {
				return false
			}
		}
		if withBackends {
			if c := &s.backends.cells[i]; c.name != r.Address || c.group != r.Pool {
				return false
			}
		}
	}
	return true
}

// count notes the counters of readings that fit, and appends the different ones.
func (s *state) count(readings []pool.Reading, head, backends []byte, withBackends bool) (newHead, newBackends []byte) {
	ofPools, ofBackends := s.pools.patch(head), s.backends.patch(backends)
	next := 0
	for i := range s.pools.cells {
		p := &s.pools.cells[i]
		var sum numbers
		for ; next < len(readings) && readings[next].Pool == p.name; next++ {
			r := &readings[next]
			n := numbers{r.InFlight, int64(r.Requests), int64(r.Failures)}
			sum[0], sum[1], sum[2] = sum[0]+n[0], sum[1]+n[1], sum[2]+n[2]
			if withBackends {
				b := &s.backends.cells[next]
				n[3], n[4] = b.numbers[3], b.numbers[4]
				ofBackends.count(b, &n)
			}
		}
		ofPools.count(p, &sum)
	}
	return ofPools.end(), ofBackends.end()
}

// object is one that seldom changes, as it was encoded last; nil is none.
type object struct {
	key  string
	text json.RawMessage
}

func (o *object) appendAll(out []byte) []byte {
	if o.text == nil {
		return out
	}
	out = append(append(append(out, `,"`...), o.key...), `":`...)
	return append(out, o.text...)
}

// replace takes a new text, and appends the difference.
func (o *object) replace(out []byte, text json.RawMessage) []byte {
	if bytes.Equal(o.text, text) {
		return out
	}
	patch := text
	if o.text != nil {
		patch = difference(o.text, text)
	}
	o.text = text
	out = append(append(append(out, `,"`...), o.key...), `":`...)
	return append(out, patch...)
}

// difference is the merge patch (RFC 7396) that makes one object of another; both were encoded by
// the same code, so that what is equal has the same text.
func difference(was, is json.RawMessage) json.RawMessage {
	before, after := members(was), members(is)
	if before == nil || after == nil {
		return is
	}
	patch := map[string]json.RawMessage{}
	for name, value := range after {
		old, there := before[name]
		switch {
		case !there:
			patch[name] = value
		case !bytes.Equal(old, value):
			patch[name] = difference(old, value)
		}
	}
	for name := range before {
		if _, there := after[name]; !there {
			patch[name] = json.RawMessage("null")
		}
	}
	return encode(patch)
}

// members are those of an object; nil for any other value.
func members(text json.RawMessage) map[string]json.RawMessage {
	if len(text) == 0 || text[0] != '{' {
		return nil
	}
	var m map[string]json.RawMessage
	if err := json.Unmarshal(text, &m); err != nil {
		panic("BUG: what was encoded cannot be decoded: " + err.Error())
	}
	return m
}
