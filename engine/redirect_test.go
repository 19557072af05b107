package engine

import (
	"crypto/x509"
	"crypto/x509/pkix"
	"fmt"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/isame-lb/isame-lb/config"
)

// redirectsTo is a route that redirects, and a listener for both versions of HTTP; listener and
// keys are more keys of the two.
func redirectsTo(to, listener, keys string) string {
	return `
listeners: {web: {address: "127.0.0.1:0", h2c: true` + listener + `}}
routes: {all: {redirect: {to: '` + to + `'}` + keys + `}}
shutdown: {drain: 5s}
`
}

// oneOfEach has a redirect for each variable of a request, and what others may do to it.
var oneOfEach = []struct{ name, to, want string }{
	{"method", "/{method}", "/GET"},
	{"scheme", "{scheme}://to.test/", "http://to.test/"},
	{"host", "https://{host}/", "https://test/"},
	{"port", "https://to.test:{port}/", "https://to.test:PORT/"},
	{"path", "https://to.test{path}", "https://to.test/a%2Fb//c"},
	{"path alone", "{path}/index.html#top", "/a%2Fb//c/index.html#top"},
	{"query", "/?{query}", "/?q=%0d%0ax&r"},
	{"uri", "https://to.test{uri}", "https://to.test/a%2Fb//c?q=%0d%0ax&r"},
	{"url", "{url}", "http://test:8080/a%2Fb//c?q=%0d%0ax&r"},
	{"escape", "/login?to={url|escape}", "/login?to=http%3A%2F%2Ftest%3A8080%2Fa%252Fb%2F%2Fc%3Fq%3D%250d%250ax%26r"},
	{"protocol", "/{protocol}", "/PROTOCOL"},
	{"client_ip", "/{client_ip}", "/127.0.0.1"},
	{"peer_ip", "/{peer_ip}", "/127.0.0.1"},
	{"request_id", "/{request_id}", "/ID"},
	{"route", "/{route}", "/all"},
	{"pool", "/x{pool}", "/x"},
	{"tls.sni", "/x{tls.sni}", "/x"},
	{"tls.subject", "/x{tls.subject}", "/x"},
	{"header", "/{header.X-A}", "/.//evil.test/%0D%0Ay%5C%22"},
	{"field of a peer that is not believed", "/x{header.X-Forwarded-Prefix}", "/x"},
	{"cookie", "/{cookie.c}", "/dough"},
	{"parameter", "/{query.q}", "/%0d%0ax"},
	{"parameter that is not there", "/x{query.none}", "/x"},
	{"behind a host", "https://to.test{header.X-A}", "https://to.test/evil.test/%0D%0Ay%5C%22"},
	{"behind a host, another one", "https://to.test{query}", "https://to.test/q=%0d%0ax&r"},
	{"in a host", "https://{header.X-A}.to.test/", "https://%2Fevil.test%2F%250D%250Ay%255C%2522.to.test/"},
	{"another host by the client's scheme", "//{host}{path}", "//test/a%2Fb//c"},
	{"brace", "/a{{b}", "/a%7Bb%7D"},
	{"beyond ASCII", "/ä", "/%C3%A4"},
	{"fixed", "https://to.test/new?a=b#c", "https://to.test/new?a=b#c"},
}

var anID = regexp.MustCompile(`[0-9a-f]{16,}`)

// TestRouteRedirectsByVariables asks for each over HTTP/1.1 and HTTP/2.
func TestRouteRedirectsByVariables(t *testing.T) {
	const target, field = "/a%2Fb//c?q=%0d%0ax&r", "/evil.test/%0D%0Ay\\\""
	for _, tc := range oneOfEach {
		t.Run(tc.name, func(t *testing.T) {
			r := start(t, redirectsTo(tc.to, "", ""), "")
			_, port, _ := strings.Cut(r.address, ":")
			wants := strings.NewReplacer("PORT", port, "PROTOCOL", "HTTP/1.1").Replace(tc.want)
			c := r.dial()
			for range 2 {
				c.send("GET " + target + " HTTP/1.1\r\nHost: test:8080\r\nX-A: " + field + "\r\nX-Forwarded-Prefix: /evil\r\nCookie: c=dough\r\n\r\n")
				got := c.receive("GET")
				if to := anID.ReplaceAllString(got.Header.Get("Location"), "ID"); got.StatusCode != 308 || to != wants || got.body != "" {
					t.Errorf("HTTP/1.1: got %d to %q; want 308 to %q", got.StatusCode, to, wants)
				}
			}
			wants = strings.NewReplacer("PORT", port, "PROTOCOL", "HTTP/2").Replace(tc.want)
			two := r.h2()
			status := two.ask(":method", "GET", ":scheme", "http", ":authority", "test:8080", ":path", target, "x-a", field, "x-forwarded-prefix", "/evil", "cookie", "c=dough")
			if to := anID.ReplaceAllString(two.streams[1].header("location"), "ID"); !strings.HasPrefix(status, "308") || to != wants {
				t.Errorf("HTTP/2: got %s to %q; want 308 to %q", status, to, wants)
			}
		})
	}
}

