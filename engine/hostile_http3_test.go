package engine

import (
	"slices"
	"strings"
	"testing"

	"github.com/isame-lb/isame-lb/engine/http3/errcode"
)

// The same table as for HTTP/2: none of it becomes a request.
func TestHTTP3MalformedRequests(t *testing.T) {
	rec := record(t)
	r := start(t, h3Text(t), rec.address)
	c := r.h3(noSettings)
	for _, b := range malformedRequests() {
		t.Run(b.name, func(t *testing.T) {
			c.t, r.t = t, t
			want, counted := b.want, r.h3Errors(t, errcode.Message)
			if want == "" {
				want = "reset MESSAGE_ERROR"
			}
			if got := c.outcome(c.open(!b.open, section3(b.fields...))); got != want {
				t.Errorf("got %q; want %q", got, want)
			}
			if n := r.h3Errors(t, errcode.Message) - counted; b.want == "" && n != 1 {
				t.Errorf("counted %d times; want once", n)
			}
			if c.Context().Err() != nil { // the budget of resets is for one client
				t.Fatalf("the connection ended: %s", c.ending())
			}
			if got := c.ask(to("GET", "/before")...); got != "200 GET /before" {
				t.Errorf("the next one: got %q", got)
			}
			if got := take3(t, rec); !slices.Equal(got, []string{beforeSeen2}) {
				t.Errorf("the backend saw\n%q; want\n%q", got, beforeSeen2)
			}
		})
		if len(rec.take(t)) > 0 || c.Context().Err() != nil {
			c = r.h3(noSettings)
		}
	}
}

// take3 is what the backend saw. When the end of a request comes late, it has content:
// none.
func take3(t *testing.T, rec *recorder) []string {
	t.Helper()
	all := rec.take(t)
	for i := range all {
		all[i] = strings.Replace(all[i], "Transfer-Encoding: chunked\r\n\r\n{}", "\r\n", 1)
	}
	return all
}

func TestHTTP3MalformedTrailers(t *testing.T) {
	rec := record(t)
	r := start(t, h3Text(t), rec.address)
	head := section3(to("POST", "/")...)
	for name, fields := range map[string][]string{
		"a pseudo field": {":path", "/"}, "about the connection": {"connection", "close"}, "a line": {"x", "a\r\nb: c"}, "capitals": {"X", "y"}, "no name": {"", "y"},
	} {
		t.Run(name, func(t *testing.T) {
			r.t = t
			c := r.h3(noSettings)
			if got, want := c.outcome(c.open(true, head+frame3(data3, "x")+section3(fields...))), "reset MESSAGE_ERROR"; got != want {
				t.Errorf("got %q; want %q", got, want)
			}
			for _, q := range rec.take(t) {
				t.Errorf("the backend saw %q", q)
			}
		})
	}
}

// Content that is not as long as it was said to be never makes a whole request.
func TestHTTP3LengthsThatLie(t *testing.T) {
	rec := record(t)
	r := start(t, h3Text(t), rec.address)
	head := section3(to("POST", "/", "content-length", "5")...)
	for name, text := range map[string]string{"shorter": frame3(data3, "abc"), "longer": frame3(data3, "abcdef"), "nothing": ""} {
		t.Run(name, func(t *testing.T) {
			r.t = t
			c := r.h3(noSettings)
			if got, want := c.outcome(c.open(true, head+text)), "reset MESSAGE_ERROR"; got != want {
				t.Errorf("got %q; want %q", got, want)
			}
			for _, q := range rec.take(t) {
				t.Errorf("the backend saw %q", q)
			}
		})
	}
}

// What is too large is answered, as far as it can be read, and costs no memory.
func TestHTTP3LargeHeads(t *testing.T) {
	rec := record(t)
	r := start(t, h3Text(t), rec.address)
	c := r.h3(noSettings)
	big := strings.Repeat("x", 17<<10)
	if got, want := c.ask(to("GET", "/", "x", big)...), "431 header_too_large"; got != want {
		t.Errorf("one field: got %q; want %q", got, want)
	}
	if got, want := c.ask(to("GET", "/", "x", strings.Repeat("x", 200<<10))...), "431 header_too_large"; got != want {
		t.Errorf("more than is read: got %q; want %q", got, want)
	}
	var many []string
	for range 600 { // 1 byte each on the wire, or two
		many = append(many, "accept", "*/*")
	}
	if got, want := c.ask(to("GET", "/", many...)...), "431 header_too_large"; got != want {
		t.Errorf("many fields: got %q; want %q", got, want)
	}
	if got := c.ask(to("GET", "/before")...); got != "200 GET /before" {
		t.Errorf("the next one: got %q", got)
	}
}

