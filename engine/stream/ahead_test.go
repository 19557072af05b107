package stream

import (
	"testing"
	"time"
)

// How long the end of a request is awaited depends on whether content is likely, and is
// nothing where HTTP/1.1 needs not know, or content may come late.
func TestEndIsAwaitedAsLongAsItsRequestTells(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name, method string
		fields       []string
		want         time.Duration
	}{
		{"GET", "GET", nil, endWait},
		{"HEAD", "HEAD", nil, endWait},
		{"DELETE", "DELETE", nil, endWait},
		{"OPTIONS", "OPTIONS", nil, endWait},
		{"GET that names a type", "GET", []string{"content-type", "application/json"}, endWait},
		{"POST", "POST", nil, contentWait},
		{"PUT", "PUT", nil, contentWait},
		{"PATCH", "PATCH", nil, contentWait},
		{"QUERY", "QUERY", nil, contentWait},
		{"POST of a type", "POST", []string{"content-type", "application/json"}, contentWait},
		{"gRPC", "POST", []string{"content-type", "application/grpc"}, 0},
		{"gRPC of a codec", "POST", []string{"content-type", "application/grpc+proto"}, 0},
		{"waits for 100", "POST", []string{"expect", "100-continue"}, 0},
		{"a length", "GET", []string{"content-length", "5"}, 0},
		{"a length of nothing", "POST", []string{"content-length", "0"}, 0},
		{"extended CONNECT", "CONNECT", []string{":protocol", "websocket"}, 0},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			var text RequestText
			text.Reset()
			fields := append([]string{":method", tc.method, ":scheme", "https", ":authority", "t", ":path", "/"}, tc.fields...)
			for i := 0; i < len(fields); i += 2 {
				if !text.Add([]byte(fields[i]), []byte(fields[i+1])) {
					t.Fatalf("%q is refused", fields[i])
				}
			}
			if !text.Complete(false) {
				t.Fatal("the request is malformed")
			}
			if got := text.EndWait(); got != tc.want {
				t.Errorf("got %v; want %v", got, tc.want)
			}
		})
	}
}
