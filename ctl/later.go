package ctl

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"syscall"
	"time"

	"github.com/isame-lb/isame-lb/ctl/api"
	"github.com/isame-lb/isame-lb/pool/safely"
	"github.com/isame-lb/isame-lb/pool/socket"
)

// ErrDraining is why Bind fails where the holder of the address is an isame-lb that
// drains: it gives the address back at its end, and Await takes it then.
var ErrDraining = errors.New("an isame-lb that drains has the address")

// Bounds of the question to the holder of the address.
const (
	askTime           = 500 * time.Millisecond
	holderAnswerBytes = 16 << 10
)

// Pauses between two looks at an address that somebody else has.
const (
	awaitPauseFirst = 50 * time.Millisecond
	awaitPauseLast  = time.Second
)

// take is bind, which finds out whether it is worth waiting where somebody else has the
// address.
func (s *Server) take() (*socket.Bound, error) {
	b, err := bind(s.opts.Address)
	if !errors.Is(err, syscall.EADDRINUSE) {
		return b, err
	}
	if s.holderDrains() {
		return nil, errors.Join(err, ErrDraining)
	}
	return bind(s.opts.Address) // it may have ended instead of an answer
}

// unbound is the TCP address as far as it is known before it is bound; nil for another one.
func (s *Server) unbound() net.Addr {
	if a, err := net.ResolveTCPAddr("tcp", s.opts.Address); err == nil && !strings.HasPrefix(s.opts.Address, "unix:") {
		return a
	}
	return nil
}

// holderDrains reports that who has the address answers /ready as an isame-lb does in a
// drain. Nothing is sent to it but the question, so its certificate does not matter.
func (s *Server) holderDrains() bool {
	network, address := "tcp", s.opts.Address
	if path, isUnix := strings.CutPrefix(address, "unix:"); isUnix {
		network, address = "unix", path
	}
	ctx, cancel := context.WithTimeout(context.Background(), askTime)
	defer cancel()
	terms := s.tls.Load()
	transport := &http.Transport{
		DisableKeepAlives: true, DisableCompression: true, MaxResponseHeaderBytes: holderAnswerBytes,
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, network, address)
		},
		TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, //nolint:gosec // see above
	}
	url := "http://localhost/ready"
	if terms != nil {
		url = "https://localhost/ready"
		transport.TLSClientConfig.Certificates = terms.Certificates // for a holder that asks for one
	}
	question, err := http.NewRequestWithContext(ctx, http.MethodGet, url, http.NoBody)
	if err != nil {
		return false
	}
	a, err := transport.RoundTrip(question)
	if err != nil {
		return false
	}
	defer func() { _ = a.Body.Close() }()
	var p api.Problem
	return a.StatusCode == http.StatusServiceUnavailable && a.Header.Get("Content-Type") == api.ProblemType &&
		json.NewDecoder(io.LimitReader(a.Body, holderAnswerBytes)).Decode(&p) == nil && p.Detail == api.StateDraining
}

// Await is Start for an address that is not free yet, after a Bind that has failed with
// ErrDraining. It returns at once; started is called, from a goroutine of the server,
// when the endpoint answers, and not at all where Shutdown comes first.
func (s *Server) Await(started func()) {
	s.awaited = make(chan struct{})
	safely.GoThen("admin", func() {
		if s.await() {
			started()
		}
	}, func() { close(s.awaited) })
}

// await starts the endpoint; false: Shutdown came first. What keeps it from that other
// than the drain is logged once: it may pass.
func (s *Server) await() bool {
	told := false
	for pause := awaitPauseFirst; ; pause = min(2*pause, awaitPauseLast) {
		t := time.NewTimer(pause)
		select {
		case <-s.stop:
			t.Stop()
			return false
		case <-t.C:
		}
		err := s.Start()
		if err == nil {
			return true
		}
		if !told && !errors.Is(err, ErrDraining) {
			told = true
			s.opts.Logger.Warn().Err(err).Msg("the admin endpoint cannot start, and tries again")
		}
	}
}
