#!/usr/bin/env bash
# quic-go: http3.Transport.Close leaves a connection open on which one request has failed
#
# Version:  github.com/quic-go/quic-go v0.65.0.
# Guess:    "Close closes the QUIC connections that this Transport has used", as it says.
# Seen:     with a Dial of its own, a request that ends with a reset of its stream makes the Transport forget the
#           connection, which is still good, without closing it. The next request dials another
#           one, and Close ends that one only. The server sees the first one stay, kept alive
#           by both sides, until something else ends it. Without a failed request Close ends
#           every connection at once.
# Why care: whoever counts connections on a server, waits for its drain, or bounds connections
#           of an address, sees those of a client that has closed everything; a client that
#           meets failing streams collects connections.
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
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http"
	"os"
	"time"

	"github.com/quic-go/quic-go"
	"github.com/quic-go/quic-go/http3"
)

// certificate is one for anybody.
func certificate() tls.Certificate {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	check(err)
	t := &x509.Certificate{SerialNumber: big.NewInt(1), DNSNames: []string{"a.test"}, NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, t, t, &key.PublicKey, key)
	check(err)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}

func check(err error) {
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
}

// open makes a request to each path, closes the Transport, and counts the connections
// that the server still has two seconds later.
func open(paths ...string) (left int) {
	began := make(chan *quic.Conn, 10)
	server := &http3.Server{
		TLSConfig: &tls.Config{Certificates: []tls.Certificate{certificate()}},
		ConnContext: func(ctx context.Context, c *quic.Conn) context.Context { began <- c; return ctx },
		Handler: http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
			if q.URL.Path == "/reset" {
				panic(http.ErrAbortHandler) // the documented way to end a stream without an answer
			}
			_, _ = io.WriteString(w, "hello")
		}),
	}
	socket, err := net.ListenPacket("udp", "127.0.0.1:0")
	check(err)
	go func() { _ = server.Serve(socket) }()
	tr := &http3.Transport{
		TLSClientConfig: &tls.Config{InsecureSkipVerify: true, ServerName: "a.test"},
		Dial: func(ctx context.Context, _ string, c *tls.Config, o *quic.Config) (*quic.Conn, error) {
			return quic.DialAddr(ctx, socket.LocalAddr().String(), c, o)
		},
	}
	for _, path := range paths {
		resp, err := (&http.Client{Transport: tr}).Get("https://a.test" + path)
		if err == nil {
			_, _ = io.Copy(io.Discard, resp.Body)
			_ = resp.Body.Close()
		}
	}
	check(tr.Close())
	time.Sleep(2 * time.Second) // more than a connection that was closed takes to end
	for n := len(began); n > 0; n-- {
		if c := <-began; c.Context().Err() == nil {
			left++
		}
	}
	_ = server.Close()
	return left
}

func main() {
	good, bad := open("/", "/", "/"), open("/", "/reset", "/")
	fmt.Printf("open after Close: %d where all requests succeeded, %d where one was reset\n", good, bad)
	if good != 0 || bad != 1 {
		os.Exit(1)
	}
}
GO

export GOFLAGS=-mod=mod
go mod init finding >/dev/null 2>&1
go get github.com/quic-go/quic-go@v0.65.0 >/dev/null 2>&1
go run .
