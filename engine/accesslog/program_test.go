package accesslog

import (
	"flag"
	"os"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/isame-lb/isame-lb/config"
	"github.com/isame-lb/isame-lb/engine/record"
	"github.com/isame-lb/isame-lb/pool/end"
)

var update = flag.Bool("update", false, "write the table of fields into engine/observe/README.md")

// wantOfUsual is what each field says of usualEntry.
var wantOfUsual = map[string]string{
	"level": "info", "log": "access", "client": "192.0.2.17", "peer": "10.0.0.1", "request_id": "0123456789abcdef0123456789abcdef",
	"method": "GET", "host": "www.example.org", "target": "/path/to/something?page=2&token=***", "status": "502", "took_ms": "12.345",
	"backend_ms": "11.000", "bytes_in": "456", "bytes_out": "7890", "listener": "web", "protocol": "HTTP/1.1", "route": "all", "pool": "api",
	"backend": "10.0.0.2:8080", "attempts": "2", "no_retry": "budget", "cause": "connect_refused", "side": "backend", "phase": "connect",
	"path": "/path/to/something", "query": "page=2&token=***", "user_agent": `Mozilla/5.0 (X11; Linux x86_64) "quoted"`,
	"referer": "https://a.example/from?token=***&b=1", "scheme": "https", "tls": "1.3", "cipher": "TLS_AES_128_GCM_SHA256", "sni": "www.example.org",
	"trace_id": "4bf92f3577b34da6a3ce929d0e0e4736", "generation": "3", "connect_ms": "1.500",
	"header.X-Tenant": "shop", "cookie.sid": "***", "query.page": "2",
	"time": "2000-01-01T00:00:00.000000Z",
}

// TestEveryFieldSaysWhatItIs asks each format for each field.
func TestEveryFieldSaysWhatItIs(t *testing.T) {
	for _, format := range []string{"json", "logfmt"} {
		t.Run(format, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p, e := program(format, redactedByDefault, everyField()...), usualEntry(t)
				got, err := parsers[format](lineOf(t, p, e))
				if err != nil {
					t.Fatal(err)
				}
				var names []string
				for _, g := range got {
					names = append(names, g.key)
					want, known := wantOfUsual[g.key]
					if part := strings.TrimSuffix(g.key, "_ms"); !known && part != g.key {
						want = "0.000" // of a part that took no time
					}
					if g.value == "2000-01-01T00:00:00.000000Z" || strings.HasPrefix(g.value, "2000-01-01T") {
						want = g.value // the zone is the machine's
					}
					if g.value != want {
						t.Errorf("%s: got %q; want %q", g.key, g.value, want)
					}
				}
				want := slices.DeleteFunc(everyField(), func(name string) bool { return name == "tunnel" })
				if !slices.Equal(names, want) {
					t.Errorf("got the fields %v; want %v", names, want)
				}
			})
		})
	}
}

// Parts have the names of package record, in its order.
func TestPartsAreThoseOfRecords(t *testing.T) {
	for p := range record.Parts {
		if got, want := config.AccessFields[int(fieldParts)+int(p)].Name, p.String()+"_ms"; got != want {
			t.Errorf("part %d: got %s; want %s", p, got, want)
		}
	}
	if got, want := len(config.AccessFields), int(fieldHeader); got != want {
		t.Errorf("got %d fields; want %d", got, want)
	}
}

func TestFieldsStandInTheOrderThatIsAskedFor(t *testing.T) {
	e := usualEntry(t)
	if got, want := lineOf(t, program("json", nil, "status", "client", "cause"), e), `{"status":502,"client":"192.0.2.17","cause":"connect_refused"}`; got != want {
		t.Errorf("got %s; want %s", got, want)
	}
	if got, want := lineOf(t, program("logfmt", nil, "user_agent", "status"), e), `user_agent="Mozilla/5.0 (X11; Linux x86_64) \"quoted\"" status=502`; got != want {
		t.Errorf("got %s; want %s", got, want)
	}
}

// What does not apply is left out, also where nothing is left.
func TestFieldsThatDoNotApplyAreLeftOut(t *testing.T) {
	e := &Entry{Head: headOf(t, "GET / HTTP/1.1\r\nHost: t\r\n\r\n"), IsPeer: true, Peer: "::1", Status: 200, Protocol: "HTTP/1.1"}
	for _, tc := range []struct{ format, field, want string }{
		{"json", "cause", "{}\n"},
		{"json", "user_agent", "{}\n"},
		{"json", "tunnel", "{}\n"},
		{"logfmt", "cause", ""},
		{"logfmt", "sni", ""},
		{"json", "client", `{"client":"::1"}` + "\n"},
		{"logfmt", "client", "client=::1\n"},
	} {
		if got := string(program(tc.format, nil, tc.field).Append(nil, e)); got != tc.want {
			t.Errorf("%s %s: got %q; want %q", tc.format, tc.field, got, tc.want)
		}
	}
}