// What must not be said ends the connection with the code that the RFC names.
func TestHTTP3FramesThatEndTheConnection(t *testing.T) {
	rec := record(t)
	r := start(t, h3Text(t), rec.address)
	request := func(text string) func(c *h3conn) { return func(c *h3conn) { c.open(true, text) } }
	uni := func(kind uint64, text string) func(c *h3conn) { return func(c *h3conn) { c.uni(kind, text) } }
	head := section3(to("GET", "/held")...)
	for _, tc := range []struct {
		name    string
		control string
		send    func(c *h3conn)
		want    errcode.Code
	}{
		{"DATA first", noSettings, request(frame3(data3, "x")), errcode.FrameUnexpected},
		{"SETTINGS on a request", noSettings, request(head + noSettings), errcode.FrameUnexpected},
		{"GOAWAY on a request", noSettings, request(frame3(goAway3, "\x00")), errcode.FrameUnexpected},
		{"CANCEL_PUSH on a request", noSettings, request(frame3(cancelPush3, "\x00")), errcode.FrameUnexpected},
		{"MAX_PUSH_ID on a request", noSettings, request(frame3(maxPush3, "\x00")), errcode.FrameUnexpected},
		{"PUSH_PROMISE of a client", noSettings, request(head + frame3(promise3, "\x00")), errcode.FrameUnexpected},
		{"PRIORITY of HTTP/2", noSettings, request(frame3(0x2, "x")), errcode.FrameUnexpected},
		{"PING of HTTP/2", noSettings, request(head + frame3(0x6, "x")), errcode.FrameUnexpected},
		{"WINDOW_UPDATE of HTTP/2", noSettings, request(frame3(0x8, "x")), errcode.FrameUnexpected},
		{"CONTINUATION of HTTP/2", noSettings, request(head + frame3(0x9, "x")), errcode.FrameUnexpected},
		{"three HEADERS", noSettings, request(head + section3("x", "y") + section3("x", "y")), errcode.FrameUnexpected},
		{"DATA behind trailers", noSettings, request(head + section3("x", "y") + frame3(data3, "x")), errcode.FrameUnexpected},
		{"a head that is cut", noSettings, request(head[:len(head)-1]), errcode.Frame},
		{"a frame header that is cut", noSettings, request("\x01"), errcode.Frame},
		{"DATA that is cut", noSettings, request(head + "\x00\x05abc"), errcode.Frame},
		{"bad compression", noSettings, request(frame3(headers3, "\x00\x00\xff\xff\xff\xff\xff")), errcode.Decompression},
		{"the dynamic table", noSettings, request(frame3(headers3, "\x02\x00\x80")), errcode.Decompression},
		{"a section of no length", noSettings, request(frame3(headers3, "")), errcode.Decompression},

		{"no SETTINGS", frame3(goAway3, "\x00"), func(*h3conn) {}, errcode.MissingSettings},
		{"something unknown before SETTINGS", frame3(0x21, "x"), func(*h3conn) {}, errcode.MissingSettings},
		{"two SETTINGS", noSettings + noSettings, func(*h3conn) {}, errcode.FrameUnexpected},
		{"DATA on the control stream", noSettings + frame3(data3, "x"), func(*h3conn) {}, errcode.FrameUnexpected},
		{"HEADERS on the control stream", noSettings + frame3(headers3, "x"), func(*h3conn) {}, errcode.FrameUnexpected},
		{"PUSH_PROMISE on the control stream", noSettings + frame3(promise3, "x"), func(*h3conn) {}, errcode.FrameUnexpected},
		{"PING of HTTP/2 on the control stream", noSettings + frame3(0x6, "x"), func(*h3conn) {}, errcode.FrameUnexpected},
		{"a setting twice", frame3(settings3, "\x06\x01\x06\x01"), func(*h3conn) {}, errcode.Settings},
		{"a setting of HTTP/2", frame3(settings3, "\x04\x01"), func(*h3conn) {}, errcode.Settings},
		{"a flag of two", frame3(settings3, "\x08\x02"), func(*h3conn) {}, errcode.Settings},
		{"half a setting", frame3(settings3, "\x06"), func(*h3conn) {}, errcode.Frame},
		{"endless SETTINGS", "\x04\x80\x10\x00\x00", func(*h3conn) {}, errcode.ExcessiveLoad},
		{"GOAWAY with more", noSettings + frame3(goAway3, "\x00\x00"), func(*h3conn) {}, errcode.Frame},
		{"GOAWAY that goes up", noSettings + frame3(goAway3, "\x00") + frame3(goAway3, "\x04"), func(*h3conn) {}, errcode.ID},
		{"MAX_PUSH_ID that goes down", noSettings + frame3(maxPush3, "\x04") + frame3(maxPush3, "\x00"), func(*h3conn) {}, errcode.ID},
		{"CANCEL_PUSH of nothing", noSettings + frame3(cancelPush3, "\x00"), func(*h3conn) {}, errcode.ID},
		{"the end of the control stream", "", func(c *h3conn) { _ = c.uni(0, noSettings).Close() }, errcode.ClosedCriticalStream},
		{"a reset of the control stream", "", func(c *h3conn) {
			s := c.uni(0, noSettings)
			c.ask(to("GET", "/")...) // it has come
			s.CancelWrite(0x100)
		}, errcode.ClosedCriticalStream},
		{"the end of the encoder stream", noSettings, func(c *h3conn) { _ = c.uni(2, "").Close() }, errcode.ClosedCriticalStream},
		{"the end of the decoder stream", noSettings, func(c *h3conn) { _ = c.uni(3, "").Close() }, errcode.ClosedCriticalStream},
		{"two control streams", noSettings, uni(0, noSettings), errcode.StreamCreation},
		{"a push stream", noSettings, uni(1, "\x00"), errcode.StreamCreation},
		{"an insert", noSettings, uni(2, "\xc0\x01x"), errcode.EncoderStream},
		{"a capacity", noSettings, uni(2, "\x21"), errcode.EncoderStream},
		{"an acknowledgement", noSettings, uni(3, "\x80"), errcode.DecoderStream},
		{"an increment", noSettings, uni(3, "\x01"), errcode.DecoderStream},
		{"frames that mean nothing, without end", noSettings, request(strings.Repeat(frame3(0x21, ""), 4000)), errcode.ExcessiveLoad},
		{"empty DATA without end", noSettings, request(section3(to("POST", "/")...) + strings.Repeat(frame3(data3, ""), 4000)), errcode.ExcessiveLoad},
	} {
		t.Run(tc.name, func(t *testing.T) {
			r.t = t
			counted := r.h3Errors(t, tc.want)
			c := r.h3(tc.control)
			tc.send(c)
			if got, want := c.ending(), "close "+tc.want.String(); got != want {
				t.Errorf("got %q; want %q", got, want)
			}
			if n := r.h3Errors(t, tc.want) - counted; n != 1 {
				t.Errorf("counted %d times; want once", n)
			}
			if got := r.h3(noSettings).ask(to("GET", "/before")...); got != "200 GET /before" {
				t.Errorf("another client: got %q", got)
			}
		})
	}
}

