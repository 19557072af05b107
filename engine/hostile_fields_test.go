package engine

import (
	"bufio"
	"io"
	"net"
	"strings"
	"testing"
)

// fieldsCase is a GET with fields and what the backend gets of them.
func fieldsCase(name, fields, seen string) hostile {
	return hostile{
		name: name, send: "GET / HTTP/1.1\r\nHost: t\r\n" + fields + "\r\n", want: []string{"200 GET /"},
		seen: []string{"GET / HTTP/1.1\r\nHost: t\r\n" + seen + "\r\n"},
	}
}

func TestHopByHopFieldsOfRequestsAreRemoved(t *testing.T) {
	rec := record(t)
	r := start(t, plain, rec.address)
	cases := []hostile{
		fieldsCase("each of them", "A: 1\r\nConnection: keep-alive\r\nKeep-Alive: timeout=5\r\nProxy-Connection: keep-alive\r\nTE: gzip\r\nTrailer: X\r\n"+
			"Upgrade: websocket\r\nProxy-Authenticate: Basic\r\nProxy-Authorization: Basic eDp5\r\nHTTP2-Settings: AAMAAABk\r\nB: 2\r\n", "A: 1\r\nB: 2\r\n+\r\n"),
		fieldsCase("in any case", "cOnNeCtIoN: Keep-Alive\r\nKEEP-ALIVE: x\r\nproxy-connection: x\r\nte:gzip\r\nUPGRADE: h2c\r\nhttp2-settings: x\r\nB: 2\r\n", "B: 2\r\n+\r\n"),
		fieldsCase("named", "Connection: X-One, x-TWO ,\tX-Three\r\nX-One: 1\r\nX-Two: 2\r\nx-three: 3\r\nX-Four: 4\r\nX-One: again\r\n", "X-Four: 4\r\n+\r\n"),
		fieldsCase("named in several lines", "Connection: a\r\nA: 1\r\nCONNECTION: b\r\nB: 2\r\nC: 3\r\nconnection:,,c,,\r\n", "+\r\n"),
		fieldsCase("named before and behind", "Early: 1\r\nConnection: early, late\r\nLate: 1\r\n", "+\r\n"),
		fieldsCase("named fields that stay", "Connection: Host, Content-Length, Authorization, Cookie, X-Forwarded-For, Via, Expect, Range, If-Match, Origin, Content-Type\r\n"+
			"Authorization: a\r\nCookie: b\r\nRange: c\r\nIf-Match: d\r\nOrigin: e\r\nContent-Type: f\r\n",
			"Authorization: a\r\nCookie: b\r\nRange: c\r\nIf-Match: d\r\nOrigin: e\r\nContent-Type: f\r\n+\r\n"),
		fieldsCase("named odd things", "Connection: \"a\", b;c, d e, \xff, =\r\nA: 1\r\nB: 2\r\n", "A: 1\r\nB: 2\r\n+\r\n"),
		fieldsCase("TE: trailers is passed on", "TE: trailers, deflate;q=0.5\r\n", "+\r\nTE: trailers\r\nConnection: TE\r\n"),
		fieldsCase("TE: trailers in capitals", "Connection: te\r\nTE: deflate\r\nte: TRAILERS\r\n", "+\r\nTE: trailers\r\nConnection: TE\r\n"),
		fieldsCase("h2c is never asked for", "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n", "+\r\n"),
		fieldsCase("order and repetitions stay", "B: 1\r\nA: 2\r\nb: 3\r\nA:2\r\nCookie: a=1; b=\"x y\";c=\r\nCookie: d\r\nX-Empty:\r\n",
			"B: 1\r\nA: 2\r\nb: 3\r\nA:2\r\nCookie: a=1; b=\"x y\";c=\r\nCookie: d\r\nX-Empty:\r\n+\r\n"),
		{
			name: "a named Content-Length still frames", send: post("Connection: Content-Length, close\r\nContent-Length: 5\r\n", "hello"), want: []string{"200 POST / close"},
			seen: []string{"POST / HTTP/1.1\r\nHost: t\r\nContent-Length: 5\r\n+\r\n\r\nhello"},
		},
		{
			name: "a named Transfer-Encoding still frames", send: post("Connection: Transfer-Encoding\r\nTransfer-Encoding: chunked\r\n", "5\r\nhello\r\n0\r\n\r\n"),
			want: []string{"200 POST /"}, seen: []string{"POST / HTTP/1.1\r\nHost: t\r\n+\r\nTransfer-Encoding: chunked\r\n\r\n{hello}"},
		},
		{
			name: "too many names", send: "GET / HTTP/1.1\r\nHost: t\r\nConnection: " + strings.Repeat("a,", 100) + "b\r\n\r\n",
			want: []string{"400 too_many_connection_options close"},
		},
	}
	attack(t, r, rec, cases)
}

