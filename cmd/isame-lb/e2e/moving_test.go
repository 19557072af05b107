package e2e

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/crypto/bcrypt"
)

// examples are the files for people who move.
const examples = "../../../scripts/examples"

// example is a file of them with its words replaced: pairs of what and by what.
func example(t *testing.T, name string, pairs ...string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(examples, name))
	if err != nil {
		t.Fatal(err)
	}
	return strings.NewReplacer(pairs...).Replace(string(text))
}

// exampleFolder has what the examples refer to.
func exampleFolder(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	hash, err := bcrypt.GenerateFromPassword([]byte("secret"), bcrypt.MinCost)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(filepath.Join(dir, "www", "static"), 0o755); err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{
		"htpasswd": "staff:" + strings.Replace(string(hash), "$2a$", "$2y$", 1) + "\n", "www/static/a.css": "body { color: red }\n",
		"www/static/.hidden": "hidden", "upload": strings.Repeat("x", 2<<20),
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// asked is what one proxy makes of a request: what its client sees and, where it was
// forwarded, what the backend does.
type asked struct {
	Status, Location, Cache, Type, Body string
	Seen                                map[string]string
}

// ask runs curl. fields are those of the request that are compared at the backend.
func ask(t *testing.T, base string, args, fields []string) (got asked) {
	t.Helper()
	parts := strings.Split(curl(t, append([]string{
		"--write-out", "\n%{http_code}|%{redirect_url}|%header{location}|%header{cache-control}|%{content_type}",
		"--path-as-is",
	}, append(args[1:], base+args[0])...)...), "\n")
	said := strings.Split(parts[len(parts)-1], "|")
	got = asked{Status: said[0], Location: said[2], Cache: said[3], Type: strings.TrimSuffix(said[4], "; charset=utf-8"), Seen: map[string]string{}}
	body := strings.Join(parts[:len(parts)-1], "\n")
	var s seen
	if json.Unmarshal([]byte(body), &s) == nil && s.URI != "" {
		got.Seen = map[string]string{"method": s.Method, "uri": s.URI, "host": s.Host}
		for _, name := range fields {
			got.Seen[name] = s.Header.Get(name)
		}
		return got
	}
	if got.Status == "200" {
		got.Body = body
	} else {
		got.Type, got.Cache = "", "" // error pages are each one's own
	}
	return got
}

// TestSiteOfNginxIsTheSameWithIsame asks nginx and Isame, with the configurations of
// scripts/examples, for every location.
func TestSiteOfNginxIsTheSameWithIsame(t *testing.T) {
	binary := needProgram(t, "nginx", "nginx-light")
	b, dir := newBackend(t, nil), exampleFolder(t)
	front := startExampleNginx(t, binary, dir, b.address)
	p := start(t, example(t, "isame-nginx.yaml", "FRONT", "127.0.0.1:0", "BACKEND", b.address, "ROOT", dir))
	upload := "@" + filepath.Join(dir, "upload")
	for _, tc := range []struct {
		name string
		args []string // path, and what curl is told
	}{
		{"everything else", []string{"/any//thing%2Fx;y?a=1&b"}},
		{"another method", []string{"/any", "-X", "PUT", "-d", "x"}},
		{"API below a prefix", []string{"/api/users/1?x"}},
		{"API, encoded", []string{"/api/a%20b"}},
		{"WebSocket", []string{"/socket/1", "-H", "Connection: Upgrade", "-H", "Upgrade: websocket", "-H", "Sec-WebSocket-Version: 13", "-H", "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=="}},
		{"file", []string{"/static/a.css"}},
		{"file that is not there", []string{"/static/none.css"}},
		{"fixed page", []string{"/healthz"}},
		{"redirect", []string{"/old?x=1"}},
		{"login", []string{"/login"}},
		{"login, second", []string{"/login"}},
		{"login, third", []string{"/login"}},
		{"login, too many", []string{"/login"}},
		{"hidden", []string{"/a/.git/config"}},
		{"hidden, spelled", []string{"/a/%2egit/config"}},
		{"staff without password", []string{"/admin/"}},
		{"staff with another one", []string{"/admin/", "-u", "staff:wrong"}},
		{"staff", []string{"/admin/x", "-u", "staff:secret"}},
		{"upload", []string{"/upload", "-H", "Expect:", "--data-binary", upload}},
		{"upload elsewhere", []string{"/other", "-H", "Expect:", "--data-binary", upload}},
		{"version by expression", []string{"/v2/a/b?c"}},
		{"no version", []string{"/vx/a"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			args := slices.Concat(tc.args, []string{"-H", "Host: shop.test"})
			fields := []string{"X-Real-Ip", "Authorization", "Upgrade"}
			theirs, ours := ask(t, "http://"+front, args, fields), ask(t, "http://"+p.address(), args, fields)
			if strings.HasPrefix(tc.name, "hidden, spelled") && ours.Status == "403" && theirs.Status == "403" {
				return
			}
			if got, want := fmt.Sprintf("%+v", ours), fmt.Sprintf("%+v", theirs); got != want {
				t.Errorf("got  %s\nnginx %s", got, want)
			}
		})
	}
}

// startExampleNginx runs the nginx of the example and returns its address.
func startExampleNginx(t *testing.T, binary, root, backend string) string {
	t.Helper()
	user := ""
	if os.Getuid() == 0 {
		user = "user root;\n"
	}
	for range nginxStarts {
		address := freeAddress(t)
		conf := user + example(t, "nginx.conf", "FRONT", address, "BACKEND", backend, "ROOT", root)
		if err := os.WriteFile(filepath.Join(root, "nginx.conf"), []byte(conf), 0o600); err != nil {
			t.Fatal(err)
		}
		if runNginx(t, binary, root, func() string {
			r, err := http.NewRequest(http.MethodGet, "http://"+address+"/healthz", http.NoBody)
			if err != nil {
				return err.Error()
			}
			r.Host = "shop.test"
			response, err := http.DefaultClient.Do(r)
			if err != nil {
				return err.Error()
			}
			_ = response.Body.Close()
			return ""
		}) {
			return address
		}
	}
	t.Fatalf("cannot start nginx in %d tries", nginxStarts)
	return ""
}

// TestFileOfTraefikIsTheSameWithIsame asks what the nine middlewares of the example do.
func TestFileOfTraefikIsTheSameWithIsame(t *testing.T) {
	dir, b := exampleFolder(t), newBackend(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Server", "app")
		w.Header().Set("Content-Type", "text/plain")
		w.Header().Set("Saw", r.Host+r.RequestURI)
		_, _ = w.Write([]byte(strings.Repeat("compressible ", 200)))
	})
	c := newPair(t, tomorrow(), "app.test", "www.app.test")
	p := start(t, example(t, "isame-traefik.yaml", "FRONT", "127.0.0.1:0", "SECURE", "127.0.0.1:0", "BACKEND", b.address,
		"ROOT/cert.pem", c.certFile, "ROOT/key.pem", c.keyFile, "ROOT", dir))
	port := portOf(t, p.addressOf("websecure"))
	trust := []string{"--cacert", c.certFile, "--resolve", "app.test:" + port + ":127.0.0.1", "--resolve", "www.app.test:" + port + ":127.0.0.1"}
	for _, tc := range []struct {
		name, url, out, want string
		args                 []string
	}{
		{"redirectScheme", "http://" + p.address() + "/x", "%{http_code} %header{location}", "301 https://app.test/x", []string{"-H", "Host: app.test"}},
		{"headers", "https://app.test:" + port + "/", "%header{strict-transport-security}|%header{x-frame-options}|%header{x-content-type-options}|%header{server}", "max-age=31536000|DENY|nosniff|", nil},
		{"compress", "https://app.test:" + port + "/", "%header{content-encoding}", "gzip", []string{"-H", "Accept-Encoding: gzip"}},
		{"sticky", "https://app.test:" + port + "/", "%header{set-cookie}", "app_lb=", nil},
		{"stripPrefix and ipAllowList", "https://app.test:" + port + "/api/users?x", "%{http_code} %header{saw}", "200 app.test:" + port + "/users?x", nil},
		{"basicAuth", "https://app.test:" + port + "/admin", "%{http_code} %header{www-authenticate}", "401 Basic realm=\"staff\"", nil},
		{"basicAuth and inFlightReq", "https://app.test:" + port + "/admin", "%{http_code} %header{saw}", "200 app.test:" + port + "/admin", []string{"-u", "staff:secret"}},
		{"redirectRegex", "https://www.app.test:" + port + "/a?b", "%{http_code} %header{location}", "301 https://app.test/a?b", nil},
	} {
		t.Run(tc.name, func(t *testing.T) {
			args := append(append([]string{"--output", "/dev/null", "--write-out", tc.out}, trust...), append(tc.args, tc.url)...)
			if got := curl(t, args...); !strings.HasPrefix(got, tc.want) || tc.name == "headers" && got != tc.want {
				t.Errorf("got %q; want %q", got, tc.want)
			}
		})
	}
}
