package answer

import (
	"net/http"
	"strconv"

	"github.com/isame-lb/isame-lb/pool/end"
)

// Reject is an answer the proxy makes itself because it cannot or will not forward. It
// never changes; its contents are rendered once, and uses differ by Options only.
type Reject struct {
	Status     int
	End        end.End
	RetryAfter string // seconds, or empty
	Allow      string // of a 405
	Detail     string // for people; ASCII without percent signs, so that it stands in a field as it is

	problem, page []byte // contents
}

// Methods is the Allow field of a 405, and of what the proxy says of itself.
const Methods = "GET, HEAD, POST, PUT, DELETE, PATCH, OPTIONS"

// ReadMethods is that field where files are served.
const ReadMethods = "GET, HEAD"

// New makes a reject; retryAfter are seconds, or empty.
func New(status int, e end.End, retryAfter string) *Reject {
	r := &Reject{
		Status: status, End: e, RetryAfter: retryAfter, Detail: e.Text(),
		problem: problem(status, e), page: page(status, e),
	}
	if status == http.StatusMethodNotAllowed {
		r.Allow = Methods
	}
	return r
}

// Options is what differs between two uses of a reject.
type Options struct {
	Form       Form
	ToHEAD     bool // leave the content out
	Connection Connection
	Date       []byte
	// ProxyStatus: say how it ended in that field too.
	ProxyStatus bool
}

// Append appends the whole answer.
func (r *Reject) Append(dst []byte, o Options) []byte { return r.Finish(r.Begin(dst, o), o) }

// Begin appends the answer up to where field lines of the listener may stand.
func (r *Reject) Begin(dst []byte, o Options) []byte {
	if o.Form == Call {
		dst = r.beginCall(Begin(dst, http.StatusOK, o.Date))
	} else {
		dst = r.beginContent(Begin(dst, r.Status, o.Date), o.Form)
	}
	if r.RetryAfter != "" {
		dst = Field(dst, "Retry-After", r.RetryAfter)
	}
	if o.ProxyStatus {
		dst = AppendProxyStatus(dst, r.End, false)
	}
	return dst
}

func (r *Reject) beginContent(dst []byte, f Form) []byte {
	kind := "application/problem+json"
	if f == Page {
		kind = "text/html; charset=utf-8"
	}
	dst = Field(dst, "X-Isame-Error", r.End.Word())
	dst = Field(append(dst, "Cache-Control: no-store\r\n"...), "Content-Type", kind)
	if r.Allow != "" {
		dst = Field(dst, "Allow", r.Allow)
	}
	return dst
}

// beginCall is for a call of gRPC over HTTP/2 (the protocol's PROTOCOL-HTTP2.md), whose
// outcome stands in trailers, with status 200 whatever it was. What the proxy has to say
// for itself it says in the same way, in a head without content.
func (r *Reject) beginCall(dst []byte) []byte {
	dst = Field(append(dst, "Content-Type: application/grpc\r\n"...), "X-Isame-Error", r.End.Word())
	dst = append(strconv.AppendInt(append(dst, "Grpc-Status: "...), int64(grpcCode(r.Status)), 10), "\r\n"...)
	return Field(dst, "Grpc-Message", r.Detail)
}

// Finish appends the rest of what Begin has begun.
func (r *Reject) Finish(dst []byte, o Options) []byte {
	content := r.Content(o.Form)
	dst = End(dst, Content(len(content)), o.Connection)
	if o.ToHEAD {
		return dst
	}
	return append(dst, content...)
}

// Content is what the answer says in that form. It must not be changed.
func (r *Reject) Content(f Form) []byte {
	switch f {
	case Page:
		return r.page
	case Call:
		return nil
	case Problem:
	}
	return r.problem
}
