#!/usr/bin/env bash
# pebble: PEBBLE_AUTHZREUSE=0 still answers one order in a hundred without a challenge
#
# Version:  github.com/letsencrypt/pebble/v2 v2.10.3, golang.org/x/crypto v0.45.0 as the client.
# Guess:    PEBBLE_AUTHZREUSE is the percentage of orders that get an authorization which is valid already, and with 0, of which
#           the log says "attempt authz reuse for each identifier 0% of the time", each order has to be validated.
# Seen:     of 1,500 orders of one account for one name about 15 are "ready" at once, with the authorization of an order
#           before. A number from 0 to 99 is drawn, and only one above the percentage makes a new authorization, so 0 means 1 in
#           100, and nothing can mean never.
# Why care: a test of an ACME client that counts challenges, records or renewals passes 99 times, and fails once.
#
# Needs: go and its module proxy. Exit 0: as described. Exit 1: that has changed.
set -euo pipefail
dir="$(mktemp -d)"
readonly dir
trap 'rm -rf "$dir"' EXIT
cd "$dir"
GOBIN="$dir" go install github.com/letsencrypt/pebble/v2/cmd/pebble@v2.10.3

cat >main.go <<'GO'
package main

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"net/http"
	"os"
	"os/exec"
	"time"

	"golang.org/x/crypto/acme"
)

const orders = 1500

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// own writes a certificate for the server itself.
func own() {
	key := must(ecdsa.GenerateKey(elliptic.P256(), rand.Reader))
	template := &x509.Certificate{SerialNumber: big.NewInt(1), DNSNames: []string{"localhost"}, NotAfter: time.Now().Add(time.Hour)}
	der := must(x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key))
	write("cert.pem", pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
	write("key.pem", pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: must(x509.MarshalECPrivateKey(key))}))
}

func write(name string, text []byte) {
	if err := os.WriteFile(name, text, 0o600); err != nil {
		panic(err)
	}
}

func free() string {
	ln := must(net.Listen("tcp", "127.0.0.1:0"))
	defer ln.Close()
	return ln.Addr().String()
}

func main() {
	own()
	address := free()
	write("config.json", must(json.Marshal(map[string]any{"pebble": map[string]any{
		"listenAddress": address, "managementListenAddress": free(), "certificate": "cert.pem", "privateKey": "key.pem", "httpPort": 5002, "tlsPort": 5001,
	}})))
	server := exec.Command("./pebble", "-config", "config.json")
	server.Env = append(os.Environ(), "PEBBLE_AUTHZREUSE=0", "PEBBLE_VA_NOSLEEP=1", "PEBBLE_VA_ALWAYS_VALID=1", "PEBBLE_WFE_NONCEREJECT=0")
	if err := server.Start(); err != nil {
		panic(err)
	}
	defer server.Process.Kill()
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute)
	defer cancel()
	client := &acme.Client{
		Key: must(ecdsa.GenerateKey(elliptic.P256(), rand.Reader)), DirectoryURL: "https://" + address + "/dir",
		HTTPClient: &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}},
	}
	for {
		if _, err := client.Register(ctx, &acme.Account{}, acme.AcceptTOS); err == nil {
			break
		} else if ctx.Err() != nil {
			panic(err)
		}
		time.Sleep(50 * time.Millisecond)
	}
	first := must(client.AuthorizeOrder(ctx, acme.DomainIDs("a.test")))
	z := must(client.GetAuthorization(ctx, first.AuthzURLs[0]))
	must(client.Accept(ctx, z.Challenges[0]))
	must(client.WaitAuthorization(ctx, z.URI))
	ready := 0
	for range orders {
		if o := must(client.AuthorizeOrder(ctx, acme.DomainIDs("a.test"))); o.Status == acme.StatusReady {
			ready++
		}
	}
	fmt.Printf("%d of %d orders had nothing to validate\n", ready, orders)
	if ready == 0 || ready > orders/20 {
		fmt.Println("CHANGED: that is not one in a hundred")
		server.Process.Kill()
		os.Exit(1)
	}
}
GO
go mod init finding >/dev/null 2>&1
go get golang.org/x/crypto/acme@v0.45.0 >/dev/null 2>&1
go run .
echo "as described"
