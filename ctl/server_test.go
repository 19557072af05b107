package ctl

import (
	"compress/gzip"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/isame-lb/isame-lb/config"
	"github.com/isame-lb/isame-lb/ctl/api"
	"github.com/rs/zerolog"
)

func TestReads(t *testing.T) {
	var changes []string
	s := start(t, Options{MetricsPath: "/metrics", Sources: sampleSources(&changes)})
	for _, c := range []struct {
		name, path, fields string
		wantStatus         int
		wantType           string
		wantBody           string // contained
	}{
		{"live", "/health", "", 200, typeJSON, `{"status":"ok"}`},
		{"ready", "/ready", "", 200, typeJSON, `{"status":"ready"}`},
		{"metrics", "/metrics", "", 200, typeMetrics, "isame_config_generation 7\n"},
		{"status", "/api/v1/status", "", 200, typeJSON, `"generation":7`},
		{"status sums up pools", "/api/v1/status", "", 200, typeJSON, `{"address":"unix:/run/b.sock","up":false,"state":"enabled","health":"unhealthy","in_flight":0}`},
		{"pools", "/api/v1/pools", "", 200, typeJSON, `[{"name":"api"`},
		{"no backends are an empty list", "/api/v1/pools", "", 200, typeJSON, `"backends":[]`},
		{"one pool", "/api/v1/pools/api", "", 200, typeJSON, `"reason":"connection refused"`},
		{"escaped name", "/api/v1/pools/%61pi", "", 200, typeJSON, `{"name":"api"`},
		{"unknown pool", "/api/v1/pools/apx", "", 404, api.ProblemType, `pool \"apx\": not found: there are api, empty`},
		{"routes", "/api/v1/routes", "", 200, typeJSON, `[{"name":"all"`},
		{"certificates", "/api/v1/certificates", "", 200, typeJSON, `[{"listener":"web","name":"a.test","names":[],"state":"awaited"}]`},
		{"limits", "/api/v1/limits", "", 200, typeJSON, `"max_keys":10,"keys":0,"evicted":0,"fullest":[]}]`},
		{"listeners", "/api/v1/listeners", "", 200, typeJSON, `[{"name":"web"`},
		{"configuration is JSON", "/api/v1/config?view=effective", "", 200, typeJSON, "# json"},
		{"configuration as YAML by query", "/api/v1/config?view=effective&format=yaml", "", 200, typeYAML, "# yaml"},
		{"configuration as YAML by Accept", "/api/v1/config?view=effective", "Accept: application/yaml\r\n", 200, typeYAML, "# yaml"},
		{"configuration in another format", "/api/v1/config?view=effective&format=xml", "", 400, api.ProblemType, `format \"xml\" is not one of json, yaml`},
		{"configuration not changed", "/api/v1/config?view=effective", "If-None-Match: \"effective-g7-json\"\r\n", 304, "", ""},
		{"document", "/api/v1/openapi.json", "", 200, typeJSON, `"openapi":"3.1.0"`},
		{"index for curl", "/", "Accept: */*\r\n", 200, typeJSON, `"path":"/api/v1/status"`},
		{"index for a browser", "/", "Accept: text/html,*/*;q=0.8\r\n", 200, typeHTML, `<a href="/api/v1/status">`},
		{"no such path", "/api/v1/nothing", "", 404, api.ProblemType, `"instance":"/api/v1/nothing"`},
		{"no slash at the end", "/api/v1/status/", "", 404, api.ProblemType, ""},
		{"dots climb nowhere", "/api/v1/pools/../status", "", 404, api.ProblemType, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := raw(t, s, request("GET", c.path, c.fields, ""))
			if got.status != c.wantStatus || got.header.Get("Content-Type") != c.wantType {
				t.Errorf("got %d %q; want %d %q", got.status, got.header.Get("Content-Type"), c.wantStatus, c.wantType)
			}
			if !strings.Contains(got.body, c.wantBody) {
				t.Errorf("got body %s; want %s in it", got.body, c.wantBody)
			}
			if got.header.Get("X-Content-Type-Options") != "nosniff" || got.header.Get("Cache-Control") != "no-store" {
				t.Errorf("got header %v; want nosniff and no-store", got.header)
			}
			checkHead(t, s, c.path, c.fields, got)
		})
	}
}

