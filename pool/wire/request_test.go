package wire

import (
	"bytes"
	"errors"
	"strings"
	"testing"
)

// mustRequest parses raw every way and returns the head.
func mustRequest(t *testing.T, raw string) *RequestHead {
	t.Helper()
	parseEveryWay(t, freshRequest, raw)
	h := new(RequestHead)
	if n, err := h.Parse([]byte(raw), nil); n == 0 || err != nil {
		t.Fatalf("got %d, %v; want a complete head", n, err)
	}
	return h
}

func TestRequestFraming(t *testing.T) {
	cases := []struct {
		name, raw string
		framing   Framing
		length    int64
	}{
		{"GET without body", get(""), NoBody, 0},
		{"GET with body", get("Content-Length: 3\r\n"), Length, 3},
		{"GET with chunks", get("Transfer-Encoding: chunked\r\n"), ChunkedBody, -1},
		{"HEAD with body", "HEAD / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\n", Length, 3},
		{"DELETE with body", "DELETE / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\n", Length, 3},
		{"OPTIONS with chunks", "OPTIONS / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n", ChunkedBody, -1},
		{"POST without length", "POST / HTTP/1.1\r\nHost: a\r\n\r\n", NoBody, 0},
		{"length 0", get("Content-Length: 0\r\n"), Length, 0},
		{"length in other case", get("cOnTeNt-LeNgTh:3\r\n"), Length, 3},
		{"length with white space around", get("Content-Length: \t 3 \t\r\n"), Length, 3},
		{"largest length", get("Content-Length: 9223372036854775807\r\n"), Length, 1<<63 - 1},
		{"coding in other case", get("TRANSFER-ENCODING:CHUNKED\r\n"), ChunkedBody, -1},
		{"coding with tabs around", get("Transfer-Encoding:\tchunked\t\r\n"), ChunkedBody, -1},
		{"HTTP/1.0 with length", "POST / HTTP/1.0\r\nContent-Length: 7\r\n\r\n", Length, 7},
		{"twins frame nothing", get("Content_Length: 5\r\nTransfer_Encoding: chunked\r\n"), NoBody, 0},
		{"look-alikes frame nothing", get("Content-Lengthy: 5\r\nXContent-Length: 5\r\n"), NoBody, 0},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			if h := mustRequest(t, c.raw); h.Framing != c.framing || h.ContentLength != c.length {
				t.Errorf("got framing %d, length %d; want %d, %d", h.Framing, h.ContentLength, c.framing, c.length)
			}
		})
	}
}

func TestRequestTarget(t *testing.T) {
	const noQuery = "<nil>"
	cases := []struct {
		name, first, host, path, query string
		form                           Form
	}{
		{"origin", "GET /a/b?c=d?e", "h", "/a/b", "c=d?e", FormOrigin},
		{"no query", "GET /a", "h", "/a", noQuery, FormOrigin},
		{"empty query", "GET /a?", "h", "/a", "", FormOrigin},
		{"two slashes are a path", "GET //evil/a", "h", "//evil/a", noQuery, FormOrigin},
		{"high bytes", "GET /\xe4?\xf6", "h", "/\xe4", "\xf6", FormOrigin},
		{"colon in path", "GET /http://x/", "h", "/http://x/", noQuery, FormOrigin},
		{"absolute", "GET http://b:81/p?q", "b:81", "/p", "q", FormAbsolute},
		{"absolute https in other case", "GET HTTPS://b/p", "b", "/p", noQuery, FormAbsolute},
		{"absolute without path", "GET http://b", "b", "/", noQuery, FormAbsolute},
		{"absolute with query alone", "GET http://b?q", "b", "/", "q", FormAbsolute},
		{"absolute with address", "GET http://[::1]:8080/", "[::1]:8080", "/", noQuery, FormAbsolute},
		{"asterisk", "OPTIONS *", "h", "*", noQuery, FormAsterisk},
		{"asterisk in absolute-form", "OPTIONS http://b", "b", "*", noQuery, FormAsterisk},
		{"OPTIONS of the root", "OPTIONS http://b/", "b", "/", noQuery, FormAbsolute},
		{"OPTIONS with query alone", "OPTIONS http://b?q", "b", "/", "q", FormAbsolute},
		{"unknown method", "X-PURGE /a", "h", "/a", noQuery, FormOrigin},
		{"longest method", "GET" + strings.Repeat("X", 29) + " /a", "h", "/a", noQuery, FormOrigin},
		{"TRACE is for the engine to refuse", "TRACE /a", "h", "/a", noQuery, FormOrigin},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			h := mustRequest(t, c.first+" HTTP/1.1\r\nHost: h\r\n\r\n")
			query := string(h.Query)
			if h.Query == nil {
				query = noQuery
			}
			if string(h.Host) != c.host || string(h.Path) != c.path || query != c.query || h.Form != c.form {
				t.Errorf("got host %q path %q query %q form %d; want %q %q %q %d",
					h.Host, h.Path, query, h.Form, c.host, c.path, c.query, c.form)
			}
			method, target, _ := strings.Cut(c.first, " ")
			if string(h.Method) != method || string(h.Target) != target {
				t.Errorf("got method %q target %q; want %q %q", h.Method, h.Target, method, target)
			}
			if replaced := c.host != "h"; h.Fields[0].Drop != replaced {
				t.Errorf("got Host line dropped %v; want %v", h.Fields[0].Drop, replaced)
			}
		})
	}
}

