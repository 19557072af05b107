package engine

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

// written is a file of a test.
func written(t *testing.T, text string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "file")
	rewrite(t, file, text)
	return file
}

func rewrite(t *testing.T, file, text string) {
	t.Helper()
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func sumOf(key string) string {
	sum := sha256.Sum256([]byte(key))
	return hex.EncodeToString(sum[:])
}

// secretHash is the bcrypt of "secret".
const secretHash = "$2y$05$abcdefghijklmnopqrstuuOQiyCxlgf/oeuTqixKmWdcYUh4Hjl0a"

func basic(name, password string) string {
	return "Authorization: Basic " + base64.StdEncoding.EncodeToString([]byte(name+":"+password))
}

// issuerKey is a key for ES256 with the file of its public half.
func issuerKey(t testing.TB) (key *ecdsa.PrivateKey, file string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKIXPublicKey(key.Public())
	if err != nil {
		t.Fatal(err)
	}
	file = filepath.Join(t.TempDir(), "key.pem")
	if err := os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}), 0o600); err != nil {
		t.Fatal(err)
	}
	return key, file
}

// issued is a token, good for an hour unless the claims say otherwise.
func issued(t testing.TB, key *ecdsa.PrivateKey, claims jwt.MapClaims) string {
	t.Helper()
	if claims["exp"] == nil {
		claims["exp"] = time.Now().Add(time.Hour).Unix()
	}
	text, err := jwt.NewWithClaims(jwt.SigningMethodES256, claims).SignedString(key)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// expect asks, and compares the status and what a backend sees.
func (r *rig) expect(target, lines string, status int, seen string) {
	r.t.Helper()
	var fields []string
	if lines != "" {
		fields = strings.Split(lines, "|")
	}
	resp, body := r.ask("GET", target, fields...)
	if resp.StatusCode != status || !strings.Contains(body, seen) {
		r.t.Errorf("%s %s: got %d\n%s; want %d and %q", target, lines, resp.StatusCode, body, status, seen)
	}
}

// refused is what Apply says of stages whose files were good when they were checked.
func refused(t *testing.T, stage, want string) {
	t.Helper()
	r := staged(t, "other: {type: headers}", "middleware: [other]")
	cfg := parse(t, `
listeners: {web: {address: "127.0.0.1:0"}}
routes: {all: {pool: p, middleware: [s]}}
pools: {p: {backends: [{address: "127.0.0.1:1"}]}}
middleware: {s: `+stage+"}\n", "")
	if err := r.engine.Apply(cfg); err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("got %v; want %s", err, want)
	}
	r.expect("/", "", 200, "")
}

func TestIPFilter(t *testing.T) {
	t.Parallel()
	file := written(t, "10.0.0.0/8\n127.0.0.0/9 # the test itself\n")
	r := staged(t, fmt.Sprintf(`
some: {type: ip_filter, allow: [10.0.0.0/8], status: 404, when: {path: /allow}}
none: {type: ip_filter, deny: [127.0.0.1], when: {path: /deny}}
listed: {type: ip_filter, files: [%q], when: {path: /files}}
both: {type: ip_filter, allow: [127.0.0.1], files: [%q], when: {path: /both}}
`, file, file), "middleware: [some, none, listed, both]")
	r.expect("/", "", 200, "")
	r.expect("/allow", "", 404, "address_denied")
	r.expect("/deny", "X-Forwarded-For: 10.0.0.1", 403, "address_denied")
	r.expect("/files", "", 403, "address_denied")
	r.expect("/both", "", 200, "")
	rewrite(t, file, "10.0.0.0/8\n")
	eventually(t, func() string { return "the changed file is in force" }, func() bool {
		resp, _ := r.ask("GET", "/files")
		return resp.StatusCode == 200
	})
	refused(t, fmt.Sprintf("{type: ip_filter, files: [%q]}", written(t, "10.0.0.0/8\nlocalhost\n")), `file:2: cannot read address "localhost"`)
}

