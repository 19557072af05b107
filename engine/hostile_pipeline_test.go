package engine

import (
	"fmt"
	"strings"
	"testing"
)

func TestBodiesAreFramedAndPipelinedRequestsKeepTheirOrder(t *testing.T) {
	rec := record(t)
	r := start(t, plain, rec.address)
	var cases []hostile
	for _, method := range []string{"GET", "HEAD", "DELETE", "OPTIONS", "PATCH", "get", "PROPFIND"} {
		answer := strings.TrimSpace("200 " + strings.TrimSuffix(method+" /x", map[bool]string{true: "HEAD /x"}[method == "HEAD"]))
		cases = append(cases, hostile{
			name: method + " with a length", send: method + " /x HTTP/1.1\r\nHost: t\r\nContent-Length: 18\r\n\r\nGET / HTTP/1.1\r\n\r\n", method: method,
			want: []string{answer}, seen: []string{method + " /x HTTP/1.1\r\nHost: t\r\nContent-Length: 18\r\n+\r\n\r\nGET / HTTP/1.1\r\n\r\n"},
		}, hostile{
			name: method + " with chunks", send: method + " /x HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n", method: method,
			want: []string{answer}, seen: []string{method + " /x HTTP/1.1\r\nHost: t\r\n+\r\nTransfer-Encoding: chunked\r\n\r\n{hi}"},
		})
	}
	cases = append(cases, hostile{
		name: "six pipelined", send: "GET /1 HTTP/1.1\r\nHost: t\r\n\r\n" + "POST /2 HTTP/1.1\r\nHost: t\r\nContent-Length: 3\r\n\r\nabc" +
			"POST /3 HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n" + "\r\nGET /4 HTTP/1.1\r\nHost: t\r\n\r\n" +
			"GET /5 HTTP/1.1\r\nHost: t\r\nContent-Length: +1\r\n\r\n" + "GET /6 HTTP/1.1\r\nHost: t\r\n\r\n",
		want: []string{"200 GET /1", "200 POST /2", "200 POST /3", "200 GET /4", "400 bad_content_length close"},
		seen: []string{
			"GET /1 HTTP/1.1\r\nHost: t\r\n+\r\n\r\n", "POST /2 HTTP/1.1\r\nHost: t\r\nContent-Length: 3\r\n+\r\n\r\nabc",
			"POST /3 HTTP/1.1\r\nHost: t\r\n+\r\nTransfer-Encoding: chunked\r\n\r\n{abc}", "GET /4 HTTP/1.1\r\nHost: t\r\n+\r\n\r\n",
		},
	}, hostile{
		name: "nothing behind Connection: close", send: "GET /1 HTTP/1.1\r\nHost: t\r\nConnection: CLOSE\r\n\r\nGET /2 HTTP/1.1\r\nHost: t\r\n\r\n", talks: true,
		want: []string{"200 GET /1 close"}, seen: []string{"GET /1 HTTP/1.1\r\nHost: t\r\n+\r\n\r\n"},
	}, hostile{
		name: "nothing behind HTTP/1.0", send: "GET /1 HTTP/1.0\r\nHost: t\r\n\r\nGET /2 HTTP/1.0\r\nHost: t\r\n\r\n", talks: true,
		want: []string{"200 GET /1 close"}, seen: []string{"GET /1 HTTP/1.1\r\nHost: t\r\n+\r\n\r\n"},
	})
	attack(t, r, rec, cases)
}

// More pipelined requests than one turn of the loop carries, some with bodies:
// each is answered, in order, and so is the one behind them.
func TestManyPipelinedRequests(t *testing.T) {
	rec := record(t)
	r := start(t, plain, rec.address)
	all := hostile{name: "a hundred"}
	for i := range 100 {
		target := fmt.Sprintf("/%d", i)
		head := "POST " + target + " HTTP/1.1\r\nHost: t\r\n"
		all.want = append(all.want, "200 POST "+target)
		switch i % 3 {
		case 0:
			all.send += head + "Content-Length: 0\r\n\r\n"
			all.seen = append(all.seen, head+"Content-Length: 0\r\n+\r\n\r\n")
		case 1:
			all.send += head + "Content-Length: 3\r\n\r\nabc"
			all.seen = append(all.seen, head+"Content-Length: 3\r\n+\r\n\r\nabc")
		default:
			all.send += head + "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n"
			all.seen = append(all.seen, head+"+\r\nTransfer-Encoding: chunked\r\n\r\n{abc}")
		}
	}
	long := all
	long.name = "a hundred and a long body"
	content := strings.Repeat("y", 200_000)
	long.send += fmt.Sprintf("PUT /long HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: chunked\r\n\r\n%x\r\n%s\r\n0\r\n\r\n", len(content), content) + before
	long.want = append(long.want[:100:100], "200 PUT /long", "200 GET /before")
	long.seen = append(long.seen[:100:100], "PUT /long HTTP/1.1\r\nHost: t\r\n+\r\nTransfer-Encoding: chunked\r\n\r\n{"+content+"}", beforeSeen)
	attack(t, r, rec, []hostile{all, long})
}