func TestRequestPersistence(t *testing.T) {
	cases := []struct {
		name, raw string
		want      bool
	}{
		{"HTTP/1.1", get(""), true},
		{"HTTP/1.1 close", get("Connection: close\r\n"), false},
		{"HTTP/1.1 close in a list", get("Connection: x , CLOSE,keep-alive\r\n"), false},
		{"HTTP/1.1 close on a second line", get("Connection: keep-alive\r\nconnection: Close\r\n"), false},
		{"HTTP/1.1 close is a part of a word", get("Connection: closed\r\n"), true},
		{"HTTP/1.0", "GET / HTTP/1.0\r\n\r\n", false},
		{"HTTP/1.0 keep-alive", "GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n", true},
		{"HTTP/1.0 both", "GET / HTTP/1.0\r\nConnection: keep-alive, close\r\n\r\n", false},
		{"HTTP/1.0 Proxy-Connection", "GET / HTTP/1.0\r\nProxy-Connection: keep-alive\r\n\r\n", false},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			if h := mustRequest(t, c.raw); h.KeepAlive != c.want {
				t.Errorf("got %v; want %v", h.KeepAlive, c.want)
			}
		})
	}
}

func TestRequestExpectUpgradeAndTrailers(t *testing.T) {
	const body = "Content-Length: 3\r\n"
	const old = "POST / HTTP/1.0\r\nHost: a\r\n"
	cases := []struct {
		name, raw string
		expect    bool
		upgrade   string
		trailers  bool
	}{
		{"expectation", get(body + "Expect: 100-Continue\r\n"), true, "", false},
		{"expectation before chunks", get("Transfer-Encoding: chunked\r\nexpect:100-continue\r\n"), true, "", false},
		{"expectation without body", get("Expect: 100-continue\r\n"), false, "", false},
		{"expectation with length 0", get("Expect: 100-continue\r\nContent-Length: 0\r\n"), false, "", false},
		{"expectation in HTTP/1.0", old + body + "Expect: 100-continue\r\n\r\n", false, "", false},
		{"upgrade", get("Connection: Upgrade\r\nUpgrade: websocket\r\n"), false, "websocket", false},
		{"upgrade in a list", get("Upgrade: websocket\r\nConnection: keep-alive, upgrade\r\n"), false, "websocket", false},
		{"upgrade without Connection", get("Upgrade: websocket\r\n"), false, "", false},
		{"Connection without upgrade", get("Connection: upgrade\r\n"), false, "", false},
		{"upgrade to nothing", get("Connection: upgrade\r\nUpgrade:\r\n"), false, "", false},
		{"upgrade to h2c", get("Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AA\r\n"), false, "", false},
		{"upgrade to h2c among others", get("Connection: upgrade\r\nUpgrade: websocket, H2C\r\n"), false, "", false},
		{"upgrade twice", get("Connection: upgrade\r\nUpgrade: a\r\nUpgrade: b\r\n"), false, "", false},
		{"upgrade in HTTP/1.0", old + "Connection: upgrade\r\nUpgrade: websocket\r\n\r\n", false, "", false},
		{"trailers", get("TE: trailers\r\n"), false, "", true},
		{"trailers in a list", get("TE: gzip;q=0.5,\tTrailers\r\nConnection: TE\r\n"), false, "", true},
		{"no trailers", get("TE: deflate\r\n"), false, "", false},
		{"no trailers by a part of a word", get("TE: trailersx\r\n"), false, "", false},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			h := mustRequest(t, c.raw)
			if h.ExpectContinue != c.expect || h.AcceptsTrailers != c.trailers ||
				h.UpgradeWanted != (c.upgrade != "") || string(h.UpgradeTo) != c.upgrade {
				t.Errorf("got expect %v, upgrade %v %q, trailers %v; want %v %q %v", h.ExpectContinue,
					h.UpgradeWanted, h.UpgradeTo, h.AcceptsTrailers, c.expect, c.upgrade, c.trailers)
			}
		})
	}
}