// TestRouteRedirectsByTheHandshake has variables of a connection with TLS.
func TestRouteRedirectsByTheHandshake(t *testing.T) {
	server, known := newPair(t, tomorrow(), "a.test"), newPairOf(t, &x509.Certificate{Subject: pkix.Name{CommonName: "ann"}})
	text := strings.Replace(tlsText(", client_auth: {mode: request}", ", http3: true", server), "{scheme}://{host}/here", "{scheme}://{tls.sni}.test/{tls.subject}", 1)
	r := start(t, text, backend(t, sees))
	const want = "https://a.test.test/CN=ann"
	c, _ := r.mustDialTLS(asking("a.test", known))
	if got := c.get("/away").Header.Get("Location"); got != want {
		t.Errorf("HTTP/1.1: got %q; want %q", got, want)
	}
	overTwo := asking("a.test", known)
	overTwo.NextProtos = []string{"h2"}
	raw, _ := r.mustDialTLS(overTwo)
	two := newH2conn(t, raw.Conn)
	two.ask(":method", "GET", ":scheme", "https", ":authority", "a.test", ":path", "/away")
	if got := two.streams[1].header("location"); got != want {
		t.Errorf("HTTP/2: got %q; want %q", got, want)
	}
	client, _ := r.h3Client()
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	if resp, _ := get3(t, client, "/away"); resp.Header.Get("Location") != "https://a.test.test/" { // it shows no certificate
		t.Errorf("HTTP/3: got %q", resp.Header.Get("Location"))
	}
}

// TestRouteRedirectsBelieveTrustedProxies alone.
func TestRouteRedirectsBelieveTrustedProxies(t *testing.T) {
	for trusted, want := range map[string]string{"": "http://t/127.0.0.1", ", trusted_proxies: [127.0.0.1]": "https://t/192.0.2.1"} {
		c := start(t, redirectsTo("{scheme}://{host}/{client_ip}", trusted, ""), "").dial()
		c.send("GET / HTTP/1.1\r\nHost: t\r\nX-Forwarded-Proto: https\r\nX-Forwarded-For: 192.0.2.1\r\n\r\n")
		if got := c.receive("GET").Header.Get("Location"); got != want {
			t.Errorf("%q: got %q; want %q", trusted, got, want)
		}
	}
}

// TestRouteRedirectsWhoNamesNoHost as HTTP/1.0 allows it, to the address that it has reached.
func TestRouteRedirectsWhoNamesNoHost(t *testing.T) {
	r := start(t, redirectsTo("https://{host}{uri}", "", ""), "")
	for host, want := range map[string]string{"": "https://127.0.0.1/a?b", "Host: A.test:80\r\n": "https://A.test/a?b"} {
		c := r.dial()
		c.send("GET /a?b HTTP/1.0\r\n" + host + "\r\n")
		if got := c.receive("GET"); got.StatusCode != 308 || got.Header.Get("Location") != want {
			t.Errorf("%q: got %d to %q; want 308 to %q", host, got.StatusCode, got.Header.Get("Location"), want)
		}
	}
}

// TestRouteRedirectsByClaims: a list is one line, and what could end one has no text.
func TestRouteRedirectsByClaims(t *testing.T) {
	key, file := tokenKey(t)
	text := redirectsTo("/{claim.sub}/{claim.roles}/{claim.bad}", "", ", middleware: [s]") +
		fmt.Sprintf("middleware: {s: {type: jwt, key_file: %q, algorithms: [ES256]}}\n", file)
	c := start(t, text, "").dial()
	token := tokenOf(t, key, `{"sub":"/\\evil.test","roles":["a b","c"],"bad":["a\r\nX-Evil: 1","b"],"exp":`+strconv.FormatInt(tomorrow().Unix(), 10)+`}`)
	c.send("GET / HTTP/1.1\r\nHost: t\r\nAuthorization: Bearer " + token + "\r\n\r\n")
	got := c.receive("GET")
	if to := got.Header.Get("Location"); got.StatusCode != 308 || to != "/.//%5Cevil.test/a%20b,c/" || got.Header.Get("X-Evil") != "" {
		t.Errorf("got %d to %q", got.StatusCode, to)
	}
}

// TestRouteRedirectBehindStages: they see the answer, and variables what came.
func TestRouteRedirectBehindStages(t *testing.T) {
	c := start(t, redirectsTo("https://to.test{uri}", "", ", middleware: [strip, tell]")+`
middleware:
  strip: {type: headers, request: {set: {X-A: changed}}}
  tell: {type: headers, response: {set: {X-Back: "{status}"}}}
`, "").dial()
	got := c.get("/a//b?c")
	if got.StatusCode != 308 || got.Header.Get("Location") != "https://to.test/a//b?c" || got.Header.Get("X-Back") != "308" {
		t.Errorf("got %d, %v", got.StatusCode, got.Header)
	}
}

// TestRedirectToAnyHostIsRefused names the key.
func TestRedirectToAnyHostIsRefused(t *testing.T) {
	r := start(t, redirectsTo("/", "", ""), "")
	for _, to := range []string{"https://{query.q}/", "https://{path}", "//{header.X-A}", "{scheme}://{header.Host}/"} {
		err := r.engine.Apply(parse(t, redirectsTo(to, "", ""), ""))
		if err == nil || !strings.Contains(err.Error(), "routes.all: redirect.to: leads to a host that any client may choose") {
			t.Errorf("%s: got %v", to, err)
		}
	}
	if _, err := config.Load(config.Options{Data: []byte(redirectsTo("https://{hots}/", "", "")), File: "a.yaml"}); err == nil ||
		!strings.HasSuffix(err.Error(), "routes.all.redirect.to: {hots} is no variable (did you mean {host}?)") {
		t.Errorf("got %v", err)
	}
}
