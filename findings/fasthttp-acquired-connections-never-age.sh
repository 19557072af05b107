#!/usr/bin/env bash
# fasthttp: HostClient.MaxConnDuration ends no connection that is taken by AcquireConn
#
# Version:  github.com/valyala/fasthttp v1.78.0.
# Guess:    "Keep-alive connections are closed after this duration" holds for whoever uses the
#           pool; the cleaner, or AcquireConn, looks at the age as it looks at the idle time.
# Seen:     only HostClient's own Do looks at it. A user of AcquireConn and ReleaseConn (own
#           request writing, the pool of fasthttp) gets the same connection for ever: with a
#           bound of 50 ms the connection made first still comes back after a second. With Do
#           and the same bound the server sees several connections in that time.
# Why care: max_age is set so that connections leave a load-balanced name or an old server;
#           the option is taken and nothing happens.
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
	"bufio"
	"fmt"
	"net"
	"os"
	"sync/atomic"
	"time"

	"github.com/valyala/fasthttp"
)

func main() {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		panic(err)
	}
	var accepted atomic.Int32
	server := &fasthttp.Server{
		Handler:   func(ctx *fasthttp.RequestCtx) { ctx.SetBodyString("ok") },
		ConnState: func(_ net.Conn, s fasthttp.ConnState) {
			if s == fasthttp.StateNew {
				accepted.Add(1)
			}
		},
	}
	go server.Serve(ln)

	client := func() *fasthttp.HostClient {
		return &fasthttp.HostClient{Addr: ln.Addr().String(), MaxConnDuration: 50 * time.Millisecond, MaxIdleConnDuration: time.Minute}
	}
	forASecond := func(once func()) int32 {
		accepted.Store(0)
		for end := time.Now().Add(time.Second); time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
			once()
		}
		return accepted.Load()
	}

	hc := client()
	viaDo := forASecond(func() {
		req, resp := fasthttp.AcquireRequest(), fasthttp.AcquireResponse()
		req.SetRequestURI("http://" + hc.Addr + "/")
		if err := hc.Do(req, resp); err != nil {
			panic(err)
		}
	})
	hc = client()
	viaAcquire := forASecond(func() {
		cc, err := hc.AcquireConn(0, false)
		if err != nil {
			panic(err)
		}
		fmt.Fprintf(cc.Conn(), "GET / HTTP/1.1\r\nHost: x\r\n\r\n")
		resp := fasthttp.AcquireResponse()
		if err := resp.Read(bufio.NewReader(cc.Conn())); err != nil {
			panic(err)
		}
		hc.ReleaseConn(cc)
	})
	fmt.Printf("connections in a second: %d by Do, %d by AcquireConn\n", viaDo, viaAcquire)
	if viaDo < 5 || viaAcquire != 1 {
		os.Exit(1)
	}
}
GO
go mod init finding >/dev/null 2>&1
go get github.com/valyala/fasthttp@v1.78.0 >/dev/null 2>&1
go run .
