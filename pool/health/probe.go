package health

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/isame-lb/isame-lb/pool/attempt"
	"github.com/isame-lb/isame-lb/pool/safely"
	"github.com/isame-lb/isame-lb/pool/socket"
	"github.com/isame-lb/isame-lb/pool/wire"
	"github.com/valyala/fasthttp"
)

// probe makes one probe over a connection of its own. The definition's timeout
// bounds all of it; the end of ctx aborts it.
func probe(ctx context.Context, address string, d *Definition) Sight {
	ctx, cancel := context.WithTimeout(ctx, d.timeout)
	defer cancel()
	network, addr := d.at(address)
	var dialer net.Dialer
	c, err := dialer.DialContext(ctx, network, addr)
	if err != nil {
		return Sight{Dead: d.port == 0 && nobodyThere(err), Reason: failure(err, d.timeout, "cannot connect")}
	}
	defer func() { _ = c.Close() }()
	raw := c // c becomes its session, while the end of ctx may come from elsewhere
	stop := safely.AfterDone(ctx, "probe", func() { _ = raw.SetDeadline(socket.LongAgo) })
	defer stop()
	if d.dialing != nil && d.dialing.Announces != attempt.AnnounceNothing {
		if _, err := c.Write(d.dialing.Announces.Append(nil, &wire.ProxyHeader{})); err != nil {
			return Sight{Reason: failure(err, d.timeout, "cannot send the PROXY header")}
		}
	}
	session, err := d.secure(ctx, c)
	if err != nil {
		return Sight{Reason: "TLS: " + attempt.TLSReason(err, d.timeout)}
	}
	if session != nil {
		c = session
	}
	var s Sight
	switch d.kind {
	case probeTCP:
		return Sight{Good: true, Reason: "connected"}
	case probeGRPC:
		s.Good, s.Reason, err = askGRPC(ctx, c, d.authority(network, addr), d)
	case probeHTTP:
		var status int
		var body []byte
		ask := askHTTP
		if d.isStream() {
			ask = askHTTP2
		}
		if status, body, err = ask(ctx, c, d.authority(network, addr), d); err == nil {
			s.Good, s.Reason = d.judge(status, body)
		}
	}
	if err != nil {
		if refusal := refusalOf(session); refusal != nil {
			return Sight{Reason: "TLS: " + attempt.TLSReason(refusal, d.timeout)}
		}
		return Sight{Reason: failure(err, d.timeout, "no valid answer")}
	}
	return s
}

// at is where the members at an address are probed.
func (d *Definition) at(address string) (network, addr string) {
	network, addr = socket.SplitAddress(address)
	if d.port == 0 || network == socket.NetworkUnix {
		return network, addr
	}
	host, _, err := net.SplitHostPort(addr)
	if err != nil {
		return network, addr
	}
	return network, net.JoinHostPort(host, strconv.Itoa(d.port))
}

// refusalOf is the alert that ended a session, or nil. In TLS 1.3 a backend that
// does not like our certificate says so after the handshake, and what reads the
// answer takes it for an end like any other.
func refusalOf(session *tls.Conn) error {
	if session == nil {
		return nil
	}
	_ = session.SetReadDeadline(socket.LongAgo) // what ended it is said again, nothing is waited for
	_, err := session.Read(make([]byte, 1))
	if attempt.RemoteAlert(err) == 0 {
		return nil
	}
	return err //nolint:wrapcheck // put into words by the caller
}

// secure makes a probe's connection speak TLS; nil where it does not. Unlike those
// of exchanges it resumes no session: a probe is to see the certificate that is
// there now.
func (d *Definition) secure(ctx context.Context, c net.Conn) (*tls.Conn, error) {
	if d.dialing == nil || d.dialing.Trust == nil {
		return nil, nil //nolint:nilnil // clear text has none
	}
	protocol := attempt.ProtocolHTTP1
	if d.isStream() {
		protocol = attempt.ProtocolHTTP2
	}
	session := tls.Client(c, d.dialing.Trust.Config(d.dialing.Name, []string{protocol}, nil))
	if err := session.HandshakeContext(ctx); err != nil {
		return nil, err //nolint:wrapcheck // put into words by the caller
	}
	if protocol == attempt.ProtocolHTTP2 && session.ConnectionState().NegotiatedProtocol != attempt.ProtocolHTTP2 {
		return nil, errNoHTTP2
	}
	return session, nil
}