// The line of a tunnel's end has what is known then, and what it was.
func TestTunnel(t *testing.T) {
	for format, want := range map[string]string{
		"json":   `{"client":"192.0.2.17","status":101,"pool":"api","tunnel":true,"cause":"drained"}`,
		"logfmt": `client=192.0.2.17 status=101 pool=api tunnel=true cause=drained`,
	} {
		e := usualEntry(t)
		e.Head, e.Tunnel, e.Status, e.End, e.Phase = nil, true, 101, end.Drained, end.PhaseTunnel
		fields := []string{"client", "method", "target", "status", "pool", "attempts", "tunnel", "cause", "user_agent", "connect_ms", "header.X-Tenant"}
		if got := lineOf(t, program(format, nil, fields...), e); got != want {
			t.Errorf("got %s; want %s", got, want)
		}
	}
}

func TestCombined(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		got := lineOf(t, program("combined", redactedByDefault), usualEntry(t))
		all, err := parseCombined(got)
		if err != nil {
			t.Fatal(err)
		}
		for _, key := range []string{"client", "method", "target", "protocol", "status", "bytes_out", "referer", "user_agent"} {
			if got, ok := value(all, key); !ok || got != wantOfUsual[key] {
				t.Errorf("%s: got %q, %v; want %q", key, got, ok, wantOfUsual[key])
			}
		}
		if at, _ := value(all, "time"); !strings.HasPrefix(at, "01/Jan/2000:") && !strings.HasPrefix(at, "31/Dec/1999:") {
			t.Errorf("got the time %q", at)
		}
	})
	e := &Entry{Head: headOf(t, "GET / HTTP/1.1\r\nHost: t\r\n\r\n"), IsPeer: true, Peer: "10.0.0.1", Status: 200, Protocol: "HTTP/2"}
	if got := lineOf(t, program("combined", nil), e); !strings.HasPrefix(got, "10.0.0.1 - - [") || !strings.HasSuffix(got, `] "GET / HTTP/2" 200 0 "-" "-"`) {
		t.Errorf("got %s", got)
	}
	e.Head.Method, e.Head.Target = nil, nil // refused before it was understood
	if got := lineOf(t, program("combined", nil), e); !strings.HasSuffix(got, `] "-" 200 0 "-" "-"`) {
		t.Errorf("got %s", got)
	}
	if got := program("combined", nil).Append(nil, &Entry{Tunnel: true}); len(got) > 0 {
		t.Errorf("the end of a tunnel: got %q; want nothing", got)
	}
}

func TestTakes(t *testing.T) {
	for _, tc := range []struct {
		name   string
		sample float64
		slow   time.Duration
		status int
		cut    bool
		took   time.Duration
		want   bool
	}{
		{"all", 1, 0, 200, false, 0, true},
		{"none", 0, 0, 200, false, time.Hour, false},
		{"a refusal of a client", 0, 0, 429, false, 0, false},
		{"an error", 0, 0, 500, false, 0, true},
		{"one that was cut", 0, 0, 200, true, 0, true},
		{"slow", 0, time.Second, 200, false, time.Second, true},
		{"not slow", 0, time.Second, 200, false, time.Second - 1, false},
	} {
		p := New(&config.AccessLog{Sample: tc.sample, Slow: tc.slow}, nil, &Clock{})
		if got := p.Takes(tc.status, tc.cut, int64(tc.took)); got != tc.want {
			t.Errorf("%s: got %v; want %v", tc.name, got, tc.want)
		}
	}
	p := New(&config.AccessLog{}, nil, &Clock{})
	if p.TakesTunnel(false, end.OK) || !p.TakesTunnel(true, end.OK) || !p.TakesTunnel(false, end.BackendGone) {
		t.Error("tunnels: want those whose exchange was logged, and those that ended badly")
	}
}

// A second is rendered once; a shard that is a little behind it is given its begin.
func TestClock(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var c Clock
		began := time.Now()
		now := func() int64 { return int64(time.Since(began)) + 77 }
		text := func(nanos int64) string { return string(c.at(nanos).appendTime(nil, nanos)[:26]) }
		first := c.at(now())
		if got := text(now() + 123_456_789); !strings.HasSuffix(got, ":00.123456") {
			t.Errorf("got %s", got)
		}
		if got := text(now() - 5); !strings.HasSuffix(got, ":00.000000") || c.at(now()) != first {
			t.Errorf("got %s of a clock that is behind", got)
		}
		<-time.After(1250 * time.Millisecond)
		if got := text(now()); !strings.HasSuffix(got, ":01.250000") {
			t.Errorf("got %s", got)
		}
	})
}

// TestReadmeListsTheFields compares the table of the reference with the list; -update
// writes it.
func TestReadmeListsTheFields(t *testing.T) {
	const file, head = "../observe/README.md", "| field | usual | |\n|---|---|---|\n"
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, found := strings.Cut(string(text), head)
	table, after, _ := strings.Cut(rest, "\n\n")
	if !found {
		t.Fatal("there is no table of fields")
	}
	var want strings.Builder
	for _, f := range config.AccessFields {
		usual := ""
		if f.Usual {
			usual = "yes"
		}
		want.WriteString("| `" + f.Name + "` | " + usual + " | " + f.Text + " |\n")
	}
	want.WriteString("| `header.NAME`, `cookie.NAME`, `query.NAME` | | the first field of the request's head, cookie or parameter of this name, as it came |")
	if table == want.String() {
		return
	}
	if *update {
		if err := os.WriteFile(file, []byte(before+head+want.String()+"\n\n"+after), 0o600); err != nil {
			t.Fatal(err)
		}
		return
	}
	t.Errorf("README.md has\n%s\nwant\n%s", table, want.String())
}
