package middleware

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"syscall"
	"time"

	"github.com/valyala/fasthttp"

	"github.com/isame-lb/isame-lb/config"
	"github.com/isame-lb/isame-lb/engine/stage"
	"github.com/isame-lb/isame-lb/pool/safely"
	"github.com/isame-lb/isame-lb/pool/socket"
)

// service is what a stage asks beside the backends. It keeps its connections; any
// goroutine may use it.
type service struct {
	client  *fasthttp.Client
	timeout time.Duration
}

const (
	// serviceConnsMax bounds the connections to one host; more questions wait for one,
	// as long as they may take.
	serviceConnsMax = 512
	// serviceIdle is how long one is kept that nobody uses.
	serviceIdle = 30 * time.Second
	// serviceBytesMax bounds the content of an answer.
	serviceBytesMax = 1 << 20
	// serviceHeadMax bounds the head of an answer.
	serviceHeadMax = 64 << 10
	// serviceTries is how often a question is put that met a connection which its peer
	// had closed meanwhile.
	serviceTries = 2
)

// newService makes a service. Its client is the only one of its kind; every option that
// we depend on is set here.
func newService(timeout time.Duration, files *config.ClientTLS) (*service, error) {
	secure, err := clientTLS(files)
	if err != nil {
		return nil, err
	}
	return &service{timeout: timeout, client: &fasthttp.Client{
		TLSConfig:                     secure,
		MaxConnsPerHost:               serviceConnsMax,
		MaxConnWaitTimeout:            timeout,
		MaxIdleConnDuration:           serviceIdle,
		ReadTimeout:                   timeout,
		WriteTimeout:                  timeout, // and of the handshake
		ReadBufferSize:                serviceHeadMax,
		MaxResponseBodySize:           serviceBytesMax,
		DisableHeaderNamesNormalizing: true, // names pass as they are
		DisablePathNormalizing:        true,
		NoDefaultUserAgentHeader:      true,
		ConnPoolStrategy:              fasthttp.LIFO,
		MaxIdemponentCallAttempts:     serviceTries,
		RetryIfErr: func(_ *fasthttp.Request, _ int, err error) (resetTimeout, retry bool) {
			return false, wasClosed(err)
		},
		DialTimeout: func(addr string, limit time.Duration) (net.Conn, error) {
			if limit <= 0 {
				limit = timeout
			}
			return (&net.Dialer{Timeout: limit}).Dial("tcp", addr)
		},
	}}, nil
}

// wasClosed reports that a connection ended before an answer came.
func wasClosed(err error) bool {
	return errors.Is(err, io.EOF) || errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE)
}

// clientTLS is how TLS is spoken where the URL says https.
func clientTLS(files *config.ClientTLS) (*tls.Config, error) {
	c := &tls.Config{MinVersion: tls.VersionTLS12}
	if files == nil {
		return c, nil
	}
	c.ServerName, c.InsecureSkipVerify = files.ServerName, files.InsecureSkipVerify
	if files.CAFile != "" {
		data, err := os.ReadFile(files.CAFile)
		if err != nil {
			return nil, fmt.Errorf("tls.ca_file: %w", err)
		}
		c.RootCAs = x509.NewCertPool()
		if !c.RootCAs.AppendCertsFromPEM(data) {
			return nil, fmt.Errorf("tls.ca_file: %q has no certificate in PEM", files.CAFile) //nolint:err113 // for people
		}
	}
	if files.CertFile != "" {
		pair, err := config.ReadKeyPair(files.CertFile, files.KeyFile)
		if err != nil {
			return nil, fmt.Errorf("tls.cert_file: %w", err)
		}
		c.Certificates = []tls.Certificate{*pair}
	}
	return c, nil
}

// Close gives up the connections that nobody uses.
func (s *service) Close() error {
	s.client.CloseIdleConnections()
	return nil
}

// question is one request to a service. Whoever asks owns it, but not between ask and
// its end: who does not wait for that must leave it alone.
type question struct {
	service *service
	req     fasthttp.Request
	resp    fasthttp.Response
	err     error
	limit   time.Duration
	done    chan struct{}
}

// errLeft is the end of a question whose client has left, errServiceLate of one that took too
// long.
var (
	errLeft        = errors.New("the client has left")
	errServiceLate = errors.New("no answer came within the timeout of the stage, or what the timeout of the route has left of it")
)

// ask puts the question, in a goroutine of its own, and waits for the answer: until the
// service's timeout or the exchange's deadline has passed, or the client has left. The
// question goes on then, for that timeout at most, and its connection can be used again.
func (q *question) ask(c *stage.Call) error {
	by := socket.Earlier(socket.After(socket.Nanos(), q.service.timeout), c.ByNanos())
	q.limit = time.Duration(by - socket.Nanos())
	if q.limit <= 0 {
		return errServiceLate
	}
	q.done = make(chan struct{})
	q.err = fasthttp.ErrTimeout // where the goroutine meets a bug
	safely.GoThen("service", func() {
		q.resp.Header.SetNoDefaultContentType(true)
		q.err = q.service.client.DoTimeout(&q.req, &q.resp, q.limit)
	}, func() { close(q.done) })
	err := socket.Await(c.Patience(by), q.done)
	c.NowNanos = socket.Nanos()
	switch {
	case err == nil && !errors.Is(q.err, fasthttp.ErrTimeout):
		return q.err
	case c.Gone():
		return errLeft
	}
	return errServiceLate
}
