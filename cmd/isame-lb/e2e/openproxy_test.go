package e2e

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"
)

// victim is a server that nobody may reach through the proxy.
type victim struct {
	t        *testing.T
	listener net.Listener
	address  string
}

func newVictim(t *testing.T) *victim {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = listener.Close() })
	return &victim{t, listener, listener.Addr().String()}
}

// wantUnseen connects to the victim itself: the kernel hands connections out in the
// order in which they came, so that ours is the first one only if nobody else's was.
func (v *victim) wantUnseen(what string) {
	v.t.Helper()
	mine, err := net.Dial("tcp", v.address)
	if err != nil {
		v.t.Fatal(err)
	}
	defer func() { _ = mine.Close() }()
	for {
		got, err := v.listener.Accept()
		if err != nil {
			v.t.Fatal(err)
		}
		_ = got.Close()
		if got.RemoteAddr().String() == mine.LocalAddr().String() {
			return
		}
		v.t.Errorf("%s: the proxy connected to the victim", what)
	}
}

// astray are requests of HTTP/1.1 that ask for V, the victim.
var astray = []string{
	"CONNECT V HTTP/1.1\r\nHost: V\r\n",
	"CONNECT V HTTP/1.1\r\nHost: a.test\r\n",
	"CONNECT V HTTP/1.0\r\n",
	"connect V HTTP/1.1\r\nHost: V\r\n",
	"CONNECT http://V/ HTTP/1.1\r\nHost: V\r\n",
	"CONNECT / HTTP/1.1\r\nHost: V\r\nConnection: upgrade\r\nUpgrade: websocket\r\n",
	"CONNECT V HTTP/1.1\r\nHost: V\r\nContent-Length: 0\r\n",
	"GET http://V/ HTTP/1.1\r\nHost: V\r\n",
	"GET http://V/ HTTP/1.1\r\nHost: a.test\r\n",
	"GET http://V HTTP/1.0\r\n",
	"GET https://V/ HTTP/1.1\r\nHost: V\r\n",
	"GET ws://V/ HTTP/1.1\r\nHost: V\r\nConnection: upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: " + websocketKey + "\r\n",
	"GET ftp://V/ HTTP/1.1\r\nHost: V\r\n",
	"POST http://V/ HTTP/1.1\r\nHost: V\r\nContent-Length: 0\r\n",
	// It is OPTIONS * (RFC 9112 section 3.2.4), which the proxy answers itself.
	"OPTIONS http://V HTTP/1.1\r\nHost: V\r\nMax-Forwards: 5\r\n",
	"TRACE http://V/ HTTP/1.1\r\nHost: V\r\n",
	"GET http://a.test@V/ HTTP/1.1\r\nHost: a.test\r\n",
	"GET http://V@a.test/ HTTP/1.1\r\nHost: a.test\r\n",
	"GET http://V#@a.test/ HTTP/1.1\r\nHost: a.test\r\n",
	"GET //V/ HTTP/1.1\r\nHost: a.test\r\n",
	"GET /\\V/ HTTP/1.1\r\nHost: a.test\r\n",
	"GET V HTTP/1.1\r\nHost: a.test\r\n",
	"GET @V/ HTTP/1.1\r\nHost: a.test\r\n",
	"GET :@V/ HTTP/1.1\r\nHost: a.test\r\n",
	"GET /http://V/ HTTP/1.1\r\nHost: a.test\r\n",
	"GET / HTTP/1.1\r\nHost: V\r\n",
	"GET / HTTP/1.1\r\nHost: a.test@V\r\n",
	"GET / HTTP/1.1\r\nHost: a.test\r\nHost: V\r\n",
	"GET / HTTP/1.1\r\nHost: a.test\r\nX-Forwarded-Host: V\r\nForwarded: host=V;for=V\r\nX-Forwarded-Server: V\r\nX-Host: V\r\nX-Original-URL: http://V/\r\n",
	"GET / HTTP/1.1\r\nHost: a.test\r\nUpgrade: V\r\nConnection: upgrade\r\n",
	"GET / HTTP/1.1\r\nHost: a.test\r\nProxy-Connection: keep-alive\r\nProxy-Authorization: Basic eDp5\r\nVia: 1.1 V\r\nAlt-Used: V\r\n",
}

// leads are answers of a backend that point to the victim, which is for clients.
func leads(address string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		set(w.Header(), "Location", "http://"+address+"/", "X-Accel-Redirect", "http://"+address+"/", "X-Sendfile", "http://"+address+"/",
			"Alt-Svc", fmt.Sprintf("http/1.1=%q", address), "Refresh", "0; url=http://"+address+"/")
		w.WriteHeader(http.StatusTemporaryRedirect)
	}
}

