package socket

import (
	"bytes"
	"crypto/rand"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"testing"
	"time"
)

// lateTicket passes on what a server sends until its handshake is done, and holds
// what follows: in TLS 1.3 that is the ticket, when a certificate was asked for.
type lateTicket struct {
	net.Conn

	writes int
	held   []byte
	open   bool
}

func (l *lateTicket) Write(b []byte) (int, error) {
	l.writes++
	if l.writes == 1 || l.open {
		return l.Conn.Write(b)
	}
	l.held = append(l.held, b...)
	return len(b), nil
}

// clientPair is a Conn on l that speaks TLS as a client, its server, and the bytes
// of the server's ticket, which were not sent yet.
func clientPair(t testing.TB, l *Loop, version uint16, sessions tls.ClientSessionCache) (*Conn, *tls.Conn, *lateTicket) {
	t.Helper()
	c, peer := pair(t, l)
	late := &lateTicket{Conn: peer}
	config := serverTLS(t)
	config.ClientAuth, config.MaxVersion = tls.RequestClientCert, version
	config.NextProtos = []string{"http/1.1"}
	server := tls.Server(late, config)
	if version < tls.VersionTLS13 {
		server = tls.Server(peer, config)
	}
	errs := make(chan error, 1)
	go func() { errs <- server.Handshake() }()
	client := &tls.Config{
		InsecureSkipVerify: true, ServerName: "a.test", ClientSessionCache: sessions, NextProtos: []string{"h2", "http/1.1"},
		MinVersion: tls.VersionTLS12, DynamicRecordSizingDisabled: true,
	}
	if err := c.ConnectTLS(client); err != nil {
		t.Fatal(err)
	}
	if err := <-errs; err != nil {
		t.Fatal(err)
	}
	if !c.Secure() || c.TLSState().Version != version || c.Protocol() != "http/1.1" {
		t.Fatalf("got version %x and protocol %q; want %x and %q", c.TLSState().Version, c.Protocol(), version, "http/1.1")
	}
	return c, server, late
}

// sealed is what the server writes for text, not sent.
func (l *lateTicket) sealed(t testing.TB, server *tls.Conn, text string) []byte {
	t.Helper()
	l.held = nil
	if _, err := io.WriteString(server, text); err != nil {
		t.Fatal(err)
	}
	return l.held
}

// TestQuietSecureConnection is what a backend may send while nobody asks: only
// records that concern the session alone leave the connection usable.
func TestQuietSecureConnection(t *testing.T) {
	l := testLoop(t)
	for _, tc := range []struct {
		name  string
		send  func(t *testing.T, ticket []byte, server *tls.Conn, late *lateTicket) error
		quiet bool
	}{
		{"nothing", nil, true},
		{"a ticket", func(_ *testing.T, ticket []byte, _ *tls.Conn, late *lateTicket) error {
			_, err := late.Conn.Write(ticket)
			return err
		}, true},
		{"half a ticket", func(_ *testing.T, ticket []byte, _ *tls.Conn, late *lateTicket) error {
			_, err := late.Conn.Write(ticket[:len(ticket)/2])
			return err
		}, false},
		{"the begin of a record's head", func(_ *testing.T, ticket []byte, _ *tls.Conn, late *lateTicket) error {
			_, err := late.Conn.Write(ticket[:2])
			return err
		}, false},
		{"a ticket and an answer", func(t *testing.T, ticket []byte, server *tls.Conn, late *lateTicket) error {
			t.Helper()
			_, err := late.Conn.Write(append(ticket, late.sealed(t, server, okAnswer)...))
			return err
		}, false},
		{"a ticket and half an answer", func(t *testing.T, ticket []byte, server *tls.Conn, late *lateTicket) error {
			t.Helper()
			answer := late.sealed(t, server, okAnswer)
			_, err := late.Conn.Write(append(ticket, answer[:9]...))
			return err
		}, false},
		{"an answer", func(t *testing.T, ticket []byte, server *tls.Conn, late *lateTicket) error {
			t.Helper()
			_, err := late.Conn.Write(append(ticket, late.sealed(t, server, "H")...))
			return err
		}, false},
		{"an alert that announces the end", func(_ *testing.T, _ []byte, server *tls.Conn, late *lateTicket) error {
			err := server.CloseWrite() // nothing can be written afterwards, says the deadline
			derr := late.SetWriteDeadline(time.Time{})
			_, werr := late.Conn.Write(late.held) // the ticket before it
			return errors.Join(err, derr, werr)
		}, false},
		{"an end without that", func(_ *testing.T, _ []byte, _ *tls.Conn, late *lateTicket) error {
			return late.Close()
		}, false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			c, server, late := clientPair(t, l, tls.VersionTLS13, tls.NewLRUClientSessionCache(1))
			ticket := late.held
			if tc.send != nil {
				if err := tc.send(t, ticket, server, late); err != nil {
					t.Fatal(err)
				}
				for deadline := soon(); c.silent(); {
					if Nanos() > deadline {
						t.Fatal("nothing has come")
					}
				}
			}
			if got := quiet(c); got != tc.quiet {
				t.Errorf("got %v; want %v", got, tc.quiet)
			}
			if c.secure.ahead != nil {
				t.Error("memory is held")
			}
			if !tc.quiet {
				return
			}
			if tc.send == nil {
				if _, err := late.Conn.Write(ticket); err != nil {
					t.Fatal(err)
				}
			}
			late.open = true
			exchangeOver(t, c, server)
			if !quiet(c) {
				t.Error("not quiet after an exchange")
			}
		})
	}
}

