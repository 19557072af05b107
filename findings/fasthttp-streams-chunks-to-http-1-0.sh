#!/usr/bin/env bash
# fasthttp: a streamed answer of unknown length is chunked, also for a client of HTTP/1.0
#
# Version:  github.com/valyala/fasthttp v1.78.0.
# Guess:    to a client of HTTP/1.0 a body whose length is not known is sent as it is, and ends
#           with the connection, as net/http does: nobody may send a transfer coding to it
#           (RFC 9112 section 6.1).
# Seen:     the answer has "Transfer-Encoding: chunked", and sizes of chunks stand in the body,
#           which a client of HTTP/1.0 takes for content. The status line says HTTP/1.1. With a
#           length given the body is as it should be, and net/http's server sends it plain.
# Why care: health checkers, old load balancers (nginx 1.22 speaks HTTP/1.0 to backends unless told otherwise)
#           and scripts read sizes of chunks as text; a handler has to look at the version itself
#           before it streams.
#
# Needs: go and its module proxy. Exit 0: as described. Exit 1: that has changed.
set -euo pipefail
dir="$(mktemp -d)"
readonly dir
trap 'rm -rf "$dir"' EXIT
cd "$dir"

cat >main.go <<'GO'
package main

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/valyala/fasthttp"
)

// ask sends a request of HTTP/1.0 and returns what comes until the connection ends.
func ask(address string) string {
	c, err := net.Dial("tcp", address)
	if err != nil {
		panic(err)
	}
	defer c.Close()
	fmt.Fprint(c, "GET / HTTP/1.0\r\nHost: a.test\r\n\r\n")
	c.SetReadDeadline(time.Now().Add(5 * time.Second))
	text, _ := io.ReadAll(c)
	return string(text)
}

func serve(serve func(net.Listener)) string {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		panic(err)
	}
	go serve(ln)
	return ln.Addr().String()
}

func main() {
	streamed := ask(serve(func(ln net.Listener) {
		fasthttp.Serve(ln, func(ctx *fasthttp.RequestCtx) { ctx.SetBodyStream(strings.NewReader("hello"), -1) })
	}))
	sized := ask(serve(func(ln net.Listener) {
		fasthttp.Serve(ln, func(ctx *fasthttp.RequestCtx) { ctx.SetBodyStream(strings.NewReader("hello"), 5) })
	}))
	standard := ask(serve(func(ln net.Listener) {
		http.Serve(ln, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			io.WriteString(w, "hel")
			w.(http.Flusher).Flush()
			io.WriteString(w, "lo")
		}))
	}))
	body := func(text string) string { _, b, _ := strings.Cut(text, "\r\n\r\n"); return b }
	chunked := func(text string) bool { return strings.Contains(strings.ToLower(text), "transfer-encoding: chunked") }
	for name, text := range map[string]string{"fasthttp, unknown length": streamed, "fasthttp, length": sized, "net/http, unknown length": standard} {
		line, _, _ := strings.Cut(text, "\r\n")
		fmt.Printf("%-25s %s, chunked %v, body %q\n", name, line, chunked(text), body(text))
	}
	if !chunked(streamed) || body(streamed) == "hello" || chunked(sized) || body(sized) != "hello" || chunked(standard) || body(standard) != "hello" {
		os.Exit(1)
	}
}
GO
go mod init finding >/dev/null 2>&1
go get github.com/valyala/fasthttp@v1.78.0 >/dev/null 2>&1
go run .