func TestHopByHopFieldsAreDropped(t *testing.T) {
	const hop = "Connection: x-a, X-B,keep-alive\r\nKeep-Alive: 5\r\nProxy-Connection: x\r\nTE: gzip\r\nTrailer: x\r\n" +
		"Upgrade: x\r\nProxy-Authenticate: x\r\nPROXY-AUTHORIZATION: x\r\nHTTP2-Settings: x\r\n"
	cases := []struct{ name, raw, want string }{
		{"all of RFC 9110 7.6.1", get(hop + "X-A: 1\r\nx-b: 2\r\nX-C: 3\r\nX-A: 4\r\n"), "Host: a\r\nX-C: 3\r\n"},
		{"first and last stay", get("Connection: x\r\nX: 1\r\nY: 2\r\n"), "Host: a\r\nY: 2\r\n"},
		{"several lines, any case, tabs", get("cOnNeCtIoN:\tx-A\t,\r\nX-a: 1\r\nConnection: X-B\r\nX-b: 2\r\nZ: 3\r\n"), "Host: a\r\nZ: 3\r\n"},
		{"nominated before Connection", get("X: 1\r\nConnection: x\r\n"), "Host: a\r\n"},
		{"coding goes", get("Transfer-Encoding: chunked\r\nX: 1\r\n"), "Host: a\r\nX: 1\r\n"},
		{
			"what is relied on stays", get("Connection: Host, content-length, X-Forwarded-For, X-Forwarded-Abc, Authorization, Cookie, " +
				"Expect, X-Request-Id, Content-Type\r\nContent-Length: 3\r\nX-Forwarded-For: 1\r\nX-Forwarded-Abc: 1\r\nAuthorization: x\r\n" +
				"Cookie: y\r\nX-Request-Id: z\r\nContent-Type: t\r\nExpect: 100-continue\r\n"),
			"Host: a\r\nContent-Length: 3\r\nX-Forwarded-For: 1\r\nX-Forwarded-Abc: 1\r\nAuthorization: x\r\nCookie: y\r\n" +
				"X-Request-Id: z\r\nContent-Type: t\r\nExpect: 100-continue\r\n",
		},
		{"odd elements nominate nothing", get("Connection: \"x\", x;y, , x y\r\nX: 1\r\n"), "Host: a\r\nX: 1\r\n"},
		{"twins of framing go", get(
			"Content_Length: 1\r\ntransfer_encoding: chunked\r\nX_Odd: 1\r\n"), "Host: a\r\nX_Odd: 1\r\n"},
		{"expectation of nothing goes", get("Expect: 100-continue\r\n"), "Host: a\r\n"},
		{
			"values stay byte for byte", get("X:  a\tb \r\nY:\x80\xff\r\nCookie: a=1; b=\"x y\";c=\r\nZ:\r\n"),
			"Host: a\r\nX:  a\tb \r\nY:\x80\xff\r\nCookie: a=1; b=\"x y\";c=\r\nZ:\r\n",
		},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			h := mustRequest(t, c.raw)
			if got := string(h.AppendFields(nil)); got != c.want {
				t.Errorf("got %q; want %q", got, c.want)
			}
		})
	}
}

