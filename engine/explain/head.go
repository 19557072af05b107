package explain

import (
	"slices"
	"strings"

	"github.com/isame-lb/isame-lb/engine/stream"
)

// Head is the head of the request as the parser of HTTP/1.1 gets it from a client. secure:
// the connection is of TLS. The error is of ErrQuestion.
func (q *Question) Head(t *Target, secure bool) ([]byte, error) {
	if q.IsMultiplexed() {
		return q.stream(t, secure)
	}
	var b strings.Builder
	b.WriteString(t.Method + " " + t.Path + " HTTP/1.1\r\n")
	if !q.has("Host") {
		b.WriteString("Host: " + t.Authority + "\r\n")
	}
	for _, f := range q.fields() {
		b.WriteString(f.Name + ": " + f.Value + "\r\n")
	}
	b.WriteString("\r\n")
	return []byte(b.String()), nil
}

// fields are those of the question, and those that the protocol has.
func (q *Question) fields() []Field {
	all := slices.Clip(q.Fields)
	var more []Field
	switch q.Protocol {
	case WebSocket:
		more = []Field{
			{"Connection", "Upgrade"},
			{"Upgrade", "websocket"},
			{"Sec-WebSocket-Version", "13"},
			{"Sec-WebSocket-Key", "AAAAAAAAAAAAAAAAAAAAAA=="},
		}
	case GRPC:
		more = []Field{{"Content-Type", "application/grpc"}, {"TE", "trailers"}}
	}
	for _, f := range more {
		if !q.has(f.Name) {
			all = append(all, f)
		}
	}
	return all
}

// stream is Head for a stream of HTTP/2 or HTTP/3, by what translates those.
func (q *Question) stream(t *Target, secure bool) ([]byte, error) {
	scheme, authority := "http", t.Authority
	if secure {
		scheme = "https"
	}
	if q.has("Host") {
		authority = q.host()
	}
	var text stream.RequestText
	text.Reset()
	malformed := wrong("no stream can begin with that: a client that sends it is reset")
	for _, f := range []Field{{":method", t.Method}, {":scheme", scheme}, {":authority", authority}, {":path", t.Path}} {
		if !text.Add([]byte(f.Name), []byte(f.Value)) {
			return nil, malformed
		}
	}
	for _, f := range q.fields() {
		name := strings.ToLower(f.Name)
		if name == "host" {
			continue // it is the authority
		}
		if !text.Add([]byte(name), []byte(f.Value)) {
			return nil, wrong("no stream can have the field %q with that value: a client that sends it is reset", f.Name)
		}
	}
	head, ok := text.Text()
	if !ok {
		return nil, malformed
	}
	return head, nil
}