func TestAPIKey(t *testing.T) {
	t.Parallel()
	file := written(t, "# keys\nbob:"+sumOf("b1")+"\n")
	r := staged(t, fmt.Sprintf(`
field: {type: api_key, keys: [{name: ann, sha256: %q}], keys_file: %q, name_header: X-Consumer, when: {path: /field}}
query: {type: api_key, in: "query:key", keys: [{name: ann, sha256: %q}], when: {path: /query}}
cookie: {type: api_key, in: "cookie:key", keys: [{name: ann, sha256: %q}], when: {path: /cookie}}
`, sumOf("a1"), file, sumOf("a1"), sumOf("a1")), "middleware: [field, query, cookie]")
	r.expect("/field", "X-API-Key: a1|X-Consumer: root", 200, "X-Consumer: ann\r\n")
	r.expect("/field", "X-API-Key: b1", 200, "X-Consumer: bob\r\n")
	r.expect("/field", "X-API-Key: b2", 401, "unauthorized")
	r.expect("/field", "X-API-Key: a1|X-API-Key: a1", 401, "unauthorized")
	r.expect("/field", "X-API-Key: ", 401, "unauthorized")
	r.expect("/query?x=1&key=a1", "", 200, "")
	r.expect("/query?key=a1&x=1&key=a1", "", 401, "unauthorized")
	r.expect("/query?key&key=a1", "", 401, "unauthorized")
	r.expect("/query?key=a", "X-API-Key: a1", 401, "unauthorized")
	r.expect("/cookie", "Cookie: a=b; key=a1", 200, "")
	r.expect("/cookie", "", 401, "unauthorized")
	resp, _ := r.ask("GET", "/field")
	if got, there := resp.Header["Www-Authenticate"]; there {
		t.Errorf("challenged with %q; want none where the key is not in Authorization", got)
	}
	rewrite(t, file, "bob:"+sumOf("b2")+"\n")
	eventually(t, func() string { return "the changed keys_file is in force" }, func() bool {
		resp, _ := r.ask("GET", "/field", "X-API-Key: b2")
		return resp.StatusCode == 200
	})
	refused(t, fmt.Sprintf("{type: api_key, keys_file: %q}", written(t, "bob:b1\n")), "file:1: the SHA-256 of a key is 64 hexadecimal digits")
}

func TestBasicAuth(t *testing.T) {
	t.Parallel()
	file := written(t, "bob:"+secretHash+"\n")
	r := staged(t, fmt.Sprintf(`
off: {type: basic_auth, users: [%q], users_file: %q, realm: "The realm", user_header: X-User, unless: {path: /forward}}
on: {type: basic_auth, users: [%q], forward: true, when: {path: /forward}}
`, "ann:"+secretHash, file, "ann:"+secretHash), "middleware: [off, on]")
	r.expect("/", basic("ann", "secret")+"|X-User: root", 200, "X-User: ann\r\n")
	r.expect("/", basic("ann", "secret"), 200, "X-User: ann\r\n") // from the cache
	r.expect("/", basic("bob", "secret"), 200, "X-User: bob\r\n")
	r.expect("/", basic("ann", "Secret"), 401, "unauthorized")
	r.expect("/", basic("ann", "secret")+"|"+basic("bob", "secret"), 401, "unauthorized")
	r.expect("/", "Authorization: Bearer x", 401, "unauthorized")
	r.expect("/forward", basic("ann", "secret"), 200, basic("ann", "secret"))
	if _, body := r.ask("GET", "/", basic("ann", "secret")); strings.Contains(body, "Authorization") {
		t.Errorf("the backend sees\n%s; want no Authorization without forward", body)
	}
	if resp, _ := r.ask("GET", "/"); resp.Header.Get("Www-Authenticate") != `Basic realm="The realm", charset="UTF-8"` {
		t.Errorf("challenged with %q; want the realm", resp.Header.Get("Www-Authenticate"))
	}
	rewrite(t, file, "eve:"+secretHash+"\n")
	eventually(t, func() string { return "the changed users_file is in force" }, func() bool {
		resp, _ := r.ask("GET", "/", basic("eve", "secret"))
		return resp.StatusCode == 200
	})
	r.expect("/", basic("bob", "secret"), 401, "unauthorized")
	refused(t, fmt.Sprintf("{type: basic_auth, users_file: %q}", written(t, "\nbob:$apr1$x$y\n")), `file:2: cannot use the hash of "bob": MD5 (apr1`)
}