func TestFieldIdentity(t *testing.T) {
	cases := []struct {
		name string
		want FieldID
	}{
		{"X-Forwarded-For", FieldXForwardedFor},
		{"x-forwarded-prefix", FieldXForwardedOther},
		{"X-FORWARDED-CLIENT-CERT", FieldXForwardedOther},
		{"X-Forwarded-", FieldOther},
		{"X_Forwarded_For", FieldUnderscoreTwin},
		{"X-Forwarded_For", FieldUnderscoreTwin},
		{"x_forwarded_whatever_it_may_be_called", FieldUnderscoreTwin},
		{"Content_Length", FieldUnderscoreTwin},
		{"HTTP2_SETTINGS", FieldUnderscoreTwin},
		{"X_Real_IP", FieldUnderscoreTwin},
		{"SSL_Client_Cert", FieldUnderscoreTwin},
		{"X-SSL-Client-Cert", FieldClientCert},
		{"sec_fetch_mode", FieldOther},
		{"my_own", FieldOther},
		{"Via", FieldVia},
		{"TE", FieldTE},
		{"T", FieldOther},
		{"If-Unmodified-Since", FieldConditional},
		{"If-Unmodified-Sinc", FieldOther},
		{"Content-Lengt~", FieldOther},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			h := mustRequest(t, get(c.name+": v\r\n"))
			if got := h.Fields[1].ID; got != c.want {
				t.Errorf("got %d; want %d", got, c.want)
			}
			if !h.Has(c.want) || string(h.Lookup(strings.ToLower(c.name))) != "v" {
				t.Errorf("got Has %v, Lookup %q; want true, v", h.Has(c.want), h.Lookup(strings.ToLower(c.name)))
			}
		})
	}
}

// TestEveryKnownNameIsFound tries each name in several cases, alone at the end
// of the buffer (slow path) and with bytes after it (fast path).
func TestEveryKnownNameIsFound(t *testing.T) {
	for _, k := range nameList {
		for _, name := range []string{k.name, strings.ToUpper(k.name), strings.Title(k.name)} { //nolint:staticcheck // ASCII.
			for _, after := range []string{"", "0123456789abcdef"} {
				h := Head{Fields: make([]Field, 0, 1)}
				raw := name + ":\r\n\r\n"
				if n, r := h.parseFields([]byte(raw+after), 10); n != len(raw) || r != nil {
					t.Fatalf("%s: got %d, %v; want %d", name, n, r, len(raw))
				}
				if h.Fields[0].ID != k.id || h.Fields[0].Drop != hopSet.Has(k.id) {
					t.Errorf("%s: got %d, dropped %v; want %d", name, h.Fields[0].ID, h.Fields[0].Drop, k.id)
				}
			}
		}
	}
}

// TestNamesOfIdentities: an identity has a name where that is the only one.
func TestNamesOfIdentities(t *testing.T) {
	known := map[FieldID]int{}
	for _, k := range nameList {
		known[k.id]++
	}
	for id := range FieldIsameAttempts + 1 {
		name := id.Name()
		if alone := known[id] == 1 && id != FieldXForwardedOther; alone != (name != "") {
			t.Errorf("identity %d of %d names: got %q", id, known[id], name)
		}
		if name != "" && IDOf(name) != id {
			t.Errorf("%s: got identity %d; want %d", name, IDOf(name), id)
		}
	}
	if got := FieldConditional.Name(); got != "" {
		t.Errorf("got %q for the conditions, of which there are several", got)
	}
	for _, name := range []string{"x-forwarded-user", "x_forwarded_for", "content_length", "x-anything"} { // what is not listed shares an identity
		if got := IDOf(name).Name(); got != "" {
			t.Errorf("%s: got the name %q", name, got)
		}
	}
}