// checkHead compares HEAD with the GET before it.
func checkHead(t *testing.T, s *Server, path, fields string, get answer) {
	t.Helper()
	head := raw(t, s, request("HEAD", path, fields, ""))
	if head.status != get.status || head.body != "" || head.header.Get("Content-Type") != get.header.Get("Content-Type") ||
		head.header.Get("Content-Length") != get.header.Get("Content-Length") {
		t.Errorf("HEAD: got %+v; want the head of %+v", head, get)
	}
}

func TestReadySaysWhyNot(t *testing.T) {
	s := start(t, Options{Sources: Sources{Ready: func() (bool, string) { return false, "draining" }}})
	got := raw(t, s, request("GET", "/ready", "", ""))
	if got.status != 503 || !strings.Contains(got.body, `"detail":"draining"`) {
		t.Errorf("got %+v; want 503 because of draining", got)
	}
}

func TestMissingSourceIsNotSupported(t *testing.T) {
	s := start(t, Options{MetricsPath: "/m", Dashboard: true})
	for _, e := range s.endpoints {
		path := strings.NewReplacer("{file}", "app.js", "{pool}", "p", "{address}", "a:1", "{profile}", "heap").Replace(e.pattern)
		t.Run(e.method+" "+e.pattern, func(t *testing.T) {
			fields, body := "", ""
			if e.method == "PUT" || e.method == "PATCH" {
				fields, body = jsonBody, `{"weight":1}`
			}
			got := raw(t, s, request(e.method, path, fields, body))
			want := 501
			if slices.Contains([]string{"/", "/health", "/ready", "/api/v1/openapi.json", "/debug/pprof/", "/debug/pprof/{profile}", "/assets/{file}"}, e.pattern) {
				want = 200
			}
			if e.pattern == "/api/v1/session" { // needs no source
				want = map[string]int{"POST": 422, "DELETE": 204}[e.method]
			}
			if got.status != want || (want == 501 && !strings.Contains(got.body, "not supported yet")) {
				t.Errorf("got %d %s; want %d", got.status, got.body, want)
			}
		})
	}
}

func TestNoMetricsPathNoMetrics(t *testing.T) {
	s := start(t, Options{Sources: Sources{WriteMetrics: func(io.Writer, string) string { return typeMetrics }}})
	if got := raw(t, s, request("GET", "/metrics", "", "")); got.status != 404 {
		t.Errorf("got %d; want 404", got.status)
	}
	if strings.Contains(string(s.document), "getMetrics") {
		t.Error("the document describes metrics that are switched off")
	}
}

func TestMethodNotAllowedNamesThoseThatAre(t *testing.T) {
	s := start(t, Options{})
	for _, c := range []struct{ method, path, want string }{
		{"POST", "/health", "GET, HEAD"},
		{"GET", "/api/v1/reload", "POST"},
		{"DELETE", "/api/v1/config", "GET, HEAD, PATCH, PUT"},
		{"PUT", "/api/v1/pools/p/backends/a:1", "DELETE, GET, HEAD, PATCH"},
		{"OPTIONS", "/api/v1/status", "GET, HEAD"},
		{"TRACE", "/", "GET, HEAD"},
		{"BREW", "/ready", "GET, HEAD"},
	} {
		t.Run(c.method+" "+c.path, func(t *testing.T) {
			got := raw(t, s, request(c.method, c.path, "", ""))
			if got.status != 405 || got.header.Get("Allow") != c.want || got.header.Get("Content-Type") != api.ProblemType {
				t.Errorf("got %d %q; want 405 %q", got.status, got.header.Get("Allow"), c.want)
			}
		})
	}
}