// TestNeverAnOpenProxy asks for another server in every way there is.
func TestNeverAnOpenProxy(t *testing.T) {
	v := newVictim(t)
	b, c := newBackend(t, leads(v.address)), newPair(t, tomorrow(), "a.test")
	p := start(t, strings.Replace(edgeConfig(c, members(b), "", ""), `web: {address: "127.0.0.1:0"}`, `web: {address: "127.0.0.1:0", h2c: true}`, 1))
	for _, listener := range []string{"web", "secure"} {
		for _, request := range astray {
			what := listener + ": " + strings.Split(request, "\r\n")[0]
			status := p.goAstray(t, listener, strings.ReplaceAll(request, "V", v.address))
			if strings.HasPrefix(status, "2") && !strings.HasPrefix(request, "OPTIONS ") || strings.HasPrefix(strings.ToUpper(request), "CONNECT ") && !strings.HasPrefix(status, "4") {
				t.Errorf("%s: got %q; want no success, and for CONNECT a refusal", what, status)
			}
			v.wantUnseen(what)
		}
		for _, fields := range astrayHTTP2(v.address) {
			what := fmt.Sprint(listener, ": ", fields)
			outcome := p.goAstrayHTTP2(t, listener, fields)
			if strings.HasPrefix(outcome, "2") || fields[1] == "CONNECT" && strings.HasPrefix(outcome, "3") && fields[2] != ":protocol" {
				t.Errorf("%s: got %q; want no success, and for CONNECT a refusal", what, outcome)
			}
			v.wantUnseen(what)
		}
	}
	if got := b.requests.Load(); got == 0 {
		t.Error("the backend saw nothing; want what is a request for it all the same")
	}
}

// connectTo opens a raw connection to a listener.
func (p *proxy) connectTo(t *testing.T, listener, protocol string) net.Conn {
	t.Helper()
	var conn net.Conn
	var err error
	if listener == "secure" {
		conn, err = dialTLS(patient(t), p.addressOf(listener), protocol)
	} else {
		conn, err = net.Dial("tcp", p.addressOf(listener))
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	_ = conn.SetDeadline(time.Now().Add(patience))
	return conn
}

// goAstray sends a request, and what a client would say to the victim behind it, and
// returns the status of the answer.
func (p *proxy) goAstray(t *testing.T, listener, head string) string {
	t.Helper()
	conn := p.connectTo(t, listener, "http/1.1")
	_, _ = io.WriteString(conn, head+"\r\nGET /behind HTTP/1.1\r\nHost: a.test\r\nConnection: close\r\n\r\n")
	answers, err := io.ReadAll(conn)
	if _, rest, ok := bytes.Cut(answers, []byte(" ")); ok {
		return string(rest[:min(3, len(rest))])
	}
	return fmt.Sprintf("%q, %v", answers, err)
}

// astrayHTTP2 are the fields of requests that ask for the victim.
func astrayHTTP2(v string) [][]string {
	return [][]string{
		{":method", "CONNECT", ":authority", v},
		{":method", "CONNECT", ":authority", v, ":path", "/", ":scheme", "http"},
		{":method", "CONNECT", ":protocol", "websocket", ":scheme", "http", ":authority", v, ":path", "/", "sec-websocket-version", "13"},
		{":method", "CONNECT", ":protocol", "websocket", ":scheme", "https", ":authority", "a.test", ":path", "http://" + v + "/"},
		{":method", "CONNECT", ":protocol", "connect-udp", ":scheme", "https", ":authority", "a.test", ":path", "/.well-known/masque/udp/" + strings.ReplaceAll(v, ":", "/") + "/"},
		{":method", "CONNECT", ":protocol", "connect-tcp", ":scheme", "https", ":authority", v, ":path", "/"},
		{":method", "GET", ":scheme", "http", ":authority", v, ":path", "/"},
		{":method", "GET", ":scheme", "http", ":authority", "a.test", ":path", "http://" + v + "/"},
		{":method", "GET", ":scheme", "http", ":authority", "a.test", ":path", "//" + v + "/"},
		{":method", "GET", ":scheme", "http", ":authority", "a.test", ":path", "@" + v + "/"},
		{":method", "GET", ":scheme", "http://" + v + "/", ":authority", "a.test", ":path", "/"},
		{":method", "GET", ":scheme", "ftp", ":authority", v, ":path", "/"},
		{":method", "GET", ":scheme", "http", ":authority", "a.test@" + v, ":path", "/"},
		{":method", "GET", ":scheme", "http", ":authority", "a.test", ":path", "/", "host", v},
		{":method", "GET", ":scheme", "http", ":path", "/", "host", v},
		{":method", "GET", ":scheme", "http", ":authority", "a.test", ":path", "/", "x-forwarded-host", v, "forwarded", "host=" + v},
	}
}

// goAstrayHTTP2 sends a request, and bytes for the victim behind it; it returns the
// status of the answer, or how the stream or the connection ended.
func (p *proxy) goAstrayHTTP2(t *testing.T, listener string, fields []string) string {
	t.Helper()
	conn := p.connectTo(t, listener, "h2")
	framer := http2.NewFramer(conn, conn)
	framer.ReadMetaHeaders = hpack.NewDecoder(4096, nil)
	var block bytes.Buffer
	enc := hpack.NewEncoder(&block)
	for i := 0; i < len(fields); i += 2 {
		_ = enc.WriteField(hpack.HeaderField{Name: fields[i], Value: fields[i+1]}) // a buffer takes all
	}
	_, _ = io.WriteString(conn, http2.ClientPreface)
	_ = framer.WriteSettings()
	_ = framer.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, BlockFragment: block.Bytes(), EndHeaders: true})
	_ = framer.WriteData(1, true, []byte("GET / HTTP/1.1\r\nHost: v\r\n\r\n"))
	for {
		f, err := framer.ReadFrame()
		if err != nil {
			return err.Error()
		}
		switch f := f.(type) {
		case *http2.MetaHeadersFrame:
			return f.PseudoValue("status")
		case *http2.RSTStreamFrame:
			return f.ErrCode.String()
		case *http2.GoAwayFrame:
			return f.ErrCode.String()
		}
	}
}
