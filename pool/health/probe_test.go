package health

import (
	"bufio"
	"context"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/isame-lb/isame-lb/config"
	"github.com/isame-lb/isame-lb/pool/rig"
)

// rawBackend accepts connections, reads a request head from each, hands it to
// answer and closes. It ends with the test.
func rawBackend(t *testing.T, network string, answer func(c net.Conn, head string)) string {
	t.Helper()
	return rig.Serve(t, network, func(c net.Conn) {
		var head strings.Builder
		for r := bufio.NewReader(c); !strings.HasSuffix(head.String(), "\r\n\r\n"); {
			b, err := r.ReadByte()
			if err != nil {
				return
			}
			head.WriteByte(b)
		}
		answer(c, head.String())
	})
}

func say(s string) func(net.Conn, string) {
	return func(c net.Conn, _ string) { _, _ = c.Write([]byte(s)) }
}

func mustDefine(tb testing.TB, c config.HealthCheck) *Definition {
	tb.Helper()
	if c.Timeout == 0 {
		c.Timeout = 5 * time.Second
	}
	d, err := Define(&c)
	if err != nil {
		tb.Fatal(err)
	}
	return d
}

// look is a probe's verdict with its reason.
func look(ctx context.Context, address string, d *Definition) (good bool, reason string) {
	s := probe(ctx, address, d)
	return s.Good, s.Reason
}

func TestProbeAnswers(t *testing.T) {
	ok := "HTTP/1.1 200 OK\r\nContent-Length: 15\r\n\r\n{\"status\":\"ok\"}"
	cases := []struct {
		name   string
		check  config.HealthCheck
		answer string
		good   bool
		reason string
	}{
		{"200", config.HealthCheck{}, ok, true, "status 200"},
		{"500", config.HealthCheck{}, "HTTP/1.1 500 no\r\nContent-Length: 0\r\n\r\n", false, "status 500, want 200-299"},
		{"one of the codes", config.HealthCheck{ExpectStatus: []string{"204", "401-403"}}, "HTTP/1.1 403 no\r\n\r\n", true, "status 403"},
		{"none of the codes", config.HealthCheck{ExpectStatus: []string{"204", "401-403"}}, ok, false, "status 200, want 204, 401-403"},
		{"204 has no body", config.HealthCheck{ExpectBody: "x"}, "HTTP/1.1 204 no\r\n\r\n", false, `status 204, body does not contain "x"`},
		{"body", config.HealthCheck{ExpectBody: `"ok"`}, ok, true, "status 200"},
		{"other body", config.HealthCheck{ExpectBody: "fine"}, ok, false, `status 200, body does not contain "fine"`},
		{"chunked body", config.HealthCheck{ExpectBody: "hello"}, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nhel\r\n2\r\nlo\r\n0\r\n\r\n", true, "status 200"},
		{"body until close", config.HealthCheck{ExpectBody: "hello"}, "HTTP/1.0 200 OK\r\n\r\nhello", true, "status 200"},
		{"after an interim answer", config.HealthCheck{}, "HTTP/1.1 103 Early Hints\r\n\r\n" + ok, true, "status 200"},
		{"JSON", config.HealthCheck{ExpectJSON: map[string]string{"status": "ok"}}, ok, true, "status 200"},
		{"other JSON", config.HealthCheck{ExpectJSON: map[string]string{"status": "up"}}, ok, false, `JSON status is "ok", want "up"`},
		{"JSON without it", config.HealthCheck{ExpectJSON: map[string]string{"a.b": "1"}}, ok, false, `JSON has no a.b, want "1"`},
		{"no JSON", config.HealthCheck{ExpectJSON: map[string]string{"a": "1"}}, "HTTP/1.0 200 OK\r\n\r\nhello", false, "body is not JSON"},
		{"garbage", config.HealthCheck{}, "SSH-2.0-OpenSSH_9.2\r\n\r\n", false, "no valid answer"},
		{"nothing", config.HealthCheck{}, "", false, "connection closed before the end of the answer"},
		{"cut head", config.HealthCheck{}, "HTTP/1.1 200 OK\r\nContent-", false, "connection closed before the end of the answer"},
		{"cut body that is looked at", config.HealthCheck{ExpectBody: "x"}, "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nxy", false, "connection closed before the end of the answer"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			address := rawBackend(t, "tcp", say(c.answer))
			good, reason := look(t.Context(), address, mustDefine(t, c.check))
			if good != c.good || !strings.HasPrefix(reason, c.reason) {
				t.Errorf("got %v, %q; want %v, %q", good, reason, c.good, c.reason)
			}
		})
	}
}

func TestProbeRequest(t *testing.T) {
	for _, network := range []string{"tcp", "unix"} {
		t.Run(network, func(t *testing.T) {
			heads := make(chan string, 1)
			address := rawBackend(t, network, func(c net.Conn, head string) {
				heads <- head
				say("HTTP/1.1 200 OK\r\n\r\n")(c, head)
			})
			if good, reason := look(t.Context(), address, mustDefine(t, config.HealthCheck{Path: "/health?x=1"})); !good {
				t.Fatal(reason)
			}
			host := address
			if network == "unix" {
				host = "localhost"
			}
			want := "GET /health?x=1 HTTP/1.1\r\nHost: " + host +
				"\r\nUser-Agent: isame-lb-health\r\nAccept: */*\r\nConnection: close\r\n\r\n"
			if got := <-heads; got != want {
				t.Errorf("got %q; want %q", got, want)
			}
		})
	}
}

