package engine

import (
	"bytes"
	"math"
	"strconv"
	"time"

	"github.com/isame-lb/isame-lb/pool/wire"
)

// gRPC over HTTP/2 (the protocol's PROTOCOL-HTTP2.md): a call is a POST whose outcome
// stands in trailers, with status 200 whatever it was. What the proxy has to say for
// itself it says in the same way, in a head without content.

// Codes of gRPC.
const (
	grpcUnknown          = 2
	grpcDeadlineExceeded = 4
	grpcResourceLimit    = 8
	grpcUnimplemented    = 12
	grpcInternal         = 13
	grpcUnavailable      = 14
)

var grpcType = []byte("application/grpc")

// isGRPC reports a call of gRPC.
func (x *exchange) isGRPC() bool {
	return x.c.stream != nil && bytes.HasPrefix(x.head.Value(wire.FieldContentType), grpcType)
}

// grpcCode is what an answer of the proxy means to a call. Where the RFCs have a
// status for "try again", so has gRPC.
func grpcCode(status int) int {
	switch status {
	case 504:
		return grpcDeadlineExceeded
	case 413, 431:
		return grpcResourceLimit
	case 404, 405:
		return grpcUnimplemented
	case 429, 502, 503:
		return grpcUnavailable
	case 400, 500:
		return grpcInternal
	}
	return grpcUnknown
}

// appendGRPC renders the answer for a call.
func (r *reject) appendGRPC(dst []byte, o rejectOptions) []byte {
	dst = append(append(dst, "HTTP/1.1 200 OK\r\nDate: "...), o.now...)
	dst = append(append(dst, "\r\nContent-Type: application/grpc\r\nX-Isame-Error: "...), r.end.Word()...)
	dst = strconv.AppendInt(append(dst, "\r\nGrpc-Status: "...), int64(grpcCode(r.status)), 10)
	dst = append(append(dst, "\r\nGrpc-Message: "...), r.detail...)
	if r.retryAfter != "" {
		dst = append(append(dst, "\r\nRetry-After: "...), r.retryAfter...)
	}
	dst = append(append(dst, "\r\n"...), o.more...)
	return append(dst, "Content-Length: 0\r\n\r\n"...)
}

// grpcTimeoutDigits bounds the value of grpc-timeout.
const grpcTimeoutDigits = 8

// grpcUnit is a unit, in nanoseconds, of grpc-timeout.
func grpcUnit(c byte) int64 {
	switch c {
	case 'H':
		return int64(time.Hour)
	case 'M':
		return int64(time.Minute)
	case 'S':
		return int64(time.Second)
	case 'm':
		return int64(time.Millisecond)
	case 'u':
		return int64(time.Microsecond)
	case 'n':
		return 1
	}
	return 0
}

// grpcTimeout is the time that a call gives itself; 0 is no limit.
func grpcTimeout(value []byte) time.Duration {
	last := len(value) - 1
	if last < 1 || last > grpcTimeoutDigits {
		return 0
	}
	n, unit := int64(0), grpcUnit(value[last])
	for _, c := range value[:last] {
		if c < '0' || c > '9' {
			return 0
		}
		n = n*10 + int64(c-'0')
	}
	if unit == 0 || n > math.MaxInt64/unit {
		return 0
	}
	return time.Duration(n * unit)
}
