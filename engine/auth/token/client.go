package token

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/url"
	"strings"
	"time"

	"github.com/valyala/fasthttp"
)

// What a fetch may take, and how long what is fetched may be.
const (
	fetchTimeout  = 5 * time.Second
	bodyBytesMax  = 1 << 20
	headBytesMax  = 16 << 10
	userAgentName = "isame-lb"
)

// checkURL says what is wrong with the URL of a set.
func checkURL(text string) error {
	u, err := url.Parse(text)
	switch {
	case err != nil:
		return fmt.Errorf("cannot read URL %q", nameOf(text))
	case u.Scheme != "https" && u.Scheme != "http" || u.Host == "":
		return fmt.Errorf("cannot use URL %q: want one that begins with https:// or http://", nameOf(text))
	case u.User != nil:
		return errors.New("cannot use a URL with a password")
	}
	return nil
}

// nameOf is what is said of a URL in logs: its query may hold a key, and so may what stands
// in front of a host where nothing should.
func nameOf(text string) string {
	name, _, _ := strings.Cut(text, "?")
	return name[strings.LastIndexByte(name, '@')+1:]
}

// client fetches documents. A connection serves one fetch.
type client struct {
	http    fasthttp.Client
	timeout time.Duration
}

func newClient(timeout time.Duration) *client {
	dialer := &net.Dialer{Timeout: timeout}
	return &client{timeout: timeout, http: fasthttp.Client{
		Name: userAgentName,
		Dial: func(address string) (net.Conn, error) { // the default knows no IPv6
			return dialer.DialContext(context.Background(), "tcp", address)
		},
		TLSConfig:                 &tls.Config{MinVersion: tls.VersionTLS12},
		ReadTimeout:               timeout,
		WriteTimeout:              timeout, // of the TLS handshake, too
		ReadBufferSize:            headBytesMax,
		MaxResponseBodySize:       bodyBytesMax,
		MaxIdemponentCallAttempts: 1, // the fetcher tries again
		DisablePathNormalizing:    true,
	}}
}

// get asks for a document. A redirect is not followed: the URL is that of a configuration,
// and what it names is believed.
func (c *client) get(place string) ([]byte, error) {
	q, a := fasthttp.AcquireRequest(), fasthttp.AcquireResponse()
	defer fasthttp.ReleaseRequest(q)
	defer fasthttp.ReleaseResponse(a)
	q.SetRequestURI(place)
	q.SetConnectionClose()
	q.Header.Set("Accept", "application/jwk-set+json, application/json")
	if err := c.http.DoTimeout(q, a, c.timeout); err != nil {
		return nil, fmt.Errorf("no answer: %w", err)
	}
	if a.StatusCode() != fasthttp.StatusOK {
		return nil, fmt.Errorf("the answer has the status %d", a.StatusCode())
	}
	if encoding := a.Header.ContentEncoding(); len(encoding) > 0 {
		return nil, fmt.Errorf("the answer is encoded as %q", encoding)
	}
	return append([]byte(nil), a.Body()...), nil
}
