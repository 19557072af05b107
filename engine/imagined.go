package engine

import (
	"cmp"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"github.com/isame-lb/isame-lb/config"
	"github.com/isame-lb/isame-lb/engine/affinity"
	"github.com/isame-lb/isame-lb/engine/explain"
	"github.com/isame-lb/isame-lb/engine/replay"
	"github.com/isame-lb/isame-lb/engine/sample"
	"github.com/isame-lb/isame-lb/pool"
	"github.com/isame-lb/isame-lb/pool/end"
	"github.com/isame-lb/isame-lb/pool/socket"
)

// An explanation is made by an exchange like any other, over a connection that nobody has
// made: the same functions read its head, find its route and write the answer. What they
// would write is kept from everybody. The exchange ends before it asks a backend, is never
// counted, and belongs to the goroutine that explains: no loop knows of it.

// imagined is the stream that such a connection is made of: it brings one head, and takes
// whatever is written.
type imagined struct{ head []byte }

// TryRead implements socket.Stream.
func (s *imagined) TryRead(p []byte) (int, error) {
	if len(s.head) == 0 {
		return 0, io.EOF
	}
	n := copy(p, s.head)
	s.head = s.head[n:]
	return n, nil
}

// TryWrite implements socket.Stream.
func (s *imagined) TryWrite(parts *[3][]byte, _ bool) (n int, err error) {
	for i := range parts {
		n += len(parts[i])
		parts[i] = nil
	}
	return n, nil
}

// Full implements socket.Stream.
func (s *imagined) Full() bool { return false }

// Queued implements socket.Stream.
func (s *imagined) Queued() int64 { return 0 }

// CloseWrite implements socket.Stream.
func (s *imagined) CloseWrite() error { return nil }

// Close implements socket.Stream.
func (s *imagined) Close() {}

// imaginedTLS is the same over TLS: a whole connection, as those of QUIC are, so that
// whoever asks is told that it is secure.
type imaginedTLS struct {
	imagined

	serverName string
}

// TLSState implements socket.Carrier: a session of a client without a certificate.
func (s *imaginedTLS) TLSState() tls.ConnectionState {
	return tls.ConnectionState{Version: tls.VersionTLS13, HandshakeComplete: true, ServerName: s.serverName}
}

// LocalAddr implements socket.Carrier.
func (s *imaginedTLS) LocalAddr() net.Addr { return nil }

// RemoteAddr implements socket.Carrier.
func (s *imaginedTLS) RemoteAddr() net.Addr { return nil }

// imaginedStream is the stream of HTTP/2 or HTTP/3 that the request comes as.
type imaginedStream struct{}

// Recycle implements clientStream.
func (imaginedStream) Recycle() {}

// IsTunnel implements clientStream.
func (imaginedStream) IsTunnel() bool { return false }

// Accepts implements clientStream.
func (imaginedStream) Accepts([]byte) bool { return false }

var (
	_ socket.Stream  = (*imagined)(nil)
	_ socket.Carrier = (*imaginedTLS)(nil)
	_ clientStream   = imaginedStream{}
)

// errNothingRuns is why nothing can be explained before the first configuration.
var errNothingRuns = errors.New("cannot explain: no configuration is running yet")

// setting is where a question is taken to come in.
type setting struct {
	name, why  string
	listener   *listener
	config     config.Listener
	serverName string
	peer       netip.Addr
}

