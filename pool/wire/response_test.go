package wire

import (
	"errors"
	"strings"
	"testing"
	"time"
)

func ok(lines string) string { return "HTTP/1.1 200 OK\r\n" + lines + "\r\n" }

func TestResponseIsRefused(t *testing.T) {
	const cl, te = "Content-Length: ", "Transfer-Encoding: "
	cases := []struct{ name, raw, want string }{
		{"length and coding", ok(cl + "5\r\n" + te + "chunked\r\n"), "conflicting_length"},
		{"two lengths", ok(cl + "5\r\n" + cl + "6\r\n"), "conflicting_length"},
		{"three lengths, two equal", ok(cl + "5\r\n" + cl + "5\r\n" + cl + "05, 6\r\n"), "conflicting_length"},
		{"list of two lengths", ok(cl + "5, 6\r\n"), "conflicting_length"},
		{"list with nothing in it", ok(cl + "5,\r\n"), "bad_content_length"},
		{"equal lengths and coding", ok(cl + "5\r\n" + cl + "5\r\n" + te + "chunked\r\n"), "conflicting_length"},
		{"hexadecimal length", ok(cl + "0x5\r\n"), "bad_content_length"},
		{"endless zeros", ok(cl + strings.Repeat("0", 40) + "5\r\n"), "bad_content_length"},
		{"length with sign", ok(cl + "+5\r\n"), "bad_content_length"},
		{"negative length", ok(cl + "-1\r\n"), "bad_content_length"},
		{"length too large", ok(cl + "99999999999999999999\r\n"), "bad_content_length"},
		{"length empty", ok("Content-Length:\r\n"), "bad_content_length"},
		{"bad length of 204", "HTTP/1.1 204 x\r\n" + cl + "x\r\n\r\n", "bad_content_length"},
		{"coding gzip", ok(te + "gzip\r\n"), "bad_transfer_encoding"},
		{"coding identity", ok(te + "identity\r\n"), "bad_transfer_encoding"},
		{"coding gzip and chunked", ok(te + "gzip, chunked\r\n"), "unsupported_transfer_coding"},
		{"coding twice", ok(te + "chunked\r\n" + te + "chunked\r\n"), "bad_transfer_encoding"},
		{"coding in HTTP/1.0", "HTTP/1.0 200 OK\r\n" + te + "chunked\r\n\r\n", "bad_transfer_encoding"},
		{"status 99", "HTTP/1.1 99 x\r\n\r\n", "bad_status"},
		{"status 099", "HTTP/1.1 099 x\r\n\r\n", "bad_status"},
		{"status 000", "HTTP/1.1 000 x\r\n\r\n", "bad_status"},
		{"status 1000", "HTTP/1.1 1000 x\r\n\r\n", "bad_status"},
		{"status 2x0", "HTTP/1.1 2x0 x\r\n\r\n", "bad_status"},
		{"status +20", "HTTP/1.1 +20 x\r\n\r\n", "bad_status"},
		{"status 20", "HTTP/1.1 20\r\n\r\n", "bad_status_line"},
		{"status 20 and reason", "HTTP/1.1 20 OK\r\n\r\n", "bad_status"},
		{"no status", "HTTP/1.1\r\n\r\n", "bad_status_line"},
		{"two spaces", "HTTP/1.1  200 OK\r\n\r\n", "bad_status"},
		{"tab after version", "HTTP/1.1\t200 OK\r\n\r\n", "bad_status_line"},
		{"tab after status", "HTTP/1.1 200\tOK\r\n\r\n", "bad_status"},
		{"control byte in the reason", "HTTP/1.1 200 O\x01K\r\n\r\n", "bad_reason"},
		{"NUL in the reason", "HTTP/1.1 200 O\x00K\r\n\r\n", "bad_reason"},
		{"DEL in the reason", "HTTP/1.1 200 \x7f\r\n\r\n", "bad_reason"},
		{"CR in the reason", "HTTP/1.1 200 O\rX: y\r\n\r\n", "bad_line_end"},
		{"HTTP/2.0", "HTTP/2.0 200 OK\r\n\r\n", "bad_status_line"},
		{"HTTP/0.9", "HTTP/0.9 200 OK\r\n\r\n", "bad_status_line"},
		{"HTTP/1.2", "HTTP/1.2 200 OK\r\n\r\n", "bad_status_line"},
		{"http/1.1", "http/1.1 200 OK\r\n\r\n", "bad_status_line"},
		{"ICY", "ICY 200 OK\r\n\r\n", "bad_status_line"},
		{"HTML", "<html>", "bad_status_line"},
		{"SSH", "SSH-2.0-OpenSSH_9.2\r\n", "bad_status_line"},
		{"TLS alert", "\x15\x03\x01\x00\x02\x02\x46", "bad_status_line"},
		{"empty line first", "\r\n" + ok(""), "bad_status_line"},
		{"bare LF", "HTTP/1.1 200 OK\nX: y\n\n", "bad_line_end"},
		{"bare LF in fields", ok("X: y\n"), "bad_line_end"},
		{"name with space", ok("X Y: z\r\n"), "bad_field_name"},
		{"space before colon", ok("Content-Length : 5\r\n"), "bad_field_name"},
		{"fold", ok("X: y\r\n z\r\n"), "folded_field"},
		{"fold first", ok(" X: y\r\n"), "folded_field"},
		{"NUL in a value", ok("X: \x00\r\n"), "bad_field_value"},
		{"10,000 fields", ok(strings.Repeat("A:\r\n", 10000)), "too_many_fields"},
		{"head too large", ok("X: " + strings.Repeat("a", 20<<10) + "\r\n"), "header_too_large"},
		{"status line without end", "HTTP/1.1 200 " + strings.Repeat("a", 20<<10), "header_too_large"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			want := "refused: 502 " + c.want
			if len(c.raw) < 1<<10 {
				if got := parseEveryWay(t, freshResponse, c.raw); got != want {
					t.Errorf("got %s; want %s", got, want)
				}
				return
			}
			if got := parseAtOnce(freshResponse(), []byte(c.raw)); got != want {
				t.Errorf("at once: got %s; want %s", got, want)
			}
			if got := parseInSteps(freshResponse(), []byte(c.raw), 1); got != want {
				t.Errorf("byte by byte: got %s; want %s", got, want)
			}
		})
	}
}