func TestChanges(t *testing.T) {
	var changes []string
	s := start(t, Options{Sources: sampleSources(&changes)})
	for _, c := range []struct {
		name, method, path, fields, body string
		wantStatus                       int
		wantBody                         string
		wantChange                       string // empty: nothing may happen
	}{
		{"state", "PATCH", "/api/v1/pools/api/backends/10.0.0.1:8080", jsonBody, `{"state":"drain"}`, 200, `{"address":"10.0.0.1:8080"`, "patch api 10.0.0.1:8080 state drain"},
		{"weight", "PATCH", "/api/v1/pools/api/backends/10.0.0.1%3A8080", jsonBody, `{"weight":0}`, 200, "", "patch api 10.0.0.1:8080 weight 0"},
		{"both", "PATCH", "/api/v1/pools/api/backends/10.0.0.1:8080", jsonBody, `{"weight":9,"state":"enabled"}`, 200, "", "patch api 10.0.0.1:8080 state enabled weight 9"},
		{"socket, escaped", "PATCH", "/api/v1/pools/api/backends/unix:%2Frun%2Fb.sock", jsonBody, `{"weight":1}`, 200, "", "patch api unix:/run/b.sock weight 1"},
		{"socket, as it is", "PATCH", "/api/v1/pools/api/backends/unix:/run/b.sock", jsonBody, `{"weight":1}`, 200, "", "patch api unix:/run/b.sock weight 1"},
		{"unknown backend", "PATCH", "/api/v1/pools/api/backends/10.0.0.9:1", jsonBody, `{"weight":1}`, 404, `there are 10.0.0.1:8080, unix:/run/b.sock`, ""},
		{"unknown pool", "PATCH", "/api/v1/pools/x/backends/10.0.0.1:8080", jsonBody, `{"weight":1}`, 404, `pool \"x\": not found`, ""},
		{"empty patch", "PATCH", "/api/v1/pools/api/backends/10.0.0.1:8080", jsonBody, `{}`, 422, "nothing to change", ""},
		{"no patch", "PATCH", "/api/v1/pools/api/backends/10.0.0.1:8080", "", "", 400, "a JSON body is needed", ""},
		{"unknown key", "PATCH", "/api/v1/pools/api/backends/10.0.0.1:8080", jsonBody, `{"wieght":1}`, 422, `"path":"wieght","pointer":"/wieght","message":"unknown key (did you mean \"weight\"?)"`, ""},
		{"wrong type", "PATCH", "/api/v1/pools/api/backends/10.0.0.1:8080", jsonBody, `{"weight":"1"}`, 422, "weight: must be a whole number, not text", ""},
		{"two values", "PATCH", "/api/v1/pools/api/backends/10.0.0.1:8080", jsonBody, `{"weight":1}{}`, 400, "not one JSON text", ""},
		{"weight too large", "PATCH", "/api/v1/pools/api/backends/10.0.0.1:8080", jsonBody, `{"weight":65536}`, 422, "between 0 and 65535", ""},
		{"unknown state", "PATCH", "/api/v1/pools/api/backends/10.0.0.1:8080", jsonBody, `{"state":"up"}`, 422, "enabled, drain, disabled", ""},
		{"add", "POST", "/api/v1/pools/api/backends", jsonBody, `{"address":"10.0.0.1:8080","weight":3,"zone":"a"}`, 200, `{"address":"10.0.0.1:8080"`, "add api 10.0.0.1:8080 3 a"},
		{"add to an unknown pool", "POST", "/api/v1/pools/x/backends", jsonBody, `{"address":"a:1"}`, 404, `pool \"x\": not found`, ""},
		{"add with an unknown key", "POST", "/api/v1/pools/api/backends", jsonBody, `{"place":"a:1"}`, 422, "place: unknown key", ""},
		{"add what is there", "POST", "/api/v1/pools/api/backends", jsonBody, `{"address":"conflict:1"}`, 409, "has it already", ""},
		{"add what is not valid", "POST", "/api/v1/pools/api/backends", jsonBody, `{"address":"bad"}`, 422, `"detail":"the backend cannot be added"`, ""},
		{"remove", "DELETE", "/api/v1/pools/api/backends/10.0.0.1:8080", "", "", 200, `{"name":"api"`, "remove api 10.0.0.1:8080"},
		{"remove a stranger", "DELETE", "/api/v1/pools/api/backends/10.0.0.9:1", "", "", 404, "not found", ""},
		{"reload", "POST", "/api/v1/reload", "", "", 200, `{"generation":7}`, "reload"},
		{"reload with JSON", "POST", "/api/v1/reload", jsonBody, "{}", 200, `{"generation":7}`, "reload"},
		{"reload by force", "POST", "/api/v1/reload?force=1", "", "", 200, `{"generation":7}`, "reload by force"},
		{"reload by no force", "POST", "/api/v1/reload?force=false", "", "", 200, `{"generation":7}`, "reload"},
		{"reload by another word", "POST", "/api/v1/reload?force=yes", "", "", 400, "force", ""},
		{"a misspelt parameter does not apply", "PUT", "/api/v1/config?dryrun=1", jsonBody, "{}", 400, `did you mean`, ""},
		{"a parameter that comes twice", "PUT", "/api/v1/config?dry_run=1&dry_run=0", jsonBody, "{}", 400, "twice", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			changes = nil
			got := raw(t, s, request(c.method, c.path, c.fields, c.body))
			if got.status != c.wantStatus || !strings.Contains(got.body, c.wantBody) {
				t.Errorf("got %d %s; want %d with %s", got.status, got.body, c.wantStatus, c.wantBody)
			}
			if done := strings.Join(changes, "|"); done != c.wantChange {
				t.Errorf("got changes %q; want %q", done, c.wantChange)
			}
		})
	}
}

