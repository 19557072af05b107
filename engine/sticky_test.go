package engine

import (
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/isame-lb/isame-lb/engine/affinity"
	"github.com/isame-lb/isame-lb/pool"
)

// stickyText is a pool of the backends with a sticky section.
func stickyText(section string, addresses []string) string {
	var list []string
	for _, a := range addresses {
		list = append(list, `{address: "`+a+`"}`)
	}
	return `
listeners: {web: {address: "127.0.0.1:0"}}
routes: {all: {pool: p}}
pools: {p: {sticky: {` + section + `}, circuit_breaker: {failures: 1, max_ejected_percent: 100}, backends: [` + strings.Join(list, ", ") + `]}}
shutdown: {drain: 5s}
`
}

// numbered are n backends that answer with their number, and a map from address.
func numbered(t *testing.T, n int) []string {
	t.Helper()
	var addresses []string
	for i := range n {
		addresses = append(addresses, backend(t, func(w http.ResponseWriter, _ *http.Request) {
			_, _ = w.Write([]byte(strconv.Itoa(i)))
		}))
	}
	return addresses
}

// browse sends a request with a cookie and returns which backend answered, and
// the cookie the client has then.
func (c *client) browse(cookie string) (backend, next string, set *http.Cookie) {
	c.t.Helper()
	field := ""
	if cookie != "" {
		field = "Cookie: other=1; " + cookie + "; more=2\r\n"
	}
	c.send("GET / HTTP/1.1\r\nHost: t\r\n" + field + "\r\n")
	a := c.receive("GET")
	if a.StatusCode != http.StatusOK {
		c.t.Fatalf("got %d; want 200", a.StatusCode)
	}
	for _, k := range a.Cookies() {
		return a.body, k.Name + "=" + k.Value, k
	}
	return a.body, cookie, nil
}

func TestStickyClientsStay(t *testing.T) {
	addresses := numbered(t, 3)
	text := stickyText("cookie: lb, ttl: 10m, secret: s3cret", addresses)
	r := start(t, text, "")
	c := r.dial()
	cookies := map[string]string{} // by backend
	for len(cookies) < 3 {
		b, cookie, set := c.browse("")
		if set == nil || set.Name != "lb" || !set.HttpOnly || set.SameSite != http.SameSiteLaxMode || set.Path != "/" || set.MaxAge != 600 || set.Secure {
			t.Fatalf("got the cookie %v", set)
		}
		cookies[b] = cookie
	}
	stay := func(when string, c *client) {
		t.Helper()
		for range 5 {
			for b, cookie := range cookies {
				if got, _, set := c.browse(cookie); got != b || set != nil {
					t.Fatalf("%s: the client of %s got %s and %v; want its backend and no new cookie", when, b, got, set)
				}
			}
		}
	}
	stay("at first", c)
	r.apply(text, "")
	stay("after a reload", c)
	stay("behind another proxy with the same secret", start(t, text, "").dial())
	p := r.engine.PoolSet().Pool("p")
	if err := p.Ask(addresses[1], pool.Wish{State: pool.Drain}); err != nil {
		t.Fatal(err)
	}
	stay("with a drained backend", c)
	for range 12 {
		if b, _, _ := c.browse(""); b == "1" {
			t.Error("a new client came to the drained backend")
		}
	}
	if err := p.Ask(addresses[1], pool.Wish{State: pool.Disabled}); err != nil {
		t.Fatal(err)
	}
	b, moved, set := c.browse(cookies["1"])
	if b == "1" || set == nil {
		t.Errorf("got %s and %v from a disabled backend; want another one and its cookie", b, set)
	}
	if again, _, set := c.browse(moved); again != b || set != nil {
		t.Errorf("the moved client got %s and %v; want to stay on %s", again, set, b)
	}
}

func TestStickyCookieIsAsTheSectionSays(t *testing.T) {
	addresses := numbered(t, 1)
	for _, tc := range []struct{ section, proto, want string }{
		{"", "", "; Path=/; Max-Age=3600; HttpOnly; SameSite=Lax"},
		{"", "https", "; Path=/; Max-Age=3600; HttpOnly; SameSite=Lax; Secure"},
		{"secure: never", "https", "; Path=/; Max-Age=3600; HttpOnly; SameSite=Lax"},
		{"secure: always, same_site: none", "", "; Path=/; Max-Age=3600; HttpOnly; SameSite=None; Secure"},
		{"ttl: 0s, http_only: false, same_site: strict, path: /app", "", "; Path=/app; SameSite=Strict"},
	} {
		t.Run(tc.section+tc.proto, func(t *testing.T) {
			text := strings.Replace(stickyText(tc.section, addresses), `"}}`, `", trusted_proxies: [127.0.0.1]}}`, 1)
			c := start(t, text, "").dial()
			field := ""
			if tc.proto != "" {
				field = "X-Forwarded-Proto: " + tc.proto + "\r\n"
			}
			c.send("GET / HTTP/1.1\r\nHost: t\r\n" + field + "\r\n")
			got := c.receive("GET").Header.Get("Set-Cookie")
			if !strings.HasSuffix(got, tc.want) || strings.Count(got, ";") != strings.Count(tc.want, ";") {
				t.Errorf("got %q; want %q", got, tc.want)
			}
		})
	}
}

// Lengths of the two parts of a cookie before its time.
const (
	idChars  = 11
	macChars = 22
)