func TestForwardedFieldsOfStrangersAreReplaced(t *testing.T) {
	rec := record(t)
	r := start(t, plain, rec.address)
	cases := []hostile{
		fieldsCase("each of them", "X-Forwarded-For: 1.2.3.4\r\nX-Forwarded-Proto: https\r\nX-Forwarded-Host: evil\r\nX-Forwarded-Port: 443\r\nX-Forwarded-Prefix: /a\r\n"+
			"Forwarded: for=1.2.3.4\r\nX-Real-IP: 1.2.3.4\r\nX-Request-Id: mine\r\nClient-Cert: :AA==:\r\nClient-Cert-Chain: :AA==:\r\nX-Client-Cert: x\r\n"+
			"X-SSL-Client-Cert: x\r\nSSL-Client-Cert: x\r\nX-Forwarded-Client-Cert: x\r\nA: 1\r\n", "A: 1\r\n+\r\n"),
		fieldsCase("in any case, more than once", "x-forwarded-FOR: 1.2.3.4\r\nX-FORWARDED-FOR: 5.6.7.8\r\nx-real-ip: 1\r\nX-REAL-IP: 2\r\nforwarded: for=x\r\nFORWARDED: for=y\r\n", "+\r\n"),
		fieldsCase("with underscores", "X_Forwarded_For: 1.2.3.4\r\nX_Forwarded-Proto: https\r\nx_real_ip: 1\r\nX-Request_Id: x\r\nX_SSL_Client_Cert: x\r\n"+
			"X_Forwarded_Anything: x\r\nClient_Cert: x\r\nTransfer_Encoding: chunked\r\nContent_Length: 5\r\nA_B: 1\r\n", "A_B: 1\r\n+\r\n"),
		fieldsCase("named in Connection", "Connection: X-Forwarded-For, X-Forwarded-Proto, X-Request-Id, Via\r\nX-Forwarded-For: 1.2.3.4\r\n", "+\r\n"),
		fieldsCase("garbage", "X-Forwarded-For: , ,;\"\xff\r\nX-Forwarded-For:\r\nX-Real-IP: [\r\n", "+\r\n"),
		fieldsCase("a thousand hops", "X-Forwarded-For: "+strings.Repeat("1.2.3.4, ", 1000)+"5.6.7.8\r\n", "+\r\n"),
		fieldsCase("Via is added to", "Via: 1.0 other\r\n", "Via: 1.0 other\r\n+\r\n"),
	}
	attack(t, r, rec, cases)
}