func TestErrorsOfSourcesBecomeProblems(t *testing.T) {
	problems := config.Problems{
		{Origin: config.Origin{File: "isame.yaml", Line: 3, Col: 5}, Path: "pools.api.algoritm", Message: "unknown key (did you mean algorithm?)"},
		{Origin: config.Origin{Env: "ISAME_X"}, Path: "x", Message: "unknown key"},
	}
	for _, c := range []struct {
		name       string
		err        error
		wantStatus int
		wantBody   string
	}{
		{"refused", errors.New("the last backend cannot be drained"), 422, `"detail":"the last backend cannot be drained"`},
		{"not found", fmt.Errorf("backend: %w", ErrNotFound), 404, "backend: not found"},
		{"conflict", fmt.Errorf("a reload is running: %w", ErrConflict), 409, "a reload is running"},
		{"not supported", fmt.Errorf("weights of discovered backends: %w", ErrNotSupported), 501, "not supported yet"},
	} {
		t.Run(c.name, func(t *testing.T) {
			src := sampleSources(new([]string))
			src.PatchBackend = func(string, string, api.BackendPatch, string) error { return c.err }
			s := start(t, Options{Sources: src})
			got := raw(t, s, request("PATCH", "/api/v1/pools/api/backends/10.0.0.1:8080", jsonBody, `{"weight":1}`))
			if got.status != c.wantStatus || !strings.Contains(got.body, c.wantBody) {
				t.Errorf("got %d %s; want %d with %s", got.status, got.body, c.wantStatus, c.wantBody)
			}
		})
	}
	t.Run("configuration", func(t *testing.T) {
		src := Sources{Reload: func(*Reload) (api.ReloadResult, error) {
			return api.ReloadResult{}, fmt.Errorf("cannot load: %w", problems)
		}}
		s := start(t, Options{Sources: src})
		got := raw(t, s, request("POST", "/api/v1/reload", jsonBody, "{}"))
		var p api.Problem
		if err := json.Unmarshal([]byte(got.body), &p); err != nil {
			t.Fatal(err)
		}
		want := []api.ConfigProblem{
			{Text: problems[0].String(), File: "isame.yaml", Line: 3, Column: 5, Path: "pools.api.algoritm", Message: "unknown key (did you mean algorithm?)"},
			{Text: problems[1].String(), Env: "ISAME_X", Path: "x", Message: "unknown key"},
		}
		if got.status != 422 || !slices.Equal(p.Errors, want) {
			t.Errorf("got %d %+v; want 422 %+v", got.status, p.Errors, want)
		}
	})
}

