package explain

import (
	"errors"
	"fmt"
	"net/netip"
	"strings"
)

// Question is a request as somebody asks about it.
type Question struct {
	// Method is GET where nothing is said, POST for grpc.
	Method string
	// URL is absolute, begins with a host, or with / where a field names the host; * is
	// that of OPTIONS.
	URL string
	// Fields are the field lines, in their order.
	Fields []Field
	// Peer is the address of the socket's other end; not valid is that of this machine.
	Peer netip.Addr
	// Listener is a name or an address; empty is the first one that fits.
	Listener string
	// ServerName is that of the TLS handshake; nil is the host of the URL.
	ServerName *string
	// Protocol is http1, h2, h3, grpc or websocket; empty is http1.
	Protocol string
}

// The words of Question.Protocol.
const (
	HTTP1     = "http1"
	HTTP2     = "h2"
	HTTP3     = "h3"
	GRPC      = "grpc"
	WebSocket = "websocket"
)

// ErrQuestion is what is wrong with a question: it is no request that a client could send.
var ErrQuestion = errors.New("cannot explain")

func wrong(format string, args ...any) error {
	return fmt.Errorf("%w: %s", ErrQuestion, fmt.Sprintf(format, args...))
}

// Target is what a question asks for, taken apart.
type Target struct {
	Method    string
	Scheme    string // http, https, or nothing where the URL does not say
	Authority string // of the URL; empty where it has none
	Path      string // with the query, as it is sent
}

// Target takes the question apart. The error is of ErrQuestion.
func (q *Question) Target() (t Target, err error) {
	switch q.Protocol {
	case "", HTTP1, HTTP2, HTTP3, GRPC, WebSocket:
	default:
		return t, wrong("protocol %q is not one of http1, h2, h3, grpc, websocket", q.Protocol)
	}
	if err := q.checkText(); err != nil {
		return t, err
	}
	t.Method = q.Method
	if t.Method == "" {
		t.Method = "GET"
		if q.Protocol == GRPC {
			t.Method = "POST"
		}
	}
	if err := t.split(q.URL); err != nil {
		return t, err
	}
	if t.Authority == "" && q.host() == "" {
		return t, wrong("the URL names no host: give http://HOST/PATH, or the field Host")
	}
	return t, nil
}

// split takes a URL apart without changing a byte of its path: what the parser says of that
// is a part of the explanation. The fragment is not sent by clients.
func (t *Target) split(url string) error {
	url, _, _ = strings.Cut(url, "#")
	switch {
	case url == "":
		return wrong("there is no URL")
	case url == "*", url[0] == '/':
		t.Path = url
		return nil
	}
	if scheme, rest, found := strings.Cut(url, "://"); found && !strings.ContainsAny(scheme, "/?") {
		t.Scheme, url = strings.ToLower(scheme), rest
		switch t.Scheme {
		case "http", "https":
		case "ws", "wss":
			t.Scheme = "http" + strings.TrimPrefix(t.Scheme, "ws")
		default:
			return wrong("scheme %q is not one of http, https", scheme)
		}
	}
	end := strings.IndexAny(url, "/?")
	if end < 0 {
		end = len(url)
	}
	if t.Authority, t.Path = url[:end], url[end:]; strings.Contains(t.Authority, "@") {
		return wrong("the URL has a user: give Authorization instead, as clients do")
	}
	if t.Authority == "" {
		return wrong("the URL names no host")
	}
	if t.Path == "" || t.Path[0] == '?' {
		t.Path = "/" + t.Path
	}
	return nil
}

// checkText refuses what would end a line of a request: no client can send it.
func (q *Question) checkText() error {
	for _, text := range []struct{ what, text string }{{"method", q.Method}, {"url", q.URL}} {
		if strings.ContainsAny(text.text, "\r\n\x00") {
			return wrong("the %s has a line break or a NUL", text.what)
		}
	}
	for i := range q.Fields {
		f := &q.Fields[i]
		switch {
		case f.Name == "":
			return wrong("a field has no name")
		case strings.ContainsAny(f.Name, "\r\n\x00:") && f.Name[0] != ':':
			return wrong("the name of field %q has a line break, a colon or a NUL", f.Name)
		case strings.ContainsAny(f.Value, "\r\n\x00"):
			return wrong("the value of field %q has a line break or a NUL", f.Name)
		}
	}
	return nil
}

// host is the value of the field Host, empty without one.
func (q *Question) host() string { return q.field("Host") }

// field is the first value of a field.
func (q *Question) field(name string) string {
	for i := range q.Fields {
		if strings.EqualFold(q.Fields[i].Name, name) {
			return q.Fields[i].Value
		}
	}
	return ""
}

// has reports a field.
func (q *Question) has(name string) bool {
	for i := range q.Fields {
		if strings.EqualFold(q.Fields[i].Name, name) {
			return true
		}
	}
	return false
}

// Host is the host that the request names, without a port; empty where there is none.
func (q *Question) Host(t *Target) string {
	host := t.Authority
	if q.has("Host") {
		host = q.host()
	}
	if i := strings.LastIndexByte(host, ':'); i >= 0 && !strings.HasSuffix(host, "]") {
		host = host[:i]
	}
	return strings.TrimSuffix(host, ".")
}

// IsMultiplexed reports that the request is a stream of HTTP/2 or HTTP/3, as calls of gRPC
// are.
func (q *Question) IsMultiplexed() bool {
	return q.Protocol == HTTP2 || q.Protocol == HTTP3 || q.Protocol == GRPC
}