// settingOf finds the listener of a question, and what its connection is like.
func (t *table) settingOf(q *explain.Question, to *explain.Target) (s setting, err error) {
	if s.name, s.why, err = t.placeOf(q, to); err != nil {
		return s, err
	}
	s.listener, s.config = t.bound[s.name], t.cfg.Listeners[s.name]
	if why := unspoken(&s.config, q.Protocol); why != "" {
		return s, fmt.Errorf("%w: listener %q does not speak %s: %s", explain.ErrQuestion, s.name, q.Protocol, why)
	}
	switch {
	case s.config.TLS != nil && q.ServerName != nil:
		s.serverName = strings.TrimSuffix(*q.ServerName, ".")
	case s.config.TLS != nil:
		s.serverName = q.Host(to)
		if _, err := netip.ParseAddr(strings.Trim(s.serverName, "[]")); err == nil {
			s.serverName = "" // clients ask for names only (RFC 6066 section 3)
		}
	case q.ServerName != nil && *q.ServerName != "":
		return s, fmt.Errorf("%w: listener %q has no TLS, so nobody asks for the name %q", explain.ErrQuestion, s.name, *q.ServerName)
	}
	if s.peer = q.Peer; !s.peer.IsValid() && !s.listener.isUnix() {
		s.peer = netip.AddrFrom4([4]byte{127, 0, 0, 1})
	}
	return s, nil
}

// unspoken says why a listener does not speak a protocol, "" where it does.
func unspoken(c *config.Listener, protocol string) string {
	switch protocol {
	case explain.HTTP3:
		if !c.HTTP3 {
			return "http3 is off"
		}
	case explain.HTTP2, explain.GRPC:
		switch {
		case c.TLS != nil && !c.HTTP2:
			return "http2 is off"
		case c.TLS == nil && !c.H2C:
			return "it has no TLS, and h2c is off"
		}
	}
	return ""
}

// placeOf is the listener that a question is about, and why.
func (t *table) placeOf(q *explain.Question, to *explain.Target) (name, why string, err error) {
	names := slices.Sorted(maps.Keys(t.cfg.Listeners))
	if q.Listener != "" {
		i := slices.IndexFunc(names, func(name string) bool {
			return name == q.Listener || t.cfg.Listeners[name].Address == q.Listener || t.bound[name].Addr() == q.Listener
		})
		if i < 0 {
			return "", "", fmt.Errorf("%w: there is no listener %q%s", explain.ErrQuestion, q.Listener, config.DidYouMean(q.Listener, names))
		}
		return names[i], "it was asked for", nil
	}
	switch len(names) {
	case 0:
		return "", "", fmt.Errorf("%w: there is no listener", explain.ErrQuestion)
	case 1:
		return names[0], "it is the only one", nil
	}
	best := slices.MaxFunc(names, func(a, b string) int { return cmp.Compare(t.fit(a, q, to), t.fit(b, q, to)) })
	return best, fitText(t.fit(best, q, to)), nil
}

// What makes a listener fit, the most important last.
const (
	fitsPort = 1 << iota
	fitsScheme
	fitsProtocol
)

// fit is how well a listener fits: who says http or https means what it speaks, and a port
// is meant where one listens on it. Of two that fit alike the first by name is taken.
func (t *table) fit(name string, q *explain.Question, to *explain.Target) (fit int) {
	c := t.cfg.Listeners[name]
	if unspoken(&c, q.Protocol) == "" {
		fit |= fitsProtocol
	}
	if to.Scheme != "" && (to.Scheme == "https") == (c.TLS != nil) {
		fit |= fitsScheme
	}
	if port := portAsked(to); port != 0 && port == t.bound[name].port {
		fit |= fitsPort
	}
	return fit
}

func fitText(fit int) string {
	switch {
	case fit&fitsScheme != 0 && fit&fitsPort != 0:
		return "it has the scheme and the port of the URL"
	case fit&fitsPort != 0:
		return "it has the port of the URL"
	case fit&fitsScheme != 0:
		return "it is the first one with the scheme of the URL"
	}
	return "it is the first one by name"
}

// portAsked is the port of a URL, that of its scheme where it has none; 0 is not known.
func portAsked(to *explain.Target) uint16 {
	if i := strings.LastIndexByte(to.Authority, ':'); i >= 0 && !strings.HasSuffix(to.Authority, "]") {
		port, _ := strconv.ParseUint(to.Authority[i+1:], 10, 16) // 0 where it is none
		return uint16(port)
	}
	return map[string]uint16{"http": 80, "https": 443}[to.Scheme]
}