func TestPanicOfSourceEndsTheRequestOnly(t *testing.T) {
	s := start(t, Options{Sources: Sources{Pools: nil, Routes: func() []api.RouteStatus { panic("secret") }}})
	got := raw(t, s, request("GET", "/api/v1/routes", "", ""))
	if got.status != 500 || strings.Contains(got.body, "secret") {
		t.Errorf("got %+v; want 500 without the cause", got)
	}
	if got := raw(t, s, request("GET", "/health", "", "")); got.status != 200 {
		t.Errorf("afterwards: got %d; want 200", got.status)
	}
}

func TestAddressInUseNamesAdminAndAddress(t *testing.T) {
	for _, network := range []string{"tcp", "unix"} {
		t.Run(network, func(t *testing.T) {
			o := Options{Address: "127.0.0.1:0", Logger: zerolog.Nop()}
			if network == "unix" {
				o.Address = "unix:" + filepath.Join(t.TempDir(), "a.sock")
			}
			first := start(t, o)
			if network == "tcp" {
				o.Address = first.Addr().String()
			}
			err := New(o).Start()
			if !errors.Is(err, syscall.EADDRINUSE) {
				t.Fatalf("got %v; want address in use", err)
			}
			for _, part := range []string{"admin", o.Address, "already in use"} {
				if !strings.Contains(err.Error(), part) {
					t.Errorf("got %q; want %q in it", err, part)
				}
			}
		})
	}
}

func TestBeyondLoopbackNeedsToken(t *testing.T) {
	o := Options{Address: "0.0.0.0:0", Logger: zerolog.Nop()}
	if err := New(o).Start(); err == nil || !strings.Contains(err.Error(), "admin.token") {
		t.Errorf("got %v; want a refusal that names admin.token", err)
	}
	o.Token = "t"
	start(t, o)
}

func TestUnixSocket(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.sock")
	stale, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	unix, ok := stale.(*net.UnixListener)
	if !ok {
		t.Fatalf("got %T; want a unix listener", stale)
	}
	unix.SetUnlinkOnClose(false)
	if err := stale.Close(); err != nil {
		t.Fatal(err)
	}
	s := start(t, Options{Address: "unix:" + path})
	st, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if st.Mode().Perm() != socketMode {
		t.Errorf("got mode %v; want %v", st.Mode().Perm(), os.FileMode(socketMode))
	}
	if got := raw(t, s, strings.ReplaceAll(request("GET", "/health", "", ""), "$HOST", "anything.example")); got.status != 200 {
		t.Errorf("got %d; want 200 for any host", got.status)
	}
	if err := s.Shutdown(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(path); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("after Shutdown: got %v; want no file", err)
	}
}

