package stream

import (
	"errors"
	"io"
	"slices"
	"testing"
)

// take reads in at most size bytes at a time until nothing is there or err.
func take(t *testing.T, in *Input, size int) (text string, content int, err error) {
	t.Helper()
	for room := make([]byte, size); ; {
		n, c, err := in.Read(room)
		text += string(room[:n])
		content += c
		if err != nil || n == 0 {
			return text, content, err
		}
	}
}

// put makes a request of fields the message of in.
func put(t *testing.T, in *Input, ended bool, fields ...string) {
	t.Helper()
	var text RequestText
	text.Reset()
	for i := 0; i < len(fields); i += 2 {
		if !text.Add([]byte(fields[i]), []byte(fields[i+1])) {
			t.Fatalf("%q is refused", fields[i])
		}
	}
	if !text.Complete(ended) {
		t.Fatal("the request is malformed")
	}
	text.Put(in, ended)
	in.EndHead(!ended)
}

var post = []string{":method", "POST", ":scheme", "https", ":authority", "t", ":path", "/"}

// with is post with one field more.
func with(name, value string) []string { return append(slices.Clone(post), name, value) }

// A message is the same text, however little of it is read at a time, and all of its
// content is counted.
func TestInputIsReadInAnyPieces(t *testing.T) {
	t.Parallel()
	const line = "POST / HTTP/1.1\r\nHost: t\r\n"
	for _, tc := range []struct {
		name     string
		fields   []string
		content  string
		trailers string
		want     string
	}{
		{"of no known length", post, "hello", "", line + "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n"},
		{"with trailers", post, "hello", "a: b\r\n", line + "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\na: b\r\n\r\n"},
		{"of nothing", post, "", "", line + "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n"},
		{"measured", with("content-length", "5"), "hello", "a: b\r\n", line + "content-length: 5\r\n\r\nhello"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			for size := 1; size < 64; size++ {
				var in Input
				put(t, &in, false, tc.fields...)
				in.Append([]byte(tc.content))
				in.Trailers([]byte(tc.trailers))
				in.End()
				text, content, err := take(t, &in, size)
				if text != tc.want || content != len(tc.content) || !errors.Is(err, io.EOF) {
					t.Fatalf("by %d: got %q, %d bytes of content, %v; want %q", size, text, content, err, tc.want)
				}
			}
		})
	}
}

// What is dropped has no end: not in the middle of a chunk, where the rest of it will
// never come, and not behind a whole one, where a last chunk would make the rest whole.
func TestDroppedInputHasNoEnd(t *testing.T) {
	t.Parallel()
	gone := errors.New("gone")
	for _, tc := range []struct {
		name   string
		fields []string
		read   int // before
		ended  bool
	}{
		{"in the head", post, 3, true},
		{"in a chunk", post, 80, false},
		{"in the last chunk", post, 80, true},
		{"measured", with("content-length", "100"), 60, true},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			var in Input
			put(t, &in, false, tc.fields...)
			in.Append(make([]byte, 100))
			if tc.ended {
				in.End()
			}
			if n, _, err := in.Read(make([]byte, tc.read)); n != tc.read || err != nil {
				t.Fatalf("got %d bytes, %v; want %d", n, err, tc.read)
			}
			in.Fail(gone)
			in.Fail(ErrReset)
			in.Drop()
			if text, _, err := take(t, &in, 10); text != "" || !errors.Is(err, gone) {
				t.Errorf("got %q, %v; want %v", text, err, gone)
			}
			in.Reset()
			put(t, &in, true, ":method", "GET", ":scheme", "https", ":authority", "t", ":path", "/")
			if text, _, err := take(t, &in, 10); text != "GET / HTTP/1.1\r\nHost: t\r\n\r\n" || !errors.Is(err, io.EOF) {
				t.Errorf("the next one: got %q, %v", text, err)
			}
		})
	}
}

// What was promised is what comes, to the byte.
func TestInputCountsItsContent(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name   string
		length string
		frames []int64
		want   bool
	}{
		{"as much", "5", []int64{2, 3}, true},
		{"more", "5", []int64{2, 4}, false},
		{"less", "5", []int64{2, 2}, false},
		{"nothing", "0", []int64{0}, true},
		{"something for nothing", "0", []int64{1}, false},
		{"not said", "", []int64{7}, true},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			var in Input
			fields := post
			if tc.length != "" {
				fields = with("content-length", tc.length)
			}
			put(t, &in, false, fields...)
			got := true
			for i, n := range tc.frames {
				got = got && in.Counts(n, i == len(tc.frames)-1)
			}
			if got != tc.want {
				t.Errorf("got %v; want %v", got, tc.want)
			}
		})
	}
}
