package e2e

import (
	"crypto/tls"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// behindProxies lets loopback addresses speak for clients, as they must.
const behindProxies = `, proxy_protocol: require, proxy_protocol_from: [127.0.0.1]`

func TestCurlSendsAProxyHeader(t *testing.T) {
	b, c := newBackend(t, nil), newPair(t, tomorrow(), "a.test")
	for _, tt := range []struct {
		name, configuration string
		ask                 func(p *proxy, args ...string) string
	}{
		{"clear text", strings.Replace(toPool(b), `{address: "127.0.0.1:0"}`, `{address: "127.0.0.1:0"`+behindProxies+`}`, 1), func(p *proxy, args ...string) string {
			return curl(t, append(args, p.url("/x"))...)
		}},
		{"TLS", overTLS(members(b), "", behindProxies, c), func(p *proxy, args ...string) string { return p.curlTo(c, args...) }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p := start(t, tt.configuration)
			if out := tt.ask(p, "--haproxy-protocol"); !strings.Contains(out, `"X-Forwarded-For":["127.0.0.1"]`) {
				t.Errorf("got %s; want the backend's answer", out)
			}
			dial(t, p.address()).send("GET / HTTP/1.1\r\nHost: a\r\n\r\n").wantClosed()
			p.eventuallyCounts(1, "isame_connections_failed_total", "listener", "web", "reason", "proxy_header")
		})
	}
}

// haproxyTCP is a real HAProxy that passes connections on with a header of
// version 1 or 2.
func haproxyTCP(t *testing.T, send, to string) (address string) {
	t.Helper()
	return startHAProxy(t, "tcp", `
listen l
  bind fd@3
  server s `+to+` `+send+`
`)
}

// startHAProxy runs a real HAProxy with sections of its configuration, which listen
// on a socket that it inherits, fd@3.
func startHAProxy(t *testing.T, mode, sections string) (address string) {
	t.Helper()
	binary := needProgram(t, "haproxy", "haproxy")
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = listener.Close() }()
	tcp, ok := listener.(*net.TCPListener)
	if !ok {
		t.Fatalf("got a %T", listener)
	}
	socket, err := tcp.File()
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = socket.Close() }()
	file := filepath.Join(t.TempDir(), "haproxy.cfg")
	if err := os.WriteFile(file, []byte(`
global
  nbthread 1
defaults
  mode `+mode+`
  timeout connect 5s
  timeout client 20s
  timeout server 20s
`+sections), 0o600); err != nil {
		t.Fatal(err)
	}
	log := &logBuffer{}
	command := exec.Command(binary, "-db", "-f", file)
	command.ExtraFiles = []*os.File{socket}
	command.Stdout, command.Stderr = log, log
	command.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := command.Start(); err != nil {
		t.Fatalf("cannot start haproxy: %v", err)
	}
	exited := make(chan struct{})
	go func() {
		_ = command.Wait()
		close(exited)
	}()
	t.Cleanup(func() {
		_ = command.Process.Signal(syscall.SIGTERM)
		within(t, "haproxy ends", exited)
		if t.Failed() {
			t.Logf("log of haproxy:\n%s", log)
		}
	})
	return listener.Addr().String()
}

// TestBehindHAProxy has a client of another address than HAProxy's.
func TestBehindHAProxy(t *testing.T) {
	b, c := newBackend(t, nil), newPair(t, tomorrow(), "a.test")
	p := start(t, overTLS(members(b), "", behindProxies, c))
	for _, send := range []string{"send-proxy", "send-proxy-v2", "send-proxy-v2 proxy-v2-options unique-id,crc32c", "send-proxy check inter 100ms"} {
		t.Run(send, func(t *testing.T) {
			address := haproxyTCP(t, send, p.address())
			client := &http.Client{Timeout: patience, Transport: &http.Transport{
				DialContext:     (&net.Dialer{LocalAddr: &net.TCPAddr{IP: net.IPv4(127, 0, 0, 2)}}).DialContext,
				TLSClientConfig: &tls.Config{InsecureSkipVerify: true, ServerName: "a.test"},
			}}
			defer client.CloseIdleConnections()
			for range 3 {
				a, err := tryExchange(client, request(t, http.MethodGet, "https://"+address+"/", ""))
				if err != nil {
					t.Fatal(err)
				}
				h := a.wantStatus(t, 200).seen(t).Header
				if got := h.Get("X-Forwarded-For") + " " + h.Get("X-Forwarded-Proto"); got != "127.0.0.2 https" {
					t.Errorf("got %q; want the client of HAProxy", got)
				}
			}
		})
	}
}