// A password is waited for no longer than the exchange may last.
func TestBasicAuthThatTakesTooLong(t *testing.T) {
	const rounds = "$6$rounds=1000000$x$QSmr1Bx2g4O6BzKvdkgOcyU6H91X6I/XBv5pSalMhSPkwdH6Beo3F455xZJg0v//bxVK5F4OE5k1.0xuR26MK0"
	r := staged(t, fmt.Sprintf("s: {type: basic_auth, users: [%q]}", "ann:"+rounds), "middleware: [s]\ntimeout: 100ms")
	resp, body := r.ask("GET", "/", basic("ann", "secret"))
	if resp.StatusCode != 503 || resp.Header.Get("Retry-After") == "" || !strings.Contains(body, "auth_busy") {
		t.Errorf("got %d %q; want 503 at the end of the exchange's time", resp.StatusCode, body)
	}
}

// keysOf is a JSON Web Key Set of public keys, by their kid.
func keysOf(t *testing.T, keys map[string]interface{ Bytes() ([]byte, error) }) []byte {
	t.Helper()
	var list []map[string]string
	for kid, key := range keys {
		point, err := key.Bytes()
		if err != nil {
			t.Fatal(err)
		}
		encode := base64.RawURLEncoding.EncodeToString
		list = append(list, map[string]string{"kty": "EC", "crv": "P-256", "kid": kid, "x": encode(point[1:33]), "y": encode(point[33:])})
	}
	text, err := json.Marshal(map[string]any{"keys": list})
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func TestJWT(t *testing.T) {
	key, keyFile := issuerKey(t)
	set := keysOf(t, map[string]interface{ Bytes() ([]byte, error) }{"one": &key.PublicKey})
	r := staged(t, fmt.Sprintf(`
file: {type: jwt, key_file: %q, algorithms: [ES256, EdDSA], issuer: me, audience: [shop, pay], leeway: 1m, when: {path: /file}}
set: {type: jwt, jwks_file: %q, algorithms: ES256, in: "query:token", claims: {scope: [read, write]}, when: {path: /set}}
free: {type: jwt, key_file: %q, algorithms: ES256, in: "cookie:token", optional: true, headers: {X-User: sub}, when: {path: /free}}
`, keyFile, written(t, string(set)), keyFile), "middleware: [file, set, free]")
	bearer := func(claims jwt.MapClaims) string { return "Authorization: Bearer " + issued(t, key, claims) }
	good := jwt.MapClaims{"iss": "me", "aud": []string{"x", "pay"}, "exp": time.Now().Add(-30 * time.Second).Unix()}
	r.expect("/file", bearer(good), 200, "Authorization: Bearer ")
	r.expect("/file", bearer(good)+"|"+bearer(good), 401, "unauthorized")
	for want, claims := range map[string]jwt.MapClaims{
		"wrong_issuer":   {"iss": "you", "aud": "shop"},
		"wrong_audience": {"iss": "me", "aud": "x"},
		"expired":        {"iss": "me", "aud": "shop", "exp": time.Now().Add(-90 * time.Second).Unix()},
		"not_yet":        {"iss": "me", "aud": "shop", "nbf": time.Now().Add(90 * time.Second).Unix()},
	} {
		resp, _ := r.ask("GET", "/file", bearer(claims))
		if got := resp.Header.Get("Www-Authenticate"); resp.StatusCode != 401 || got != `Bearer error="invalid_token", error_description="`+want+`"` {
			t.Errorf("%v: got %d %q; want %s", claims, resp.StatusCode, got, want)
		}
	}
	r.expect("/set?token="+issued(t, key, jwt.MapClaims{"scope": []string{"write"}}), "", 200, "")
	r.expect("/set?token="+issued(t, key, jwt.MapClaims{"scope": "list"}), "", 403, "denied")
	r.expect("/set", bearer(jwt.MapClaims{"scope": "read"}), 401, "unauthorized")
	r.expect("/free", "Cookie: token="+issued(t, key, jwt.MapClaims{"sub": "ann"})+"|X-User: root", 200, "X-User: ann\r\n")
	r.expect("/free", "Cookie: token=x", 401, "unauthorized")
	if _, body := r.ask("GET", "/free", "X-User: root"); strings.Contains(body, "X-User") {
		t.Errorf("without a token the backend sees\n%s; want nothing of the client's own", body)
	}
	refused(t, fmt.Sprintf("{type: jwt, key_file: %q, algorithms: RS256}", keyFile), "the key is a P-256 key, which RS256 is not used with")
	refused(t, fmt.Sprintf("{type: jwt, key_file: %q, algorithms: HS256}", written(t, "short")), "the secret has 5 bytes; HS256 wants 32 or more")
}

// The keys of a URL serve as soon as they are there, and over reloads while it is down.
func TestJWTKeysOfAURL(t *testing.T) {
	key, _ := issuerKey(t)
	set := keysOf(t, map[string]interface{ Bytes() ([]byte, error) }{"one": &key.PublicKey})
	var down atomic.Bool
	var asked atomic.Int64
	keys := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		asked.Add(1)
		if down.Load() {
			w.WriteHeader(500)
			return
		}
		_, _ = w.Write(set)
	}))
	t.Cleanup(keys.Close)
	text := func(more string) string {
		return fmt.Sprintf(`
listeners: {web: {address: "127.0.0.1:0"}}
routes: {all: {pool: p, middleware: [s]}}
pools: {p: {backends: [{address: "{{backend}}"}]}}
middleware: {s: {type: jwt, jwks_url: "%s/keys", algorithms: ES256, refresh: 20s%s}}
`, keys.URL, more)
	}
	address := mirrorBackend(t)
	r := start(t, text(""), address)
	bearer := "Authorization: Bearer " + issued(t, key, jwt.MapClaims{"sub": "ann"})
	r.expect("/", bearer, 200, "")
	down.Store(true)
	r.apply(text(", headers: {X-User: sub}"), address)
	r.expect("/", bearer, 200, "X-User: ann\r\n")
	r.apply(text(", claims: {sub: ann}"), address)
	r.expect("/", bearer, 200, "")
	if asked.Load() != 1 {
		t.Errorf("%d fetches; want one", asked.Load())
	}
	lost := start(t, text(""), address)
	lost.expect("/", bearer, 503, "keys_unavailable")
	var page strings.Builder
	lost.engine.registry.WriteMetrics(&page, "")
	if want := `isame_middleware_total{middleware="s",outcome="failed"} 1`; !strings.Contains(page.String(), want) {
		t.Errorf("the metrics have no %s", want)
	}
	if err := lost.engine.Apply(parse(t, text(", leeway: 1s"), address)); err != nil {
		t.Errorf("without keys: %v; want it to be taken", err)
	}
}