func TestResponseFraming(t *testing.T) {
	const body, chunks = "Content-Length: 3\r\n", "Transfer-Encoding: chunked\r\n"
	status := func(first, lines string) string { return first + "\r\n" + lines + "\r\n" }
	cases := []struct {
		name, raw string
		forHEAD   bool
		framing   Framing
		length    int64
		keepAlive bool
	}{
		{"length", ok(body), false, Length, 3, true},
		{"length 0", ok("Content-Length: 0\r\n"), false, Length, 0, true},
		{"length and close", ok(body + "Connection: close\r\n"), false, Length, 3, false},
		{"chunks", ok(chunks), false, ChunkedBody, -1, true},
		{"neither", ok(""), false, UntilClose, -1, false},
		{"neither, keep-alive claimed", ok("Connection: keep-alive\r\n"), false, UntilClose, -1, false},
		{"HTTP/1.0 with length", status("HTTP/1.0 200 OK", body), false, Length, 3, false},
		{"HTTP/1.0 keep-alive", status("HTTP/1.0 200 OK", body+"Connection: keep-alive\r\n"), false, Length, 3, true},
		{"HTTP/1.0 without length", status("HTTP/1.0 200 OK", "Connection: keep-alive\r\n"), false, UntilClose, -1, false},
		{"HEAD with length", ok(body), true, NoBody, 3, true},
		{"HEAD with chunks", ok(chunks), true, NoBody, -1, true},
		{"HEAD with neither", ok(""), true, NoBody, -1, true},
		{"HEAD and close", ok(body + "Connection: close\r\n"), true, NoBody, 3, false},
		{"304 with length", status("HTTP/1.1 304 Not Modified", body), false, NoBody, 3, true},
		{"204", status("HTTP/1.1 204 No Content", ""), false, NoBody, -1, true},
		{"204 with length 0", status("HTTP/1.1 204 No Content", "Content-Length: 0\r\n"), false, NoBody, -1, true},
		{"204 with length", status("HTTP/1.1 204 No Content", body), false, NoBody, -1, false},
		{"204 with chunks", status("HTTP/1.1 204 No Content", chunks), false, NoBody, -1, false},
		{"100", status("HTTP/1.1 100 Continue", ""), false, NoBody, -1, true},
		{"103 with length", status("HTTP/1.1 103 Early Hints", body), false, NoBody, -1, false},
		{"101", status("HTTP/1.1 101 Switching Protocols", "Upgrade: websocket\r\nConnection: upgrade\r\n"), false, NoBody, -1, false},
		{"205 with length 0", status("HTTP/1.1 205 Reset Content", "Content-Length: 0\r\n"), false, Length, 0, true},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			fresh := func() headParser { return &responseParser{forHEAD: c.forHEAD} }
			parseEveryWay(t, fresh, c.raw)
			var h ResponseHead
			n, err := h.Parse([]byte(c.raw), nil, c.forHEAD)
			if n != len(c.raw) || err != nil {
				t.Fatalf("got %d, %v; want %d", n, err, len(c.raw))
			}
			if h.Framing != c.framing || h.ContentLength != c.length || h.KeepAlive != c.keepAlive {
				t.Errorf("got framing %d, length %d, keep-alive %v; want %d, %d, %v",
					h.Framing, h.ContentLength, h.KeepAlive, c.framing, c.length, c.keepAlive)
			}
		})
	}
}

