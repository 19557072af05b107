package e2e

import (
	"crypto/tls"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"testing"
)

// victim is a server that clients want to reach through the proxy, and may not.
type victim struct {
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
	return &victim{listener, listener.Addr().String()}
}

// wantNobody fails when somebody has connected: the next one who does is ours.
func (v *victim) wantNobody(t *testing.T) {
	t.Helper()
	own, err := net.Dial("tcp", v.address)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = own.Close() }()
	first, err := v.listener.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = first.Close() }()
	if first.RemoteAddr().String() != own.LocalAddr().String() {
		t.Error("the proxy has connected to an address that a client chose")
	}
}

// TestNeverAnOpenProxy asks for another server in every way that HTTP/1.1 has. What is
// a request for a resource goes to the pool, whatever authority it names; the rest is
// refused.
func TestNeverAnOpenProxy(t *testing.T) {
	b, v := newBackend(t, nil), newVictim(t)
	p := start(t, toPool(b))
	const upgrade = "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
	for _, tc := range []struct {
		name, request string
		status        int
		uri           string // that the backend sees
	}{
		{"CONNECT", "CONNECT VICTIM HTTP/1.1\r\nHost: VICTIM\r\n\r\n", 405, ""},
		{"CONNECT with a body", "CONNECT VICTIM HTTP/1.1\r\nHost: VICTIM\r\nContent-Length: 2\r\n\r\nhi", 405, ""},
		{"CONNECT in HTTP/1.0", "CONNECT VICTIM HTTP/1.0\r\n\r\n", 405, ""},
		{"CONNECT to a path", "CONNECT / HTTP/1.1\r\nHost: VICTIM\r\n\r\n", 405, ""},
		{"absolute-form", "GET http://VICTIM/x?y HTTP/1.1\r\nHost: VICTIM\r\n\r\n", 200, "/x?y"},
		{"absolute-form without a path", "GET http://VICTIM HTTP/1.1\r\nHost: VICTIM\r\n\r\n", 200, "/"},
		{"absolute-form of https", "GET https://VICTIM/x HTTP/1.1\r\nHost: VICTIM\r\n\r\n", 200, "/x"},
		{"absolute-form of another scheme", "GET ftp://VICTIM/x HTTP/1.1\r\nHost: VICTIM\r\n\r\n", 400, ""},
		{"absolute-form with another host", "GET http://VICTIM/x HTTP/1.1\r\nHost: a.test\r\n\r\n", 200, "/x"},
		{"authority-form", "GET VICTIM HTTP/1.1\r\nHost: VICTIM\r\n\r\n", 400, ""},
		{"two slashes", "GET //VICTIM/x HTTP/1.1\r\nHost: a.test\r\n\r\n", 200, "//VICTIM/x"},
		{"a host", "GET /x HTTP/1.1\r\nHost: VICTIM\r\n\r\n", 200, "/x"},
		{"an upgrade", "GET http://VICTIM/x HTTP/1.1\r\nHost: VICTIM\r\n" + upgrade + "\r\n", 200, "/x"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			before := b.requests.Load()
			a := dial(t, p.address()).send(strings.ReplaceAll(tc.request, "VICTIM", v.address)).response(http.MethodGet)
			if a.status != tc.status {
				t.Fatalf("got %d; want %d:\n%v\n%s", a.status, tc.status, a.header, a.body)
			}
			if tc.uri == "" {
				if n := b.requests.Load() - before; n != 0 {
					t.Errorf("the backend saw %d requests; want none", n)
				}
				return
			}
			if got, want := a.seen(t).URI, strings.ReplaceAll(tc.uri, "VICTIM", v.address); got != want {
				t.Errorf("the backend saw %q; want %q", got, want)
			}
		})
	}
	v.wantNobody(t)
}

// TestNeverAnOpenProxyOverHTTP2 does the same with what HTTP/2 has.
func TestNeverAnOpenProxyOverHTTP2(t *testing.T) {
	b, v := newBackend(t, nil), newVictim(t)
	p := start(t, overTLS(members(b), "", "", newPair(t, tomorrow(), "a.test")))
	transport := &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true, ServerName: "a.test"}, Protocols: new(http.Protocols)}
	transport.Protocols.SetHTTP2(true)
	t.Cleanup(transport.CloseIdleConnections)
	ask := func(t *testing.T, q *http.Request) answer {
		t.Helper()
		a, err := tryExchange(&http.Client{Transport: transport}, q)
		if err != nil {
			t.Fatal(err)
		}
		return a
	}
	t.Run("CONNECT", func(t *testing.T) {
		q := request(t, http.MethodConnect, p.url(""), "")
		q.URL, q.Host = &url.URL{Scheme: "https", Host: p.address()}, v.address
		q.Body = io.NopCloser(strings.NewReader("hi"))
		ask(t, q).wantStatus(t, http.StatusMethodNotAllowed)
		if n := b.requests.Load(); n != 0 {
			t.Errorf("the backend saw %d requests; want none", n)
		}
	})
	t.Run("an authority", func(t *testing.T) {
		q := request(t, http.MethodGet, "https://"+p.address()+"/x", "", "Host", v.address)
		if got := ask(t, q).wantStatus(t, http.StatusOK).seen(t).URI; got != "/x" {
			t.Errorf("the backend saw %q; want /x", got)
		}
	})
	v.wantNobody(t)
}