// imagine makes an exchange whose client has sent head, and no byte more, and which t
// decides about.
func (e *Engine) imagine(t *table, s *setting, protocol string, head []byte) *exchange {
	var of socket.Stream = &imagined{head: head}
	if s.config.TLS != nil {
		of = &imaginedTLS{imagined{head: head}, s.serverName}
	}
	sock := &socket.Conn{}
	sock.BeginStream(e.loops[0], of, nil)
	sock.Suspect() // there is something to read
	c := &conn{Conn: sock, shard: s.listener.shards[0], sni: s.serverName}
	if s.peer.IsValid() {
		c.setPeer(s.peer)
	}
	switch protocol {
	case explain.HTTP2, explain.GRPC:
		c.stream, c.via = imaginedStream{}, via20
	case explain.HTTP3:
		c.stream, c.via = imaginedStream{}, via30
	}
	x := newExchange()
	x.c = c
	x.forget()
	x.startNanos, x.reached = socket.Nanos(), end.PhaseRead // as begin does it for the table that runs
	x.table, x.policy = t, t.listener(s.listener.slot)
	x.bodyBytesMax = x.policy.bodyBytesMax
	c.in.Sized(x.policy.headerBytesMax)
	return x
}

// forgetImagined gives back what an exchange of imagine holds. It is not used again.
func (x *exchange) forgetImagined() {
	x.c.in.Unpin()
	x.c.in.Release()
	x.closeFile()
	if x.staged {
		x.call.Held.Release()
	}
}

// fate is what t makes of a request that was served on the listener that it calls name. It
// is found by the exchange that explains, in short: what health, limits and chance say at
// this moment is left out, so that two tables differ by what they say alone.
func (e *Engine) fate(t *table, name string, h *sample.Head) replay.Fate {
	s := setting{name: name, listener: t.bound[name], config: t.cfg.Listeners[name], serverName: h.ServerName, peer: h.Peer}
	protocol := [...]string{sample.HTTP1: explain.HTTP1, sample.HTTP2: explain.HTTP2, sample.HTTP3: explain.HTTP3}[h.Version]
	switch {
	case s.config.TLS != nil && !h.Secure:
		return replay.Fate{Answer: "the listener speaks TLS, and the client does not"}
	case s.config.TLS == nil && h.Secure:
		return replay.Fate{Answer: "the listener does not speak TLS, and the client does"}
	}
	if why := unspoken(&s.config, protocol); why != "" {
		return replay.Fate{Answer: "the listener does not speak " + protocol + ": " + why}
	}
	x := e.imagine(t, &s, protocol, h.Text())
	defer x.forgetImagined()
	next := x.read()
	w := &explaining{x: x, out: &explain.Explanation{}, replays: true}
	w.certificate(&s)
	switch {
	case w.out.Certificate != nil && w.out.Certificate.Refused:
		return replay.Fate{Answer: "the TLS handshake ends with an alert"}
	case next != atRoute:
		w.reply("the parser of requests")
	default:
		w.route()
	}
	return replay.FateOf(w.out)
}

// taken notes the route that has taken the request.
func (w *explaining) taken() {
	if r := w.x.route; r != nil {
		w.out.Route = &explain.Route{Name: r.name}
	}
}

// lots notes the pools that the request may go to, by their weights alone.
func (w *explaining) lots() {
	x, r := w.x, w.x.route
	f := &explain.Forward{}
	w.out.Forward = f
	key, keyed := x.splitKey()
	if keyed && r.splitOn.Kind == pool.HashHeader && string(affinity.Part(r.splitOn, &x.head, x.path)) == sample.Hidden {
		keyed = false
	}
	total := 0
	for i := range r.pools {
		if r.split != nil {
			total += r.split.Weight(i)
		}
	}
	for i, p := range r.pools {
		share := 1.
		switch {
		case r.split == nil:
		case keyed:
			if r.split.Of(key, nil) != i {
				continue
			}
		default:
			share = float64(r.split.Weight(i)) / float64(total)
		}
		if share > 0 {
			f.Pools = append(f.Pools, explain.Pool{Name: p.Name(), Share: share})
		}
	}
}
