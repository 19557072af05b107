#!/usr/bin/env bash
# quic-go: its HTTP/3 client closes the connection under a request of its own when a GOAWAY comes as that begins
#
# Version:  github.com/quic-go/quic-go v0.65.0, its http3.Server and its http3.Transport.
# Guess:    a server that goes away says so by GOAWAY, and a GET which the client begins at that moment is either answered, as it is
#           below the identifier in the frame, or begun again elsewhere, as the client does with what it had not begun.
# Seen:     one of some thousand connections (3 of 1,000, the first of 2,177) whose server begins its Shutdown under a client that asks one
#           thing after the other ends with "http3: parsing frame failed: H3_NO_ERROR (local)". The client looks for a GOAWAY first and counts the stream
#           as one of its own only then; a frame in between finds a connection without streams and closes it. The error is none
#           of those that it retries, and "local" is its only sign.
# Why care: each graceful restart of an HTTP/3 server fails a request now and then, and the server's log knows nothing of it.
#
# Needs: go and its module proxy. Exit 0: as described (it takes up to two minutes). Exit 1: that has changed.
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
	"errors"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http"
	"time"

	"github.com/quic-go/quic-go"
	"github.com/quic-go/quic-go/http3"
)

func certificate() tls.Certificate {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		panic(err)
	}
	t := &x509.Certificate{SerialNumber: big.NewInt(1), DNSNames: []string{"a.test"}, NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, t, t, &key.PublicKey, key)
	if err != nil {
		panic(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}

// round makes a connection with one request behind it, and a second one while the server says goodbye.
func round(cert tls.Certificate) error {
	socket, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		panic(err)
	}
	server := &http3.Server{
		Handler:   http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "ok") }),
		TLSConfig: http3.ConfigureTLSConfig(&tls.Config{Certificates: []tls.Certificate{cert}}),
	}
	go func() { _ = server.Serve(socket) }()
	defer socket.Close()
	dialed := false
	transport := &http3.Transport{
		TLSClientConfig: &tls.Config{InsecureSkipVerify: true},
		Dial: func(ctx context.Context, _ string, t *tls.Config, c *quic.Config) (*quic.Conn, error) {
			if dialed {
				return nil, errors.New("one connection is enough")
			}
			dialed = true
			return quic.DialAddr(ctx, socket.LocalAddr().String(), t, c)
		},
	}
	defer transport.Close()
	client := &http.Client{Transport: transport, Timeout: 5 * time.Second}
	get := func() error {
		a, err := client.Get("https://a.test/")
		if err == nil {
			_, err = io.Copy(io.Discard, a.Body)
			_ = a.Body.Close()
		}
		return err
	}
	if err := get(); err != nil {
		panic(err)
	}
	go func() { _ = server.Shutdown(context.Background()) }()
	for range 40 {
		err := get()
		if e, ok := errors.AsType[*http3.Error](err); ok && !e.Remote && e.ErrorCode == http3.ErrCodeNoError {
			return err
		}
		if err != nil {
			return nil // the server is gone
		}
	}
	return nil
}

func main() {
	cert := certificate()
	n, until := 0, time.Now().Add(2*time.Minute)
	for ; time.Now().Before(until); n++ {
		if err := round(cert); err != nil {
			fmt.Printf("round %d: %v\n", n, err)
			return
		}
	}
	fmt.Printf("none of %d rounds\n", n)
}
GO
cat >go.mod <<'MOD'
module goaway

go 1.25

require github.com/quic-go/quic-go v0.65.0
MOD
go mod tidy >/dev/null 2>&1
said="$(go run .)"
printf '%s\n' "$said"
if [[ "$said" == *"H3_NO_ERROR (local)"* ]]; then
	echo "as described"
else
	echo "this has changed"
	exit 1
fi
