package health

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"

	"google.golang.org/protobuf/encoding/protowire"

	"github.com/isame-lb/isame-lb/pool/attempt"
)

const (
	// grpcCheck is the method of the gRPC health checking protocol.
	grpcCheck = "/grpc.health.v1.Health/Check"
	// grpcPrefix is the length of what stands before a message: one byte that says
	// whether it is compressed, and its length in four, big-endian.
	grpcPrefix = 5
	// grpcMessageMax bounds the answer; a status takes two bytes.
	grpcMessageMax = 4 << 10
	// grpcServing is HealthCheckResponse.ServingStatus.SERVING.
	grpcServing = 1
)

// servingNames are the values of HealthCheckResponse.ServingStatus.
func servingNames() []string {
	return []string{"UNKNOWN", "SERVING", "NOT_SERVING", "SERVICE_UNKNOWN"}
}

// askGRPC calls grpc.health.v1.Health/Check over c, with HTTP/2 in clear text or
// over TLS, and says what was answered. c's deadline bounds it. host is asked for
// over TLS, and where the configuration says it.
//
// The call is written by hand over net/http: it is one message of one field each
// way, and the gRPC library would be the largest dependency of the project.
func askGRPC(ctx context.Context, c net.Conn, host string, d *Definition) (good bool, reason string, err error) {
	if _, secure := c.(*tls.Conn); !secure && d.host == "" {
		host = attempt.HostOfSocket
	}
	rq, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://"+host+grpcCheck, bytes.NewReader(grpcRequest(d.service)))
	if err != nil {
		return false, "", fmt.Errorf("cannot ask: %w", err)
	}
	rq.Header = http.Header{"Content-Type": {"application/grpc"}, "Te": {"trailers"}, "User-Agent": {probeAgent}}
	for _, f := range d.fields {
		rq.Header.Set(f.name, f.value)
	}
	err = askStream(ctx, c, host, rq, func(rs *http.Response) error {
		message, err := io.ReadAll(io.LimitReader(rs.Body, grpcMessageMax+1))
		if err != nil {
			return fmt.Errorf("cannot read: %w", err)
		}
		good, reason = judgeGRPC(rs, message)
		return nil
	})
	return good, reason, err
}

// grpcRequest is a HealthCheckRequest with its prefix.
func grpcRequest(service string) []byte {
	b := make([]byte, grpcPrefix, grpcPrefix+2+len(service))
	if service != "" {
		b = protowire.AppendTag(b, 1, protowire.BytesType)
		b = protowire.AppendString(b, service)
	}
	binary.BigEndian.PutUint32(b[1:], uint32(len(b)-grpcPrefix))
	return b
}

// judgeGRPC says whether an answer means SERVING, and what was seen. rs.Body has
// been read, so the trailer is there; an answer without a message has it in the
// header ("Trailers-Only").
func judgeGRPC(rs *http.Response, message []byte) (good bool, reason string) {
	if rs.StatusCode != http.StatusOK {
		return false, fmt.Sprintf("status %d, which is not gRPC", rs.StatusCode)
	}
	code, text := rs.Trailer.Get("Grpc-Status"), rs.Trailer.Get("Grpc-Message")
	if code == "" {
		code, text = rs.Header.Get("Grpc-Status"), rs.Header.Get("Grpc-Message")
	}
	switch code {
	case "0":
	case "":
		return false, "answer without grpc-status"
	case "5": // NOT_FOUND
		return false, "grpc-status 5: the server does not know the service"
	case "12": // UNIMPLEMENTED
		return false, "grpc-status 12: the server has no grpc.health.v1.Health"
	default:
		return false, fmt.Sprintf("grpc-status %s: %s", attempt.Clip(code), attempt.Clip(text))
	}
	serving, ok := readServing(message)
	if !ok {
		return false, "answer is no HealthCheckResponse"
	}
	name := strconv.FormatUint(serving, 10)
	if names := servingNames(); serving < uint64(len(names)) {
		name = names[serving]
	}
	return serving == grpcServing, name
}

// readServing reads the status of a HealthCheckResponse with its prefix. Other
// fields are skipped; a missing one is 0.
func readServing(b []byte) (serving uint64, ok bool) {
	if len(b) < grpcPrefix || b[0] != 0 || uint64(binary.BigEndian.Uint32(b[1:])) != uint64(len(b)-grpcPrefix) {
		return 0, false
	}
	for b = b[grpcPrefix:]; len(b) > 0; {
		number, kind, n := protowire.ConsumeTag(b)
		if n < 0 {
			return 0, false
		}
		b = b[n:]
		if number == 1 && kind == protowire.VarintType {
			serving, n = protowire.ConsumeVarint(b)
		} else {
			n = protowire.ConsumeFieldValue(number, kind, b)
		}
		if n < 0 {
			return 0, false
		}
		b = b[n:]
	}
	return serving, true
}