// isStream reports a probe in HTTP/2: of gRPC, which knows nothing else, and of
// pools that speak nothing else.
func (d *Definition) isStream() bool {
	return d.kind == probeGRPC || d.dialing != nil && d.dialing.Streams
}

// errNoHTTP2 is a backend that does not agree to speak HTTP/2.
var errNoHTTP2 = errors.New("the backend does not offer HTTP/2")

// authority is what a probe asks for: what the configuration says, else over TLS what
// the certificate does, as some backends refuse others.
func (d *Definition) authority(network, addr string) string {
	name := ""
	if d.dialing != nil {
		name = d.dialing.Name
	}
	switch {
	case d.host != "":
		return d.host
	case network == socket.NetworkUnix && name == "":
		return attempt.HostOfSocket
	case name == "":
		return addr
	}
	_, port, err := net.SplitHostPort(addr)
	if network == socket.NetworkUnix || err != nil {
		port = portHTTPS
	}
	if port == portHTTPS && !strings.Contains(name, ":") {
		return name
	}
	return net.JoinHostPort(name, port)
}

const portHTTPS = "443"

// nobodyThere reports that a failure to connect is one of the backend's address,
// where a request would fare no better: not of a name that cannot be resolved,
// nor of our own descriptors.
func nobodyThere(err error) bool {
	var dns *net.DNSError
	switch {
	case errors.As(err, &dns):
		return false
	case socket.IsTimeout(err), errors.Is(err, syscall.ECONNREFUSED), errors.Is(err, syscall.ENOENT),
		errors.Is(err, syscall.EHOSTUNREACH), errors.Is(err, syscall.ENETUNREACH):
		return true
	}
	return false
}

// askHTTP sends one request and reads the answer, its body up to bodyProbeMax.
func askHTTP(_ context.Context, c net.Conn, host string, d *Definition) (status int, body []byte, err error) {
	b := fmt.Appendf(nil, "%s %s HTTP/1.1\r\nHost: %s\r\n", d.method, d.path, host)
	for _, f := range d.allFields() {
		b = fmt.Appendf(b, "%s: %s\r\n", f.name, f.value)
	}
	if d.method != http.MethodGet && d.method != http.MethodHead { // there is no content (RFC 9110 section 8.6)
		b = append(b, "Content-Length: 0\r\n"...)
	}
	if _, err = c.Write(append(b, "Connection: close\r\n\r\n"...)); err != nil {
		return 0, nil, fmt.Errorf("cannot send: %w", err)
	}
	r := bufio.NewReaderSize(c, attempt.ResponseHeadMax)
	response := fasthttp.AcquireResponse()
	defer fasthttp.ReleaseResponse(response)
	response.StreamBody = true
	response.SkipBody = d.method == http.MethodHead
	if err := response.ReadLimitBody(r, bodyProbeMax); err != nil {
		return 0, nil, fmt.Errorf("cannot read: %w", err)
	}
	defer func() { _ = response.CloseBodyStream() }()
	if !d.wantsBody() || response.BodyStream() == nil {
		return response.StatusCode(), nil, nil
	}
	body, err = io.ReadAll(io.LimitReader(response.BodyStream(), bodyProbeMax))
	if err != nil {
		return 0, nil, fmt.Errorf("cannot read body: %w", err)
	}
	return response.StatusCode(), body, nil
}

// failure puts an error into the words an operator looks for.
func failure(err error, timeout time.Duration, otherwise string) string {
	var dns *net.DNSError
	switch {
	case errors.As(err, &dns):
		return "cannot resolve " + dns.Name
	case socket.IsTimeout(err), errors.Is(err, context.DeadlineExceeded), errors.Is(err, fasthttp.ErrTimeout):
		return fmt.Sprintf("timeout after %v", timeout)
	case errors.Is(err, syscall.ECONNREFUSED):
		return "connection refused"
	case errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE):
		return "connection reset"
	case errors.Is(err, syscall.ENOENT):
		return "no such socket"
	case errors.Is(err, syscall.EHOSTUNREACH), errors.Is(err, syscall.ENETUNREACH):
		return "no route to host"
	case errors.Is(err, syscall.EMFILE), errors.Is(err, syscall.ENFILE):
		return "the proxy is out of file descriptors"
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return "connection closed before the end of the answer"
	}
	return otherwise + ": " + attempt.Clip(err.Error())
}