// What has no meaning is skipped, wherever it comes.
func TestHTTP3UnknownThingsAreSkipped(t *testing.T) {
	rec := record(t)
	r := start(t, h3Text(t), rec.address)
	c := r.h3(frame3(settings3, "\x21\x01\x40\x5f\x02\x01\x00\x06\x40\xff\x07\x00\x08\x01\x33\x01") + frame3(0x21, "grease") + frame3(maxPush3, "\x04") + frame3(goAway3, "\x00"))
	c.uni(0x21, "grease")
	c.uni(2, "\x20")
	c.uni(3, "\x44\x7f\x81\x01")
	text := frame3(0x40, "grease") + section3(to("POST", "/", "te", "trailers")...) + frame3(0x21, "") + frame3(data3, "ab") + frame3(0x5f, "x") + frame3(data3, "c") +
		section3("x", "y") + frame3(0x21, "x")
	if got := c.outcome(c.open(true, text)); got != "200 POST /" {
		t.Errorf("got %q", got)
	}
	if got := strings.Join(rec.take(t), ""); !strings.Contains(got, "abc") || !strings.Contains(strings.ToLower(got), "x: y") {
		t.Errorf("the backend saw %q", got)
	}
	if c.Context().Err() != nil {
		t.Errorf("the connection ended: %s", c.ending())
	}
}

// Streams that are reset as soon as they have begun are bounded.
func TestHTTP3RapidReset(t *testing.T) {
	rec := record(t)
	r := start(t, h3Text(t), rec.address)
	c := r.h3(noSettings)
	text := section3(to("POST", "/")...)
	for i := 0; c.Context().Err() == nil; i++ {
		if i == 100_000 {
			t.Fatal("it goes on")
		}
		s, err := c.OpenStreamSync(c.Context())
		if err != nil {
			break
		}
		_, _ = s.Write([]byte(text))
		s.CancelWrite(0x10c)
		s.CancelRead(0x10c)
	}
	if got, want := c.ending(), "close EXCESSIVE_LOAD"; got != want {
		t.Errorf("got %q; want %q", got, want)
	}
	if got := r.h3(noSettings).ask(to("GET", "/before")...); got != "200 GET /before" {
		t.Errorf("another client: got %q", got)
	}
	r.settled2(t)
}
