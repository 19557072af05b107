#!/usr/bin/env bash
# etcd's client: the ServerName of its TLS configuration is not used; the address of the endpoint is
#
# Version:  go.etcd.io/etcd/client/v3 v3.6.16 with google.golang.org/grpc v1.85.0.
# Guess:    tls.Config.ServerName is what the certificate of the server is verified by, and what
#           is sent as SNI, as everywhere in Go: "ServerName is used to verify the hostname".
# Seen:     clientv3.Config{TLS: &tls.Config{ServerName: "etcd.example"}} with an endpoint
#           https://localhost:PORT sends SNI "localhost" and verifies that name, so a server
#           whose certificate is for etcd.example is refused. The resolver of the client names
#           each address' server, and grpc's credentials put that over what was configured.
#           crypto/tls itself, with the same configuration, sends etcd.example and is content.
# Why care: members are reached by address or through a tunnel, and their certificates have names;
#           the option that is there for that is taken and has no effect.
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
	"math/big"
	"net"
	"os"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"
	"go.uber.org/zap"
)

const name = "etcd.example"

func check(err error) {
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
}

func main() {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	check(err)
	t := &x509.Certificate{
		SerialNumber: big.NewInt(1), DNSNames: []string{name}, NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature,
	}
	der, err := x509.CreateCertificate(rand.Reader, t, t, &key.PublicKey, key)
	check(err)
	root, err := x509.ParseCertificate(der)
	check(err)
	roots := x509.NewCertPool()
	roots.AddCert(root)

	type handshake struct {
		sni string
		err error
	}
	seen := make(chan handshake, 100)
	ln, err := net.Listen("tcp", "localhost:0")
	check(err)
	go func() {
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			go func() {
				var h handshake
				s := tls.Server(c, &tls.Config{
					NextProtos: []string{"h2"}, Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}},
					GetConfigForClient: func(hello *tls.ClientHelloInfo) (*tls.Config, error) {
						h.sni = hello.ServerName
						return nil, nil
					},
				})
				if h.err = s.Handshake(); h.err == nil {
					_, h.err = s.Read(make([]byte, 1)) // the client's verdict comes behind the server's end of TLS 1.3
				}
				seen <- h
				c.Close()
			}()
		}
	}()
	_, port, err := net.SplitHostPort(ln.Addr().String())
	check(err)
	endpoint := "localhost:" + port
	configured := func() *tls.Config { return &tls.Config{ServerName: name, RootCAs: roots, NextProtos: []string{"h2"}} }

	plain, err := tls.Dial("tcp", endpoint, configured())
	check(err)
	_, err = plain.Write([]byte("x"))
	check(err)
	byTLS := <-seen
	plain.Close()

	c, err := clientv3.New(clientv3.Config{Endpoints: []string{"https://" + endpoint}, TLS: configured(), Logger: zap.NewNop()})
	check(err)
	ctx, cancel := context.WithTimeout(context.Background(), 3*time.Second)
	_, _ = c.Get(ctx, "key") // nobody answers it
	cancel()
	byClient := <-seen
	c.Close()
	fmt.Printf("crypto/tls: SNI %q, refused %v\netcd's client: SNI %q, refused %v\n", byTLS.sni, byTLS.err != nil, byClient.sni, byClient.err != nil)
	if byTLS.sni != name || byTLS.err != nil || byClient.sni != "localhost" || byClient.err == nil {
		os.Exit(1)
	}
}
GO
go mod init finding >/dev/null 2>&1
go get go.etcd.io/etcd/client/v3@v3.6.16 google.golang.org/grpc@v1.85.0 go.uber.org/zap >/dev/null 2>&1
go run .