func TestForwardedFieldsOfTrustedPeersStand(t *testing.T) {
	rec := record(t)
	r := start(t, strings.Replace(plain, `"127.0.0.1:0"}`, `"127.0.0.1:0", trusted_proxies: [127.0.0.1]}`, 1), rec.address)
	const via = "Via: 1.1 isame\r\n"
	const rest = "X-Forwarded-Proto: http\r\nX-Forwarded-Host: t\r\nX-Request-Id: ID\r\n" + via
	hops := strings.Repeat("1.2.3.4, ", 1000) + "5.6.7.8"
	cases := []hostile{
		fieldsCase("nothing said", "", "+\r\n"),
		fieldsCase("each of them", "X-Forwarded-For: 1.2.3.4\r\nX-Forwarded-Proto: https\r\nX-Forwarded-Host: h\r\nX-Forwarded-Port: 443\r\nForwarded: for=1.2.3.4\r\nX-Real-IP: 1.2.3.4\r\n"+
			"X-Request-Id: mine\r\nClient-Cert: :AA==:\r\n",
			"X-Forwarded-Proto: https\r\nX-Forwarded-Host: h\r\nX-Forwarded-Port: 443\r\nForwarded: for=1.2.3.4\r\nX-Real-IP: 1.2.3.4\r\nX-Request-Id: mine\r\n"+
				"Client-Cert: :AA==:\r\nX-Forwarded-For: 1.2.3.4, 127.0.0.1\r\n"+via),
		fieldsCase("several lines become one list", "X-Forwarded-For: 1.2.3.4,5.6.7.8\r\nX-Forwarded-For:\r\nx-forwarded-for: ::1\r\n",
			"X-Forwarded-For: 1.2.3.4,5.6.7.8, ::1, 127.0.0.1\r\n"+rest),
		fieldsCase("named in Connection", "Connection: X-Forwarded-For\r\nX-Forwarded-For: 1.2.3.4\r\n", "X-Forwarded-For: 1.2.3.4, 127.0.0.1\r\n"+rest),
		fieldsCase("garbage is the peer's word", "X-Forwarded-For: fe80::1%eth0, [, x\r\n", "X-Forwarded-For: fe80::1%eth0, [, x, 127.0.0.1\r\n"+rest),
		fieldsCase("a thousand hops", "X-Forwarded-For: "+hops+"\r\n", "X-Forwarded-For: "+hops+", 127.0.0.1\r\n"+rest),
	}
	attack(t, r, rec, cases)
}

func TestFieldsOfResponses(t *testing.T) {
	const date = "Date: Thu, 01 Jan 1970 00:00:00 GMT\r\nServer: mine/1\r\n"
	for _, tc := range []struct{ name, sent, got string }{
		{"hop by hop", "Connection: keep-alive, X-One\r\nKeep-Alive: timeout=5\r\nX-ONE: 1\r\nProxy-Connection: x\r\nUpgrade: h2c\r\nTrailer: X\r\nTE: trailers\r\n" +
			"Proxy-Authenticate: Basic\r\nHTTP2-Settings: x\r\nA: 1\r\n", "A: 1\r\n"},
		{"in any case and several lines", "cOnnection: a\r\nB: 1\r\nCONNECTION: B\r\nA: 1\r\nkeep-alive: x\r\nC: 1\r\n", "C: 1\r\n"},
		{
			"named fields that stay", "Connection: Content-Type, Set-Cookie, Cache-Control, Date, Server\r\n" + date + "Set-Cookie: a\r\nCache-Control: no-store\r\n",
			date + "Set-Cookie: a\r\nCache-Control: no-store\r\n",
		},
		{
			"Date, Server and cookies as they came", "Set-Cookie: b=2; Path=/\r\n" + date + "set-cookie: a=1\r\nX:\xe9\r\nSet-Cookie: b=2; Path=/\r\n",
			"Set-Cookie: b=2; Path=/\r\n" + date + "set-cookie: a=1\r\nX:\xe9\r\nSet-Cookie: b=2; Path=/\r\n",
		},
	} {
		t.Run(tc.name, func(t *testing.T) {
			r := start(t, plain, scripted(t, func(_ int64, c net.Conn, in *bufio.Reader) {
				for readHead(in) != nil {
					_, _ = io.WriteString(c, "HTTP/1.1 200 Fine\r\n"+tc.sent+"Content-Length: 2\r\n\r\nok")
				}
			}))
			c := r.dial()
			want := "HTTP/1.1 200 Fine\r\n" + tc.got + "Content-Length: 2\r\n\r\nok"
			for range 2 {
				c.send("GET / HTTP/1.1\r\nHost: t\r\n\r\n")
				if got, err := c.readDated(want); err != nil || got != want {
					t.Fatalf("got %q, %v; want %q", got, err, want)
				}
			}
			if err := c.tcp().CloseWrite(); err != nil {
				t.Fatal(err)
			}
			if b, err := io.ReadAll(c.r); len(b) > 0 || err != nil {
				t.Errorf("got %q, %v behind the answer; want the end", b, err)
			}
		})
	}
}