func TestProbeReadsAtMost64KiBOfABody(t *testing.T) {
	endless := func(c net.Conn, _ string) {
		_, _ = c.Write([]byte("HTTP/1.1 200 OK\r\n\r\n"))
		for {
			if _, err := c.Write(make([]byte, 8<<10)); err != nil {
				return
			}
		}
	}
	address := rawBackend(t, "tcp", endless)
	good, reason := look(t.Context(), address, mustDefine(t, config.HealthCheck{ExpectBody: "never"}))
	if good || !strings.Contains(reason, "does not contain") {
		t.Errorf("got %v, %q", good, reason)
	}
}

func TestProbeTimeoutBoundsEverything(t *testing.T) {
	stall := make(chan struct{})
	t.Cleanup(func() { close(stall) })
	for name, first := range map[string]string{
		"head": "", "inside the head": "HTTP/1.1 200 OK\r\n", "body": "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n",
	} {
		t.Run(name, func(t *testing.T) {
			address := rawBackend(t, "tcp", func(c net.Conn, head string) {
				say(first)(c, head)
				_, _ = c.Read(make([]byte, 1)) // until the probe gives up
			})
			d := mustDefine(t, config.HealthCheck{ExpectBody: "x", Timeout: 30 * time.Millisecond})
			good, reason := look(t.Context(), address, d)
			if good || reason != "timeout after 30ms" {
				t.Errorf("got %v, %q; want a timeout", good, reason)
			}
		})
	}
}

func TestProbeFailuresInWords(t *testing.T) {
	closed := rig.Closed(t)
	for _, kind := range []string{"http", "tcp"} {
		if good, reason := look(t.Context(), closed, mustDefine(t, config.HealthCheck{Type: kind})); good || reason != "connection refused" {
			t.Errorf("%s: got %v, %q", kind, good, reason)
		}
	}
	if _, reason := look(t.Context(), "unix:/nowhere/s", mustDefine(t, config.HealthCheck{Type: "tcp"})); reason != "no such socket" {
		t.Errorf("got %q", reason)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if good, _ := look(ctx, closed, mustDefine(t, config.HealthCheck{})); good {
		t.Error("good after it was aborted")
	}
	address := rawBackend(t, "tcp", say(""))
	if good, reason := look(t.Context(), address, mustDefine(t, config.HealthCheck{Type: "tcp"})); !good || reason != "connected" {
		t.Errorf("tcp: got %v, %q", good, reason)
	}
}

// Dead is what keeps a backend out when health is ignored: nobody is there. What
// answers, however badly, is not.
func TestProbeTellsTheDeadFromTheSick(t *testing.T) {
	closed := rig.Closed(t)
	sick := rawBackend(t, "tcp", say("HTTP/1.1 500 no\r\nContent-Length: 0\r\n\r\n"))
	for _, c := range []struct {
		name, address string
		dead          bool
	}{
		{"refused", closed, true},
		{"no such socket", "unix:/nowhere/s", true},
		{"status 500", sick, false},
		{"no such name", "nobody.invalid:80", false},
	} {
		t.Run(c.name, func(t *testing.T) {
			if s := probe(t.Context(), c.address, mustDefine(t, config.HealthCheck{})); s.Good || s.Dead != c.dead {
				t.Errorf("got %+v; want dead %v", s, c.dead)
			}
		})
	}
}

func TestJSONMatching(t *testing.T) {
	body := `{"status":"ok","db":{"up":true,"lag":3,"who":null},"build.version":"7","list":[{"x":1}]}`
	cases := []struct{ path, value, problem string }{
		{"status", "ok", ""},
		{"db.up", "true", ""},
		{"db.lag", "3", ""},
		{"db.who", "null", ""},
		{"build.version", "7", ""},
		{"list.0.x", "1", ""},
		{"db", `{"up":true,"lag":3,"who":null}`, ""},
		{"db.lag", "4", `JSON db.lag is "3", want "4"`},
		{"db.gone", "1", `JSON has no db.gone, want "1"`},
	}
	for _, c := range cases {
		t.Run(c.path+"="+c.value, func(t *testing.T) {
			d := mustDefine(t, config.HealthCheck{ExpectJSON: map[string]string{c.path: c.value}})
			if got := d.judgeJSON([]byte(body)); got != c.problem {
				t.Errorf("got %q; want %q", got, c.problem)
			}
		})
	}
}

func FuzzProbeJudge(f *testing.F) {
	f.Add(200, []byte(`{"status":"ok"}`))
	f.Add(200, []byte(`{"status":{"a":[1,2,{"b":"`))
	d := mustDefine(f, config.HealthCheck{ExpectBody: "ok", ExpectJSON: map[string]string{"status": "ok", "a.b": "1"}})
	f.Fuzz(func(t *testing.T, status int, body []byte) {
		good, reason := d.judge(status, body)
		if good && (status < 200 || status > 299 || !strings.Contains(string(body), "ok")) || reason == "" {
			t.Errorf("status %d, body %q: %v, %q", status, body, good, reason)
		}
	})
}

func FuzzParseStatusRange(f *testing.F) {
	f.Add("200-299")
	f.Add("204")
	f.Add("-1-")
	f.Fuzz(func(t *testing.T, s string) {
		r, err := parseStatusRange(s)
		if err == nil && (r.low < 100 || r.high > 599 || r.low > r.high) {
			t.Errorf("%q became %+v", s, r)
		}
	})
}
