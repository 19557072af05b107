package http2

import (
	"context"
	"errors"
	"io"
	"net"
	"os"
	"testing"
	"time"

	xhttp2 "golang.org/x/net/http2"

	"github.com/isame-lb/isame-lb/pool/socket"
)

// A backend that neither answers nor says that it is there is given up; one that
// answers PINGs may think for as long as it likes.
func TestSilentBackendsAreAskedByPing(t *testing.T) {
	for _, tc := range []struct {
		name    string
		answers bool
	}{{"dead", false}, {"thinking", true}} {
		t.Run(tc.name, func(t *testing.T) {
			pings := make(chan struct{}, 100)
			address := silent(t, tc.answers, pings)
			loop, err := socket.NewLoop()
			if err != nil {
				t.Fatal(err)
			}
			hungUp := make(chan struct{})
			r := NewRemote(&Shard{}, socket.Multiplexing{
				Loop: loop, Connect: 5 * time.Second, Idle: time.Minute,
				Dial: func(ctx context.Context) (*socket.Conn, error) {
					return socket.Dial(ctx, loop, address, 5*time.Second)
				},
				Hangup:  func(c *socket.Conn) { _ = c.Close(); close(hungUp) },
				Errands: socket.NewErrands(),
			})
			r.ping = pinging{after: 50 * time.Millisecond, wait: 100 * time.Millisecond}
			c, used, err := r.Open(false, false, socket.Patience{})
			if err != nil || used {
				t.Fatalf("got used %v, %v; want a fresh stream", used, err)
			}
			c.Wait(true)
			if _, err := c.Write([]byte("GET / HTTP/1.1\r\nHost: t\r\n\r\n")); err != nil {
				t.Fatal(err)
			}
			c.SetReadBy(socket.Nanos() + int64(time.Second))
			_, err = c.Read(make([]byte, 1))
			if tc.answers != errors.Is(err, os.ErrDeadlineExceeded) {
				t.Errorf("the read ended with %v", err)
			}
			if !tc.answers && !errors.Is(err, socket.ErrStreamLost) {
				t.Errorf("the read ended with %v; want %v", err, socket.ErrStreamLost)
			}
			if tc.answers && len(pings) < 3 {
				t.Errorf("%d pings in a second; want one each 50 ms of silence", len(pings))
			}
			_ = c.Close()
			r.CloseIdle()
			<-hungUp
			loop.Close()
		})
	}
}

// silent is a backend that answers no request.
func silent(t *testing.T, answers bool, pings chan<- struct{}) string {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	t.Cleanup(func() {
		_ = ln.Close()
		<-ended
	})
	go func() {
		defer close(ended)
		c, err := ln.Accept()
		if err != nil {
			return
		}
		defer func() { _ = c.Close() }()
		if _, err := io.ReadFull(c, make([]byte, len(xhttp2.ClientPreface))); err != nil {
			return
		}
		f := xhttp2.NewFramer(c, c)
		_ = f.WriteSettings()
		for {
			got, err := f.ReadFrame()
			if err != nil {
				return
			}
			if ping, ok := got.(*xhttp2.PingFrame); ok {
				pings <- struct{}{}
				if answers {
					_ = f.WritePing(true, ping.Data)
				}
			}
		}
	}()
	return ln.Addr().String()
}