func TestResponseStatusLine(t *testing.T) {
	cases := []struct {
		raw, reason string
		status      int
		interim     bool
	}{
		{"HTTP/1.1 200 OK", "OK", 200, false},
		{"HTTP/1.0 404 Not Found", "Not Found", 404, false},
		{"HTTP/1.1 200 ", "", 200, false},
		{"HTTP/1.1 200", "", 200, false},
		{"HTTP/1.1 599 odd\ttext \xe4", "odd\ttext \xe4", 599, false},
		{"HTTP/1.1 100 Continue", "Continue", 100, true},
		{"HTTP/1.1 103 Early Hints", "Early Hints", 103, true},
		{"HTTP/1.1 199 ", "", 199, true},
		{"HTTP/1.1 101 Switching Protocols", "Switching Protocols", 101, false},
	}
	for _, c := range cases {
		t.Run(c.raw, func(t *testing.T) {
			raw := c.raw + "\r\n\r\n"
			parseEveryWay(t, freshResponse, raw)
			var h ResponseHead
			if n, err := h.Parse([]byte(raw), nil, false); n != len(raw) || err != nil {
				t.Fatalf("got %d, %v; want %d", n, err, len(raw))
			}
			if h.Status != c.status || string(h.Reason) != c.reason || h.Interim() != c.interim || h.Minor != c.raw[7]-'0' {
				t.Errorf("got %s; want %d %q", (&responseParser{h: h}).describe(), c.status, c.reason)
			}
		})
	}
}

func TestResponseFieldsPassInOrder(t *testing.T) {
	raw := ok("Date: x\r\nserver: y\r\nSet-Cookie: a=1\r\nConnection: x-hop, Set-Cookie, Date\r\nX-Hop: 1\r\n" +
		"Set-Cookie: b=2\r\nKeep-Alive: timeout=5\r\nSet-Cookie: a=1\r\nContent-Length: 0\r\nProxy-Authenticate: z\r\n")
	const want = "Date: x\r\nserver: y\r\nSet-Cookie: a=1\r\nSet-Cookie: b=2\r\nSet-Cookie: a=1\r\nContent-Length: 0\r\n"
	var h ResponseHead
	if n, err := h.Parse([]byte(raw), nil, false); n != len(raw) || err != nil {
		t.Fatalf("got %d, %v; want %d", n, err, len(raw))
	}
	if got := string(h.AppendFields([]byte(""))); got != want {
		t.Errorf("got %q; want %q", got, want)
	}
	bare := "HTTP/1.1 204 No Content\r\nContent-Length: 0\r\nX: y\r\n\r\n"
	if _, err := h.Parse([]byte(bare), nil, false); err != nil || string(h.AppendFields(nil)) != "X: y\r\n" {
		t.Errorf("got %q, %v; want no length on 204", h.AppendFields(nil), err)
	}
}

func TestResponseUpgrade(t *testing.T) {
	var h ResponseHead
	for raw, want := range map[string]string{
		"HTTP/1.1 101 x\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n": "websocket",
		"HTTP/1.1 101 x\r\n\r\n":                 "",
		"HTTP/1.1 200 x\r\nUpgrade: h2c\r\n\r\n": "",
	} {
		if _, err := h.Parse([]byte(raw), nil, false); err != nil || string(h.UpgradeTo) != want {
			t.Errorf("%q: got %q, %v; want %q", raw, h.UpgradeTo, err, want)
		}
	}
}

