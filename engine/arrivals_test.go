package engine

import (
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"testing"

	"github.com/quic-go/quic-go"

	"github.com/isame-lb/isame-lb/engine/http3/errcode"
)

// refusals is what the metrics count of connections that came too often.
func (r *rig) refusals() string {
	var page strings.Builder
	r.engine.registry.WriteMetrics(&page, "")
	for line := range strings.Lines(page.String()) {
		if rest, ok := strings.CutPrefix(line, "isame_ends_total{"); ok && strings.Contains(rest, `"connection_rate_ip"`) {
			return strings.TrimSpace(rest[strings.Index(rest, "}")+1:])
		}
	}
	return "0"
}

// TestConnectionRateOfAnAddress opens connections one after the other: each one has ended
// before the next, so that nothing but their rate counts.
func TestConnectionRateOfAnAddress(t *testing.T) {
	r := proxied(t, "limits: {connection_rate_per_ip: 1}")
	var got []string
	for range 40 {
		got = append(got, introduced(t, r, getClose, 1000))
	}
	served := strings.Count(strings.Join(got, " "), "127.0.0.1")
	if refused := strings.Count(strings.Join(got, " "), "closed"); served+refused != len(got) || refused == 0 || served == 0 {
		t.Fatalf("got %q; want some answered, the others closed", got)
	}
	if got[0] != "127.0.0.1" {
		t.Errorf("the first connection: got %q", got[0])
	}
	want := strconv.Itoa(len(got) - served)
	eventually(t, func() string { return "the metrics count " + want + ", not " + r.refusals() }, func() bool { return r.refusals() == want })
}

// TestConnectionRateCountsWhomTheHeaderNames has a proxy in front.
func TestConnectionRateCountsWhomTheHeaderNames(t *testing.T) {
	r := proxied(t, "proxy_protocol: require, trusted_proxies: [127.0.0.1], limits: {connection_rate_per_ip: 1}")
	refused := false
	for range 40 {
		refused = refused || introduced(t, r, proxyLine4+getClose, 1000) == "closed"
	}
	if !refused {
		t.Error("one address has no limit")
	}
	for i := range 40 {
		line := fmt.Sprintf("PROXY TCP4 203.0.113.%d 192.0.2.9 1234 80\r\n", i)
		if got, want := introduced(t, r, line+getClose, 1000), fmt.Sprintf("203.0.113.%d", i); got != want {
			t.Fatalf("another address: got %q; want %q", got, want)
		}
	}
}

// TestConnectionRateOverTLSAndQUIC shares one limit between both sides of a listener.
func TestConnectionRateOverTLSAndQUIC(t *testing.T) {
	text := tlsText("", ", http3: true, limits: {connection_rate_per_ip: 1}", newPair(t, tomorrow(), "a.test"))
	address := backend(t, sees)
	r := start(t, text, address)
	refused := 0
	for range 20 {
		if _, err := r.answered(asking("a.test", nil)); err != nil {
			refused++
		}
	}
	if refused == 0 {
		t.Error("TLS: no connection was refused")
	}
	var end *quic.ApplicationError
	for tries := 0; end == nil && tries < 20; tries++ {
		// The handshake is whole first, or the address could be anybody's; Dial may see the end already.
		q, err := r.dialQUIC(asking("a.test", nil))
		if err == nil {
			_, err = q.AcceptUniStream(t.Context()) // the server's control stream
		}
		if err != nil && !errors.As(err, &end) {
			t.Fatal(err)
		}
	}
	if end == nil || errcode.Code(end.ErrorCode) != errcode.ExcessiveLoad || end.ErrorMessage != "connection_rate_ip" {
		t.Errorf("HTTP/3: got %v; want a connection refused", end)
	}
	r.apply(strings.Replace(text, "connection_rate_per_ip: 1", "connection_rate_per_ip: 0", 1), address)
	for range 20 {
		c := r.dial()
		c.send("GET / HTTP/1.1\r\nHost: t\r\n\r\n")
		if all, err := io.ReadAll(c); err != nil || !strings.Contains(string(all), "400") {
			t.Fatalf("without the limit: got %q, %v", all, err)
		}
	}
}
