#!/usr/bin/env bash
# Go's HTTP/2 client: a new connection that the server ends gracefully fails the request, one that it
# only sends away does not
#
# Version:  golang.org/x/net v0.62.0 (http2.Transport). net/http of Go 1.26 has the same code in it.
# Guess:    GOAWAY with last stream 0 and NO_ERROR says that no request was looked at (RFC 9113
#           section 6.8), so that any may be sent again. The client tries another connection,
#           whether the server closes this one at once or later.
# Seen:     it does so while the connection is open: 200, two connections. Where the end of the
#           connection is read before the goroutine of the request comes to its turn (GotConn waits
#           for that here, a busy machine does it by chance, up to 11 of 400 requests), the GOAWAY is
#           forgotten: "client conn could not be established", and no other connection is tried,
#           though the request is a GET and nothing of it was sent.
# Why care: who drains must not end a connection that has just been made. Behind the first request,
#           or a second later, GOAWAY and the end harm nobody.
#
# Needs: Go and the module proxy. Exit 0: as described. Exit 1: that has changed.
set -euo pipefail
dir="$(mktemp -d)"
readonly dir
trap 'rm -rf "$dir"' EXIT
cd "$dir"

cat >main.go <<'GO'
package main

import (
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"sync"
	"sync/atomic"

	"golang.org/x/net/http2"
)

// watched says when the client has closed its connection.
type watched struct {
	net.Conn
	closed func()
}

func (w watched) Close() error {
	w.closed()
	return w.Conn.Close()
}

// serve drains on the first connection, and answers on later ones.
func serve(l net.Listener, ends bool) {
	server := &http2.Server{}
	answer := http.HandlerFunc(func(http.ResponseWriter, *http.Request) {})
	for n := 0; ; n++ {
		c, err := l.Accept()
		if err != nil {
			return
		}
		if n > 0 {
			go server.ServeConn(c, &http2.ServeConnOpts{Handler: answer})
			continue
		}
		framer := http2.NewFramer(c, nil)
		_ = framer.WriteSettings()
		_ = framer.WriteGoAway(0, http2.ErrCodeNo, nil)
		if ends {
			_ = c.(*net.TCPConn).CloseWrite()
		}
		go io.Copy(io.Discard, c)
	}
}

func ask(ends bool) string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err.Error()
	}
	defer l.Close()
	go serve(l, ends)
	var made atomic.Int64
	ended := make(chan struct{})
	end := sync.OnceFunc(func() { close(ended) })
	client := &http2.Transport{AllowHTTP: true, DialTLSContext: func(ctx context.Context, network, at string, _ *tls.Config) (net.Conn, error) {
		made.Add(1)
		c, err := (&net.Dialer{}).DialContext(ctx, network, at)
		return watched{c, end}, err
	}}
	defer client.CloseIdleConnections()
	request, _ := http.NewRequest("GET", "http://"+l.Addr().String()+"/", nil)
	if ends {
		request = request.WithContext(httptrace.WithClientTrace(request.Context(),
			&httptrace.ClientTrace{GotConn: func(httptrace.GotConnInfo) { <-ended }}))
	}
	got, err := client.RoundTrip(request)
	if err != nil {
		return fmt.Sprintf("%v, connections: %d", err, made.Load())
	}
	_ = got.Body.Close()
	return fmt.Sprintf("%d, connections: %d", got.StatusCode, made.Load())
}

func main() {
	fmt.Println("GOAWAY:", ask(false))
	fmt.Println("GOAWAY and the end:", ask(true))
}
GO

go mod init finding.local >/dev/null 2>&1
go get golang.org/x/net/http2@v0.62.0 >/dev/null 2>&1
want='GOAWAY: 200, connections: 2
GOAWAY and the end: http2: client conn could not be established, connections: 1'
got="$(timeout 120 go run .)"
printf '%s\n%s\n' "$(go version)" "$got"
if [[ "$got" != "$want" ]]; then
	echo "CHANGED: it used to be"
	printf '%s\n' "$want"
	exit 1
fi