func TestUnixSocketKeepsOtherFiles(t *testing.T) {
	path := filepath.Join(t.TempDir(), "precious")
	if err := os.WriteFile(path, []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := New(Options{Address: "unix:" + path, Logger: zerolog.Nop()}).Start(); err == nil || !strings.Contains(err.Error(), "not a socket") {
		t.Errorf("got %v; want a refusal", err)
	}
	if _, err := os.Stat(path); err != nil {
		t.Error(err)
	}
}

func TestShutdownBeforeStartAndTwice(t *testing.T) {
	s := New(Options{Logger: zerolog.Nop()})
	if err := s.Shutdown(t.Context()); err != nil {
		t.Errorf("before Start: got %v; want nil", err)
	}
	s = start(t, Options{})
	for range 2 {
		if err := s.Shutdown(t.Context()); err != nil {
			t.Errorf("got %v; want nil", err)
		}
	}
}

// failingListener fails a few times, as when descriptors are used up.
type failingListener struct {
	net.Listener
	left atomic.Int32
}

func (l *failingListener) Accept() (net.Conn, error) {
	if l.left.Add(-1) >= 0 {
		return nil, syscall.EMFILE
	}
	return l.Listener.Accept()
}

func TestAcceptOutlivesShortageOfDescriptors(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	failing := &failingListener{Listener: ln}
	failing.left.Store(2)
	patient := &patientListener{Listener: failing, stop: make(chan struct{}), logger: zerolog.Nop()}
	client, err := net.Dial("tcp", ln.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	c, err := patient.Accept()
	if err != nil {
		t.Fatalf("got %v; want a connection after the shortage", err)
	}
	if err := errors.Join(c.Close(), client.Close(), ln.Close()); err != nil {
		t.Fatal(err)
	}
	if _, err := patient.Accept(); !errors.Is(err, net.ErrClosed) {
		t.Errorf("closed: got %v; want net.ErrClosed", err)
	}
}

func TestStatusCarriesTheRate(t *testing.T) {
	src := sampleSources(new([]string))
	src.RequestsTotal = func() uint64 { return 0 }
	s := start(t, Options{Sources: src})
	s.rate.bits.Store((&rate{}).bits.Load())
	if got := raw(t, s, request("GET", "/api/v1/status", "", "")); !strings.Contains(got.body, `"requests_per_second":0,`) {
		t.Errorf("got %s; want a rate of 0", got.body)
	}
}

func TestSlowClientsAreCutOff(t *testing.T) {
	s := start(t, Options{Timeouts: Timeouts{Request: 30 * time.Millisecond, Idle: 30 * time.Millisecond}})
	for _, c := range []struct {
		name, sent string
		want       int
	}{
		{"half a header", "GET /health HTTP/1.1\r\nHost: $HOST\r\nX-", 408},
		{"half a body", "POST /api/v1/reload HTTP/1.1\r\nHost: $HOST\r\nContent-Length: 10\r\n\r\n{", 408},
	} {
		t.Run(c.name, func(t *testing.T) {
			conn := dial(t, s)
			if _, err := io.WriteString(conn, strings.ReplaceAll(c.sent, "$HOST", s.Addr().String())); err != nil {
				t.Fatal(err)
			}
			if got := readAnswer(t, conn, "GET"); got.status != c.want {
				t.Errorf("got %d; want %d", got.status, c.want)
			}
		})
	}
	t.Run("idle", func(t *testing.T) {
		conn := dial(t, s)
		if _, err := io.WriteString(conn, "GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n"); err != nil {
			t.Fatal(err)
		}
		if _, err := io.Copy(io.Discard, conn); err != nil {
			t.Errorf("got %v; want an answer and the end", err)
		}
	})
}

// TestMetricsAreWrittenAsAskedFor looks at format and coding, over several lines of a field.
func TestMetricsAreWrittenAsAskedFor(t *testing.T) {
	s := start(t, Options{MetricsPath: "/metrics", Sources: sampleSources(new([]string))})
	for _, c := range []struct{ name, fields, wantType, wantCoding string }{
		{"nothing", "", typeMetrics, ""},
		{"a format", "Accept: " + typeOpenMetrics + "\r\n", typeOpenMetrics, ""},
		{"a coding", "Accept-Encoding: br, GZIP;q=0.5\r\n", typeMetrics, "gzip"},
		{"both, in lines", "Accept: " + typeOpenMetrics + "\r\nAccept: */*;q=0.1\r\nAccept-Encoding: br\r\nAccept-Encoding: gzip\r\n", typeOpenMetrics, "gzip"},
		{"anything", "Accept-Encoding: *\r\n", typeMetrics, "gzip"},
		{"anything but", "Accept-Encoding: *, gzip;q=0\r\n", typeMetrics, ""},
		{"not", "Accept-Encoding: gzip; q=0\r\n", typeMetrics, ""},
		{"a weight that is none", "Accept-Encoding: gzip;q=x\r\n", typeMetrics, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := raw(t, s, request("GET", "/metrics", c.fields, ""))
			if got.status != 200 || got.header.Get("Content-Type") != c.wantType || got.header.Get("Content-Encoding") != c.wantCoding ||
				got.header.Get("Vary") != "Accept, Accept-Encoding" {
				t.Fatalf("got %d %v", got.status, got.header)
			}
			body := got.body
			if c.wantCoding != "" {
				r, err := gzip.NewReader(strings.NewReader(body))
				if err != nil {
					t.Fatal(err)
				}
				text, err := io.ReadAll(r)
				if err != nil {
					t.Fatal(err)
				}
				body = string(text)
			}
			if body != "isame_config_generation 7\n" {
				t.Errorf("got %q", body)
			}
		})
	}
}
