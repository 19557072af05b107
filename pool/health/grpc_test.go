package health

import (
	"context"
	"encoding/binary"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/encoding/protowire"

	"github.com/isame-lb/isame-lb/config"
)

// message puts the prefix of gRPC in front of a message.
func message(b ...byte) string {
	return string(append(binary.BigEndian.AppendUint32([]byte{0}, uint32(len(b))), b...))
}

// grpcBackend is a real server of HTTP/2 in clear text; answer gets the service
// that was asked for.
func grpcBackend(t *testing.T, answer func(w http.ResponseWriter, service string)) string {
	t.Helper()
	s := &http.Server{
		Protocols: new(http.Protocols), ReadHeaderTimeout: time.Minute,
		Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			body, err := io.ReadAll(r.Body)
			if err != nil || len(body) < grpcPrefix || r.URL.Path != "/grpc.health.v1.Health/Check" || r.Method != http.MethodPost ||
				r.Header.Get("Content-Type") != "application/grpc" || r.Header.Get("Te") != "trailers" || r.ProtoMajor != 2 {
				t.Errorf("asked %s %s %s with %v, body %q, error %v", r.Method, r.URL, r.Proto, r.Header, body, err)
				return
			}
			service := ""
			if b := body[grpcPrefix:]; len(b) > 0 {
				_, _, n := protowire.ConsumeTag(b)
				service, _ = protowire.ConsumeString(b[n:])
			}
			answer(w, service)
		}),
	}
	s.Protocols.SetUnencryptedHTTP2(true)
	return serveHTTP(t, s, false)
}

// serveHTTP serves until the test ends.
func serveHTTP(t *testing.T, s *http.Server, secure bool) (address string) {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		if secure {
			_ = s.ServeTLS(ln, "", "")
		} else {
			_ = s.Serve(ln)
		}
	}()
	t.Cleanup(func() {
		_ = s.Close()
		<-done
	})
	return ln.Addr().String()
}

// reply answers as gRPC does: a message, then the status in the trailer.
func reply(text, status string) func(http.ResponseWriter, string) {
	return func(w http.ResponseWriter, _ string) {
		w.Header().Set("Content-Type", "application/grpc")
		w.Header().Set("Trailer", "Grpc-Status")
		_, _ = io.WriteString(w, text)
		w.Header().Set("Grpc-Status", status)
	}
}

func TestGRPCProbe(t *testing.T) {
	serving := message(0x08, 1)
	cases := []struct {
		name   string
		answer func(http.ResponseWriter, string)
		good   bool
		reason string
	}{
		{"serving", reply(serving, "0"), true, "SERVING"},
		{"not serving", reply(message(0x08, 2), "0"), false, "NOT_SERVING"},
		{"unknown", reply(message(), "0"), false, "UNKNOWN"},
		{"service unknown", reply(message(0x08, 3), "0"), false, "SERVICE_UNKNOWN"},
		{"a status of the future", reply(message(0x08, 9), "0"), false, "9"},
		{"fields of the future", reply(message(0x12, 2, 'h', 'i', 0x08, 1), "0"), true, "SERVING"},
		{"unknown service", reply("", "5"), false, "grpc-status 5: the server does not know the service"},
		{"no health service", reply("", "12"), false, "grpc-status 12: the server has no grpc.health.v1.Health"},
		{"serving, then an error", reply(serving, "14"), false, "grpc-status 14: "},
		{"status in the header only", func(w http.ResponseWriter, _ string) {
			w.Header().Set("Grpc-Status", "13")
			w.Header().Set("Grpc-Message", "boom")
		}, false, "grpc-status 13: boom"},
		{"no status", func(w http.ResponseWriter, _ string) { _, _ = io.WriteString(w, serving) }, false, "answer without grpc-status"},
		{"compressed", reply("\x01"+serving[1:], "0"), false, "answer is no HealthCheckResponse"},
		{"cut message", reply(serving[:6], "0"), false, "answer is no HealthCheckResponse"},
		{"two messages", reply(serving+serving, "0"), false, "answer is no HealthCheckResponse"},
		{"endless message", reply(strings.Repeat("x", 1<<20), "0"), false, "answer"},
		{"not gRPC", func(w http.ResponseWriter, _ string) { w.WriteHeader(http.StatusNotFound) }, false, "status 404, which is not gRPC"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			address := grpcBackend(t, c.answer)
			good, reason := look(t.Context(), address, mustDefine(t, config.HealthCheck{Type: "grpc"}))
			if good != c.good || !strings.HasPrefix(reason, c.reason) {
				t.Errorf("got %v, %q; want %v, %q", good, reason, c.good, c.reason)
			}
		})
	}
}

func TestGRPCProbeNamesItsService(t *testing.T) {
	address := grpcBackend(t, func(w http.ResponseWriter, service string) {
		status := byte(2)
		if service == "shop.Cart" {
			status = 1
		}
		reply(message(0x08, status), "0")(w, service)
	})
	for service, want := range map[string]bool{"shop.Cart": true, "": false, strings.Repeat("x", 300): false} {
		if good, reason := look(t.Context(), address, mustDefine(t, config.HealthCheck{Type: "grpc", Service: service})); good != want {
			t.Errorf("service %q: got %v, %s; want %v", service, good, reason, want)
		}
	}
}

func TestGRPCProbeOfSomethingElse(t *testing.T) {
	t.Run("HTTP/1.1", func(t *testing.T) {
		address := rawBackend(t, "tcp", say("HTTP/1.1 400 Bad Request\r\n\r\n"))
		if good, reason := look(t.Context(), address, mustDefine(t, config.HealthCheck{Type: "grpc"})); good || reason == "" {
			t.Errorf("got %v, %q", good, reason)
		}
	})
	t.Run("nothing at all", func(t *testing.T) {
		stall := make(chan struct{})
		address := grpcBackend(t, func(http.ResponseWriter, string) { <-stall })
		t.Cleanup(func() { close(stall) }) // before the server is closed
		d := mustDefine(t, config.HealthCheck{Type: "grpc", Timeout: 30 * time.Millisecond})
		if good, reason := look(t.Context(), address, d); good || reason != "timeout after 30ms" {
			t.Errorf("got %v, %q; want a timeout", good, reason)
		}
	})
	t.Run("aborted", func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		address := grpcBackend(t, func(http.ResponseWriter, string) { cancel() })
		if good, _ := look(ctx, address, mustDefine(t, config.HealthCheck{Type: "grpc"})); good {
			t.Error("good after it was aborted")
		}
	})
}

func FuzzGRPCAnswer(f *testing.F) {
	f.Add([]byte(message(0x08, 1)))
	f.Add([]byte(message(0x12, 2, 'h', 'i', 0x08, 1)))
	f.Fuzz(func(t *testing.T, data []byte) {
		serving, ok := readServing(data)
		if !ok && serving > 0 && len(data) < grpcPrefix {
			t.Fatalf("status %d of nothing", serving)
		}
		good, reason := judgeGRPC(&http.Response{StatusCode: http.StatusOK, Header: http.Header{"Grpc-Status": {"0"}}}, data)
		if good && (!ok || serving != grpcServing) || reason == "" {
			t.Fatalf("good %v, %q for status %d, %v", good, reason, serving, ok)
		}
	})
}
