#!/usr/bin/env bash
# go-redis: an error of the past is the answer while the server is there, and nobody dials
#
# Version:  github.com/redis/go-redis/v9 v9.23.0, retries off, PoolSize 2.
# Guess:    each command that finds no idle connection dials, so the first one behind the return
#           of a server works; failed dials that were followed by good ones are forgotten.
# Seen:     after PoolSize failed dials commands dial no more: they fail at once with the error
#           of the last dial ("connection refused"), also when the server listens again, until
#           a goroutine of the pool has succeeded, which dials once a second while that fails.
#           Failures are counted over the life of the client: a good dial in between does not take
#           them back, and so the second absence of one dial each is the one that is met.
# Why care: where a command may take milliseconds, a second of refusals behind a short absence is
#           long, and the error names a cause that is over.
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
	"context"
	"fmt"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/logging"
)

// server answers PING, and nothing else, while it is up.
type server struct {
	address string
	l       net.Listener
	mu      sync.Mutex
	open    []net.Conn
}

func (s *server) up() {
	l, err := net.Listen("tcp", s.address)
	if err != nil {
		fmt.Println("cannot listen:", err)
		os.Exit(1)
	}
	s.l, s.address = l, l.Addr().String()
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			s.mu.Lock()
			s.open = append(s.open, c)
			s.mu.Unlock()
			go func() {
				in := bufio.NewReader(c)
				for line, err := in.ReadString('\n'); err == nil; line, err = in.ReadString('\n') {
					switch line {
					case "ping\r\n":
						_, _ = c.Write([]byte("+PONG\r\n"))
					case "hello\r\n":
						_, _ = c.Write([]byte("-ERR unknown command\r\n"))
					}
				}
			}()
		}
	}()
}

// down closes the listener and all connections.
func (s *server) down() {
	_ = s.l.Close()
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, c := range s.open {
		_ = c.Close()
	}
	s.open = nil
}

func main() {
	logging.Disable()
	s := &server{address: "127.0.0.1:0"}
	s.up()
	var dials atomic.Int32
	c := redis.NewClient(&redis.Options{
		Addr: s.address, PoolSize: 2, MaxRetries: -1, DialerRetries: 1, Protocol: 2, DisableIdentity: true,
		Dialer: func(ctx context.Context, network, address string) (net.Conn, error) {
			dials.Add(1)
			return (&net.Dialer{}).DialContext(ctx, network, address)
		},
	})
	defer c.Close()
	ping := func() (int32, error) {
		before := dials.Load()
		err := c.Ping(context.Background()).Err()
		return dials.Load() - before, err
	}
	// until pings until the result is as wanted: a connection that was closed fails once more.
	until := func(ok bool) {
		for range 100 {
			if _, err := ping(); (err == nil) == ok {
				return
			}
			time.Sleep(50 * time.Millisecond)
		}
	}
	until(true)
	for range 2 { // two absences of one failed dial each, with good dials between them
		s.down()
		for n, err := ping(); !(n == 1 && err != nil); n, err = ping() {
		}
		s.up()
		if n, err := ping(); err == nil {
			fmt.Printf("back: %d dial, works\n", n)
		} else {
			fmt.Printf("back: %d dials, %v\n", n, err)
		}
	}
}
GO
cat >go.mod <<'MOD'
module finding

go 1.24
MOD
go get github.com/redis/go-redis/v9@v9.23.0 >/dev/null 2>&1
got="$(go run . | sed 's/127\.0\.0\.1:[0-9]*/ADDRESS/')"
want="back: 1 dial, works
back: 0 dials, dial tcp ADDRESS: connect: connection refused"
echo "$got"
[[ "$got" == "$want" ]] || { printf 'changed; it was:\n%s\n' "$want" >&2; exit 1; }