func TestRefusalOfBackendBytes(t *testing.T) {
	if r := ErrBadChunkSize.ForResponse(); r.Status != 502 || r.Cause != ErrBadChunkSize.Cause || r.ForResponse() != r {
		t.Errorf("got %v; want the same cause with 502", r)
	}
	if !errors.Is(ErrBadChunkSize.ForResponse(), ErrBadChunkSize) || errors.Is(ErrBadChunkSize, ErrBadChunkEnd) {
		t.Error("errors.Is must compare causes")
	}
	if got := ErrBadLength.Error(); got != "cannot accept message: bad_content_length" {
		t.Errorf("got %q", got)
	}
}

func TestKeepAliveTimeout(t *testing.T) {
	cases := []struct {
		value string
		want  time.Duration
		ok    bool
	}{
		{"timeout=5", 5 * time.Second, true},
		{"max=100, Timeout=15", 15 * time.Second, true},
		{"timeout=999999999999", 24 * time.Hour, true},
		{"timeout=0", 0, true},
		{"timeout=-1", 0, false},
		{"timeout=", 0, false},
		{"timeout = 5", 0, false},
		{"max=3", 0, false},
		{"", 0, false},
	}
	for _, c := range cases {
		if got, ok := KeepAliveTimeout([]byte(c.value)); got != c.want || ok != c.ok {
			t.Errorf("%q: got %v, %v; want %v, %v", c.value, got, ok, c.want, c.ok)
		}
	}
}

// Keep-Alive is never forwarded, and its timeout is handed over all the same.
func TestIdleTimeout(t *testing.T) {
	for _, c := range []struct {
		name, fields string
		want         time.Duration
	}{
		{"none", "", -1},
		{"seconds", "Keep-Alive: timeout=5, max=100\r\n", 5 * time.Second},
		{"nominated", "Connection: keep-alive\r\nkeep-alive: timeout=5\r\n", 5 * time.Second},
		{"nothing of it", "Keep-Alive: max=100\r\n", -1},
		{"not a number", "Keep-Alive: timeout=5s\r\n", -1},
		{"the smaller one", "Keep-Alive: timeout=7\r\nKeep-Alive: timeout=5\r\nKeep-Alive: timeout=6\r\n", 5 * time.Second},
		{"zero", "Keep-Alive: timeout=0\r\n", 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			var h ResponseHead
			raw := "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n" + c.fields + "\r\n"
			if _, err := h.Parse([]byte(raw), &Limits{}, false); err != nil {
				t.Fatal(err)
			}
			if h.IdleTimeout != c.want {
				t.Errorf("got %v; want %v", h.IdleTimeout, c.want)
			}
			if got := string(h.AppendFields(nil)); got != "Content-Length: 0\r\n" {
				t.Errorf("forwarded %q", got)
			}
		})
	}
}

func TestHasToken(t *testing.T) {
	cases := []struct {
		value string
		want  bool
	}{
		{"close", true},
		{"CLOSE", true},
		{"a,\tclose ,b", true},
		{",,close", true},
		{"", false},
		{"closed", false},
		{"clos", false},
		{"close;q=1", false},
		{"\"close\"", false},
		{"x close", false},
	}
	for _, c := range cases {
		if got := HasToken([]byte(c.value), "close"); got != c.want {
			t.Errorf("%q: got %v; want %v", c.value, got, c.want)
		}
	}
}

// Lengths that are written oddly and mean one thing are taken from backends, and not
// passed on as they came.
func TestOddLengthsOfResponses(t *testing.T) {
	const cl = "Content-Length: "
	for _, tc := range []struct {
		lines string
		want  int64
		odd   bool
	}{
		{cl + "5\r\n", 5, false},
		{cl + "0\r\n", 0, false},
		{cl + "005\r\n", 5, true},
		{cl + "000\r\n", 0, true},
		{cl + "5\r\n" + cl + "5\r\n", 5, true},
		{cl + "5, 5\r\n", 5, true},
		{cl + "5\r\nX: y\r\n" + cl + "05 ,5\r\n", 5, true},
		{cl + "09223372036854775807\r\n", 1<<63 - 1, true},
	} {
		var h ResponseHead
		raw := ok("A: b\r\n" + tc.lines)
		n, err := h.Parse([]byte(raw), &Limits{}, false)
		if err != nil || n != len(raw) || h.ContentLength != tc.want || h.OddLength != tc.odd || h.Framing != Length {
			t.Errorf("%q: got %d, %v, length %d, odd %v; want %d, %v", tc.lines, n, err, h.ContentLength, h.OddLength, tc.want, tc.odd)
		}
		if passed := string(h.AppendFields(nil)); strings.Contains(passed, cl) == tc.odd {
			t.Errorf("%q: passed %q", tc.lines, passed)
		}
	}
}