func TestRequestLeavesWhatFollows(t *testing.T) {
	first, second := get("Content-Length: 3\r\n"), "\r\nGET /2 HTTP/1.1\r\nHost: b\r\n\r\n"
	raw := []byte(first + "abc" + second)
	var h RequestHead
	n, err := h.Parse(raw, nil)
	if n != len(first) || err != nil {
		t.Fatalf("got %d, %v; want %d", n, err, len(first))
	}
	if raw = raw[n+3:]; len(h.Raw) != len(first) {
		t.Errorf("got %d bytes in Raw; want %d", len(h.Raw), len(first))
	}
	if n, err = h.Parse(raw, nil); n != len(second) || err != nil {
		t.Fatalf("got %d, %v; want %d with the empty line before it", n, err, len(second))
	}
	if string(h.Path) != "/2" || string(h.Raw) != second[2:] || len(h.Fields) != 1 || h.ContentLength != 0 || h.Framing != NoBody {
		t.Errorf("got %s; want only the second request", (&requestParser{h: h}).describe())
	}
}

func TestRequestWithoutEndWantsMore(t *testing.T) {
	for _, raw := range []string{"", "\r", "\r\n", "G", "GET", "GET ", "GET / HTTP/1.1\r", "GET / HTTP/1.1\r\n", "GET / HTTP/1.1\r\nHost: a\r\n", "GET / HTTP/1.1\r\nHost: a\r\n\r"} {
		if got := parseEveryWay(t, freshRequest, raw); got != "more" {
			t.Errorf("%q: got %s; want more", raw, got)
		}
	}
}

func TestLimitsAreExact(t *testing.T) {
	raw := get("X: y\r\n")
	for _, c := range []struct {
		name string
		lim  Limits
		want string
	}{
		{"just fits", Limits{HeadBytes: len(raw), Fields: 2}, ""},
		{"one byte too long", Limits{HeadBytes: len(raw) - 1}, "431 header_too_large"},
		{"one field too many", Limits{Fields: 1}, "431 too_many_fields"},
		{"first line too long", Limits{HeadBytes: 10}, "414 target_too_long"},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := parseEveryWay(t, func() headParser { return &requestParser{lim: &c.lim} }, raw)
			if accepted := !strings.HasPrefix(got, "refused"); accepted != (c.want == "") || !accepted && got != "refused: "+c.want {
				t.Errorf("got %s; want %s", got, c.want)
			}
		})
	}
}

// TestManyFieldsAreNotOverlooked puts what matters behind 64 other fields,
// where the bitmap of notable fields ends.
func TestManyFieldsAreNotOverlooked(t *testing.T) {
	raw := "POST / HTTP/1.1\r\n" + strings.Repeat("X: y\r\n", 70) + "Host: a\r\nContent-Length: 5\r\nConnection: close, x\r\nTE: trailers\r\n\r\n"
	h := mustRequest(t, raw)
	if string(h.Host) != "a" || h.ContentLength != 5 || h.KeepAlive || !h.AcceptsTrailers || !h.Fields[0].Drop {
		t.Errorf("got %s", (&requestParser{h: *h}).describe())
	}
	dup := strings.Replace(raw, "TE: trailers", "Content-Length: 5", 1)
	if _, err := h.Parse([]byte(dup), nil); !errors.Is(err, ErrConflictingLength) {
		t.Errorf("got %v; want %v", err, ErrConflictingLength)
	}
}

// TestDribbledHeadIsLinear feeds a head of one long line byte by byte and
// counts the bytes looked at through the time it may take: quadratic work on
// this size would need minutes.
func TestDribbledHeadIsLinear(t *testing.T) {
	lim := &Limits{HeadBytes: 1 << 20}
	raw := []byte(get("X: " + strings.Repeat("a", 500<<10) + "\r\n"))
	var h RequestHead
	for size := range raw {
		if n, err := h.Parse(raw[:size], lim); n != 0 || err != nil {
			t.Fatalf("after %d bytes: got %d, %v; want more", size, n, err)
		}
	}
	if n, err := h.Parse(raw, lim); n != len(raw) || err != nil {
		t.Fatalf("got %d, %v; want %d", n, err, len(raw))
	}
	if got := len(h.Lookup("x")); got != 500<<10 || !bytes.Equal(h.Raw, raw) {
		t.Errorf("got a value of %d bytes; want %d", got, 500<<10)
	}
}