// A client that leaves while it is checked is gone at once, whatever goes on beside it, and
// the others are served when that has ended.
func TestClientLeavesWhileItIsChecked(t *testing.T) {
	key, _ := issuerKey(t)
	set := keysOf(t, map[string]interface{ Bytes() ([]byte, error) }{"one": &key.PublicKey})
	release := make(chan struct{})
	keys := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		<-release
		_, _ = w.Write(set)
	}))
	t.Cleanup(keys.Close)
	r := staged(t, fmt.Sprintf(`
out: {type: headers, response: {set: {X-Out: "1"}}}
s: {type: jwt, jwks_url: "%s/keys", algorithms: ES256}
`, keys.URL), "middleware: [out, s]")
	bearer := "Authorization: Bearer " + issued(t, key, jwt.MapClaims{})
	gone := r.dial()
	gone.send("GET / HTTP/1.1\r\nHost: t\r\n" + bearer + "\r\n\r\n")
	r.waiting(1)
	stays := make(chan int, 3)
	for range cap(stays) {
		go func() {
			resp, _ := r.ask("GET", "/", bearer)
			stays <- resp.StatusCode
		}()
	}
	r.waiting(1 + cap(stays))
	_ = gone.Close()
	eventually(t, func() string { return "it was not noticed: " + r.ends() }, func() bool { return r.came("s", "client_left") == 1 })
	close(release)
	eventually(t, func() string { return "they are not served" }, func() bool { return len(stays) == cap(stays) })
	for range cap(stays) {
		if status := <-stays; status != 200 {
			t.Errorf("who has stayed: got %d; want 200", status)
		}
	}
}