func TestForgedStickyCookiesAreNoCookies(t *testing.T) {
	addresses := numbered(t, 2)
	r := start(t, stickyText("secret: one", addresses), "")
	c := r.dial()
	_, cookie, _ := c.browse("")
	_, foreign, _ := start(t, stickyText("secret: two", addresses), "").dial().browse("")
	value := strings.TrimPrefix(cookie, "isame_p=")
	flip := func(i int) string {
		b := []byte(value)
		b[i] ^= 1
		return string(b)
	}
	for _, v := range []string{
		"", "x", strings.TrimPrefix(foreign, "isame_p="), flip(0), flip(idChars + 2), flip(idChars), value[:idChars+1+macChars],
		value + "!", strings.Repeat("a", 8000), value[:idChars] + "." + strings.Repeat("A", macChars) + ".1",
	} {
		if _, _, set := c.browse("isame_p=" + v); set == nil {
			t.Errorf("the cookie %.60q was believed", v)
		}
	}
}

func TestStickyCookieIsRenewedAtHalfItsLife(t *testing.T) {
	r := start(t, stickyText("ttl: 1h", numbered(t, 3)), "")
	c := r.dial()
	b, cookie, _ := c.browse("")
	dot := strings.LastIndexByte(cookie, '.')
	for _, tc := range []struct {
		minutes int64
		renewed bool
	}{{-20, false}, {-31, true}, {-100000, true}, {+5, true}} {
		old := cookie[:dot+1] + strconv.FormatInt(affinity.Minutes(time.Now())+tc.minutes, 10)
		got, _, set := c.browse(old)
		if got != b || (set != nil) != tc.renewed {
			t.Errorf("%d minutes: got %s and %v; want %s, renewed %v", tc.minutes, got, set, b, tc.renewed)
		}
	}
}

func TestStickyClientOfADeadBackendMoves(t *testing.T) {
	addresses := append(numbered(t, 1), nobody(t))
	r := start(t, stickyText("secret: x", addresses), "")
	s := r.engine.table.Load().routes[0].pools[0].sticky
	dead, _, _ := strings.Cut(strings.TrimPrefix(string(s.Append(nil, 1, affinity.Minutes(time.Now()), false)), "Set-Cookie: "), ";")
	b, moved, set := r.dial().browse(dead)
	if b != "0" || set == nil || moved == dead {
		t.Errorf("got %s and %v; want backend 0 and its cookie", b, set)
	}
}

func TestStickyClientStaysInItsPartOfASplit(t *testing.T) {
	a := numbered(t, 2)
	text := `
listeners: {web: {address: "127.0.0.1:0"}}
routes: {all: {split: {p: 50, q: 50}}}
pools:
  p: {sticky: {}, backends: [{address: "` + a[0] + `"}]}
  q: {sticky: {}, backends: [{address: "` + a[1] + `"}]}
`
	c := start(t, text, "").dial()
	b, cookie, _ := c.browse("")
	for range 20 {
		if got, _, set := c.browse(cookie); got != b || set != nil {
			t.Fatalf("got %s and %v; want to stay on %s", got, set, b)
		}
	}
}

func TestStickyCookieIsSecureOverTLS(t *testing.T) {
	text := strings.Replace(tlsText("", "", newPair(t, tomorrow(), "a.test")), "{p: {", "{p: {sticky: {}, ", 1)
	c, _ := start(t, text, numbered(t, 1)[0]).mustDialTLS(nil)
	if _, _, set := c.browse(""); set == nil || !set.Secure {
		t.Errorf("got %v; want a Secure cookie", set)
	}
}

// A machine's own key is the same at every start.
func TestStickyWithoutSecretSurvivesARestart(t *testing.T) {
	addresses := numbered(t, 4)
	text := stickyText("", addresses)
	b, cookie, _ := start(t, text, "").dial().browse("")
	if got, _, set := start(t, text, "").dial().browse(cookie); got != b || set != nil {
		t.Errorf("got %s and %v; want %s", got, set, b)
	}
}

// TestStickyPoolsOfOneHost: a client has a cookie of each pool, and the second one does
// not take the first one's place.
func TestStickyPoolsOfOneHost(t *testing.T) {
	a, b := numbered(t, 8), numbered(t, 8)
	list := func(addresses []string) string {
		return `{sticky: {}, backends: [{address: "` + strings.Join(addresses, `"}, {address: "`) + `"}]}`
	}
	r := start(t, `
listeners: {web: {address: "127.0.0.1:0"}}
routes: {shop: {path_prefix: /shop, pool: shop}, api: {path_prefix: /api, pool: api.v1}}
pools: {shop: `+list(a)+`, api.v1: `+list(b)+`}
shutdown: {drain: 5s}
`, "")
	c := r.dial()
	jar := map[string]string{}
	visit := func(path string) string {
		var all []string
		for name, value := range jar {
			all = append(all, name+"="+value)
		}
		c.send("GET " + path + " HTTP/1.1\r\nHost: t\r\nCookie: " + strings.Join(all, "; ") + "\r\n\r\n")
		got := c.receive("GET")
		for _, k := range got.Cookies() {
			jar[k.Name] = k.Value
		}
		return got.body
	}
	shop, api := visit("/shop"), visit("/api")
	if jar["isame_shop"] == "" || jar["isame_api.v1"] == "" || len(jar) != 2 {
		t.Fatalf("got the cookies %v; want one of each pool", jar)
	}
	for range 5 {
		if one, two := visit("/shop"), visit("/api"); one != shop || two != api {
			t.Errorf("got %s and %s; want to stay on %s and %s", one, two, shop, api)
		}
	}
}
