package answer

import (
	"strconv"

	"github.com/isame-lb/isame-lb/pool/end"
)

// The field Proxy-Status (RFC 9209). Each proxy on the way of an answer adds a member; ours
// stands on a line of its own, behind those that the backend has sent.

// proxyStatusBegin is the member without parameters.
const proxyStatusBegin = "Proxy-Status: isame-lb"

// proxyStatusLines are the lines of answers of our own, by their ends.
var proxyStatusLines = func() (lines [end.Ends]string) {
	for e := range end.Ends {
		lines[e] = proxyStatusBegin
		if kind := e.ProxyError(); kind != "" {
			lines[e] += "; error=" + kind
		}
		if e != end.OK {
			lines[e] += `; details="` + e.Word() + `"`
		}
		lines[e] += "\r\n"
	}
	return lines
}()

// AppendProxyStatus appends the line of an answer of our own that ends so. asked: a backend
// has answered, whose answer is not that one.
func AppendProxyStatus(dst []byte, e end.End, asked bool) []byte {
	if asked && e == end.OK {
		return append(dst, proxyStatusBegin+"\r\n"...)
	}
	return append(dst, proxyStatusLines[e]...)
}

// AppendReceived appends the line of an answer of a backend, which has sent this status.
func AppendReceived(dst []byte, status int) []byte {
	dst = append(dst, proxyStatusBegin+"; received-status="...)
	return append(strconv.AppendInt(dst, int64(status), 10), "\r\n"...)
}