// exchangeOver sends a word each way.
func exchangeOver(t *testing.T, c *Conn, server *tls.Conn) {
	t.Helper()
	got := make([]byte, 4)
	if _, err := c.Write([]byte("ping")); err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadFull(server, got); err != nil || string(got) != "ping" {
		t.Fatalf("the server read %q, %v", got, err)
	}
	if _, err := server.Write([]byte("pong")); err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadFull(c, got); err != nil || string(got) != "pong" {
		t.Fatalf("read %q, %v", got, err)
	}
}

// A ticket that came while the connection was idle resumes the next session.
func TestTicketOfAnIdleConnectionIsKept(t *testing.T) {
	sessions := tls.NewLRUClientSessionCache(1)
	c, _, late := clientPair(t, testLoop(t), tls.VersionTLS13, sessions)
	if _, ok := sessions.Get("a.test"); ok {
		t.Fatal("there is a session before the ticket")
	}
	if _, err := late.Conn.Write(late.held); err != nil {
		t.Fatal(err)
	}
	for deadline := soon(); c.silent() && Nanos() < deadline; {
		if !quiet(c) {
			t.Fatal("not quiet")
		}
	}
	if !quiet(c) {
		t.Error("not quiet after the ticket")
	}
	if _, ok := sessions.Get("a.test"); !ok {
		t.Error("the ticket is lost")
	}
}

// Every way to end the wait for a handshake.
func TestConnectTLSIsBounded(t *testing.T) {
	l := testLoop(t)
	for _, tc := range []struct {
		name string
		do   func(c *Conn, peer net.Conn)
		want func(error) bool
	}{
		{"silence", func(c *Conn, _ net.Conn) { c.SetReadBy(Nanos() + int64(20*time.Millisecond)) }, IsTimeout},
		{"abort", func(c *Conn, _ net.Conn) { c.Abort() }, func(err error) bool { return errors.Is(err, ErrAborted) }},
		{"an end", func(_ *Conn, peer net.Conn) { _ = peer.Close() }, func(err error) bool { return err != nil }},
	} {
		t.Run(tc.name, func(t *testing.T) {
			c, peer := pair(t, l)
			tc.do(c, peer)
			if err := c.ConnectTLS(&tls.Config{ServerName: "a.test"}); !tc.want(err) {
				t.Errorf("got %v", err)
			}
			if c.Secure() || c.Protocol() != "" {
				t.Error("the connection speaks TLS")
			}
		})
	}
}

// A backend's records come in whatever pieces; the ticket is among them.
func TestSecureClientReadsRecordsInPieces(t *testing.T) {
	l := testLoop(t)
	for _, size := range []int{1, 7, 600, 1 << 20} {
		c, server, late := clientPair(t, l, tls.VersionTLS13, tls.NewLRUClientSessionCache(1))
		want := make([]byte, 40_000)
		_, _ = rand.Read(want)
		if _, err := server.Write(want); err != nil {
			t.Fatal(err)
		}
		errs := make(chan error, 1)
		go func() {
			_, err := inPieces{late.Conn, size}.Write(late.held) // what was not sent yet: ticket and records
			errs <- err
		}()
		got := make([]byte, len(want))
		if _, err := io.ReadFull(c, got); err != nil || !bytes.Equal(got, want) {
			t.Errorf("in pieces of %d: got something else, %v", size, err)
		}
		if err := <-errs; err != nil {
			t.Error(err)
		}
		if !quiet(c) {
			t.Errorf("in pieces of %d: not quiet afterwards", size)
		}
	}
}

const okAnswer = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
