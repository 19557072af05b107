package engine

import (
	"io"
	"net"
	"strings"
	"testing"
)

// BenchmarkRecorder is a small exchange over real sockets, client and backend included,
// with the recorder on and off.
func BenchmarkRecorder(b *testing.B) {
	const (
		request  = "GET /path/to/something?query=1 HTTP/1.1\r\nHost: example.org\r\nUser-Agent: bench/1.0\r\nAccept: */*\r\n\r\n"
		response = "HTTP/1.1 200 OK\r\nDate: Mon, 02 Jan 2006 15:04:05 GMT\r\nServer: origin\r\nContent-Length: 2\r\n\r\nok"
	)
	for _, on := range []string{"true", "false"} {
		b.Run("on="+on, func(b *testing.B) {
			text := strings.Replace(plain, "shutdown:", "recorder: {enabled: "+on+"}\nshutdown:", 1)
			r := start(b, text, replying(b, "\r\n\r\n", response))
			b.ReportAllocs()
			b.SetParallelism(16)
			b.RunParallel(func(pb *testing.PB) {
				c, err := net.Dial("tcp", r.address)
				if err != nil {
					b.Error(err)
					return
				}
				defer func() { _ = c.Close() }()
				for answer := make([]byte, len(response)); pb.Next(); {
					if _, err := io.WriteString(c, request); err != nil {
						b.Error(err)
						return
					}
					if _, err := io.ReadFull(c, answer); err != nil {
						b.Error(err)
						return
					}
				}
			})
		})
	}
}
