package engine

import (
	"context"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"
)

// h2cListener is plain with HTTP/2 in clear text.
const h2cListener = `
listeners: {web: {address: "127.0.0.1:0", h2c: true}}
routes: {all: {pool: p}}
pools: {p: {backends: [{address: "{{backend}}"}]}}
shutdown: {drain: 5s}
`

// h2Client speaks HTTP/2 in clear text over one connection.
func (r *rig) h2Client() *http.Client {
	t := &http.Transport{
		Protocols: new(http.Protocols),
		DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, network, r.address)
		},
	}
	t.Protocols.SetUnencryptedHTTP2(true)
	r.t.Cleanup(t.CloseIdleConnections)
	return &http.Client{Transport: t, Timeout: 20 * time.Second}
}

func TestHTTP2RequestsReachTheBackendAsHTTP1(t *testing.T) {
	r := start(t, h2cListener, backend(t, func(w http.ResponseWriter, q *http.Request) {
		w.Header().Set("X-Seen", strings.Join([]string{
			q.Proto, q.Method, q.Host, q.RequestURI, q.Header.Get("Via"), q.Header.Get("X-Forwarded-Proto"), q.Header.Get("Cookie"),
		}, "|"))
		echo(w, q)
	}))
	c := r.h2Client()
	big := strings.Repeat("0123456789abcdef", 1<<16)
	for _, body := range []string{"", "hello", big} {
		q, err := http.NewRequest(http.MethodPost, "http://example.com/a/b?c=d", strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		q.Header.Set("Cookie", "a=1; b=2")
		resp, err := c.Do(q)
		if err != nil {
			t.Fatal(err)
		}
		got, err := io.ReadAll(resp.Body)
		_ = resp.Body.Close()
		if err != nil || string(got) != body {
			t.Fatalf("%d bytes, %v; want %d", len(got), err, len(body))
		}
		if want := "HTTP/1.1|POST|example.com|/a/b?c=d|2.0 isame|http|a=1; b=2"; resp.Header.Get("X-Seen") != want || resp.ProtoMajor != 2 {
			t.Errorf("the backend saw %q in %s; want %q", resp.Header.Get("X-Seen"), resp.Proto, want)
		}
	}
}
