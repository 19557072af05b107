package wire

import (
	"errors"
	"fmt"
	"strings"
	"testing"
)

// unchunk decodes raw, handed over in pieces of step bytes, into data, trailers
// that may pass, and what it left over.
func unchunk(d *Chunked, raw []byte, step int) (data, trailers string, rest []byte, err error) {
	d.Reset()
	var b strings.Builder
	for len(raw) > 0 && !d.Done() {
		piece := exact(raw[:min(step, len(raw))])
		used := 0
		for used < len(piece) && !d.Done() {
			part, n, err := d.Next(piece[used:])
			b.Write(part)
			if err != nil {
				return b.String(), "", nil, err
			}
			used += n
		}
		raw = raw[used:]
	}
	return b.String(), string(d.Trailers().AppendFields(nil)), raw, nil
}

// unchunkEveryWay decodes raw in pieces of several sizes and insists on one
// answer.
func unchunkEveryWay(t *testing.T, raw string) string {
	t.Helper()
	want := ""
	var d Chunked
	for _, step := range []int{1 << 20, 1, 2, 3, 5, 7, 16} {
		data, trailers, rest, err := unchunk(&d, []byte(raw), step)
		got := fmt.Sprintf("%q %q rest %q done %v", data, trailers, rest, d.Done())
		if err != nil {
			got = fmt.Sprintf("%q refused: %s", data, causeOf(err))
			if _, n, again := d.Next([]byte("0\r\n\r\n")); n != 0 || !errors.Is(again, err) {
				t.Errorf("after a refusal: got %d, %v; want the same again", n, again)
			}
		}
		if want == "" {
			want = got
		}
		if got != want {
			t.Errorf("in pieces of %d: got %s; want %s, as at once", step, got, want)
		}
	}
	return want
}

func TestChunkedBody(t *testing.T) {
	cases := []struct{ name, raw, want string }{
		{"empty", "0\r\n\r\n", `"" "" rest "" done true`},
		{"one chunk", "5\r\nhello\r\n0\r\n\r\n", `"hello" "" rest "" done true`},
		{"two chunks", "2\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n", `"hello" "" rest "" done true`},
		{"hex in both cases", "a\r\n0123456789\r\nB\r\n0123456789a\r\n0\r\n\r\n", `"01234567890123456789a" "" rest "" done true`},
		{"leading zeros within 16 digits", "0000000000000005\r\nhello\r\n000\r\n\r\n", `"hello" "" rest "" done true`},
		{"data that looks like framing", "7\r\n0\r\n\r\n\r\n\r\n0\r\n\r\n", `"0\r\n\r\n\r\n" "" rest "" done true`},
		{"extension is dropped", "5;a=b;c=\"d e\"\r\nhello\r\n0;x\r\n\r\n", `"hello" "" rest "" done true`},
		{"what follows is left", "1\r\na\r\n0\r\n\r\nGET / HTTP/1.1\r\n", `"a" "" rest "GET / HTTP/1.1\r\n" done true`},
		{"trailers", "1\r\na\r\n0\r\nX-Sum: 1\r\nServer-Timing: a\r\n\r\nrest", `"a" "X-Sum: 1\r\nServer-Timing: a\r\n" rest "rest" done true`},
		{
			"forbidden trailers are dropped", "0\r\nContent-Length: 5\r\nX: 1\r\ntransfer-encoding: chunked\r\nHost: a\r\nAuthorization: a\r\n" +
				"COOKIE: a\r\nSet-Cookie: a\r\nContent-Encoding: gzip\r\nContent-Type: a\r\nTrailer: a\r\nConnection: x\r\nX-Forwarded-For: a\r\n" +
				"X_Forwarded_For: a\r\nIf-Match: a\r\nCache-Control: a\r\nTE: a\r\nExpect: a\r\nContent-Range: a\r\nY: 2\r\n\r\n",
			`"" "X: 1\r\nY: 2\r\n" rest "" done true`,
		},
		{"truncated in data", "5\r\nhel", `"hel" "" rest "" done false`},
		{"truncated after data", "5\r\nhello", `"hello" "" rest "" done false`},
		{"truncated before the last chunk", "5\r\nhello\r\n", `"hello" "" rest "" done false`},
		{"truncated in the last chunk", "5\r\nhello\r\n0\r\n", `"hello" "" rest "" done false`},
		{"truncated in trailers", "0\r\nX: y\r\n", `"" "" rest "" done false`},
		{"largest size", "7fffffffffffffff\r\nabc", `"abc" "" rest "" done false`},

		{"size with plus", "+5\r\nhello\r\n", `"" refused: 400 bad_chunk_size`},
		{"size with minus", "-5\r\nhello\r\n", `"" refused: 400 bad_chunk_size`},
		{"size with 0x", "0x5\r\nhello\r\n", `"" refused: 400 bad_chunk_size`},
		{"size with space before", " 5\r\nhello\r\n", `"" refused: 400 bad_chunk_size`},
		{"size with space after", "5 \r\nhello\r\n0 \r\n\r\n", `"hello" "" rest "" done true`},
		{"size with tab after", "5\t\r\nhello\r\n0\r\n\r\n", `"hello" "" rest "" done true`},
		{"size padded", "5     \t \r\nhello\r\n0     \r\n\r\n", `"hello" "" rest "" done true`},
		{"size with space before extension", "5 ;a\r\nhello\r\n0\t;x=1\r\n\r\n", `"hello" "" rest "" done true`},
		{"space between digits", "5 5\r\nhello\r\n", `"" refused: 400 bad_chunk_size`},
		{"word after space", "5 x\r\nhello\r\n", `"" refused: 400 bad_chunk_size`},
		{"vertical tab after", "5\v\r\nhello\r\n", `"" refused: 400 bad_chunk_size`},
		{"LF after space", "5 \nhello\r\n", `"" refused: 400 bad_chunk_size`},
		{"space alone", " \r\nhello\r\n", `"" refused: 400 bad_chunk_size`},
		{"space without end", "5" + strings.Repeat(" ", 300) + "\r\nhello\r\n", `"" refused: 400 bad_chunk_extension`},
		{"size with underscore", "1_0\r\nhello\r\n", `"" refused: 400 bad_chunk_size`},
		{"size of 17 digits", "00000000000000005\r\nhello\r\n", `"" refused: 400 bad_chunk_size`},
		{"size above int64", "8000000000000000\r\nhello\r\n", `"" refused: 400 bad_chunk_size`},
		{"size of 16 f", "ffffffffffffffff\r\nhello\r\n", `"" refused: 400 bad_chunk_size`},
		{"size empty", "\r\nhello\r\n", `"" refused: 400 bad_chunk_size`},
		{"size empty with extension", ";a\r\nhello\r\n", `"" refused: 400 bad_chunk_size`},
		{"size not hex", "g\r\nhello\r\n", `"" refused: 400 bad_chunk_size`},
		{"size ended by LF", "5\nhello\r\n", `"" refused: 400 bad_chunk_size`},
		{"size ended by CR", "5\rhello\r\n", `"" refused: 400 bad_chunk_size`},
		{"size ended by two CR and LF", "5\r\r\nhello\r\n", `"" refused: 400 bad_chunk_size`},
		{"size with NUL", "5\x00\r\nhello\r\n", `"" refused: 400 bad_chunk_size`},
		{"no CRLF after data", "5\r\nhello0\r\n\r\n", `"hello" refused: 400 bad_chunk_end`},
		{"LF after data", "5\r\nhello\n0\r\n\r\n", `"hello" refused: 400 bad_chunk_end`},
		{"CR after data", "5\r\nhello\r0\r\n\r\n", `"hello" refused: 400 bad_chunk_end`},
		{"size smaller than data", "4\r\nhello\r\n0\r\n\r\n", `"hell" refused: 400 bad_chunk_end`},
		{"size larger than data", "6\r\nhello\r\n0\r\n\r\n", `"hello\r" refused: 400 bad_chunk_end`},
		{"extension with LF", "5;a\nhello\r\n", `"" refused: 400 bad_chunk_extension`},
		{"extension with CR", "5;a\rb\r\nhello\r\n", `"" refused: 400 bad_chunk_size`},
		{"extension with NUL", "5;a\x00\r\nhello\r\n", `"" refused: 400 bad_chunk_extension`},
		{"extension too long", "5;" + strings.Repeat("a", 300) + "\r\nhello\r\n", `"" refused: 400 bad_chunk_extension`},
		{"trailer section ended by LF", "0\r\n\n", `"" refused: 400 bad_line_end`},
		{"trailer section ended by CR", "0\r\n\rX", `"" refused: 400 bad_line_end`},
		{"trailer line ended by LF", "0\r\nX: y\n\r\n", `"" refused: 400 bad_line_end`},
		{"trailer folded", "0\r\nX: y\r\n z\r\n\r\n", `"" refused: 400 folded_field`},
		{"trailer without colon", "0\r\nGET / HTTP/1.1\r\n\r\n", `"" refused: 400 bad_field_name`},
		{"trailer with NUL", "0\r\nX: \x00\r\n\r\n", `"" refused: 400 bad_field_value`},
		{"trailers with too many fields", "0\r\n" + strings.Repeat("X: y\r\n", 65) + "\r\n", `"" refused: 431 too_many_fields`},
		{"trailers too large", "0\r\n" + strings.Repeat("X: "+strings.Repeat("a", 995)+"\r\n", 9), `"" refused: 431 trailers_too_large`},
		{"trailer line too large", "0\r\nX: " + strings.Repeat("a", 9<<10), `"" refused: 431 trailers_too_large`},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			if got := unchunkEveryWay(t, c.raw); got != c.want {
				t.Errorf("got %s; want %s", got, c.want)
			}
		})
	}
}

// TestExtensionsMustBePaidFor shows that a body of tiny chunks with long
// extensions is refused, and that the same extensions on real data are not.
func TestExtensionsMustBePaidFor(t *testing.T) {
	extension := ";" + strings.Repeat("a", 200)
	var d Chunked
	tiny := strings.Repeat("1"+extension+"\r\nx\r\n", 100) + "0\r\n\r\n"
	if _, _, _, err := unchunk(&d, []byte(tiny), 1000); !errors.Is(err, ErrBadChunkExtension) {
		t.Errorf("tiny chunks: got %v; want %v", err, ErrBadChunkExtension)
	}
	large := strings.Repeat("400"+extension+"\r\n"+strings.Repeat("x", 1024)+"\r\n", 100) + "0\r\n\r\n"
	if data, _, _, err := unchunk(&d, []byte(large), 1000); err != nil || len(data) != 100*1024 {
		t.Errorf("large chunks: got %d bytes, %v; want %d", len(data), err, 100*1024)
	}
}

// TestChunkedForgetsTrailers shows that trailers do not leak into the next body.
func TestChunkedForgetsTrailers(t *testing.T) {
	var d Chunked
	if _, trailers, _, err := unchunk(&d, []byte("0\r\nX: y\r\n\r\n"), 100); trailers != "X: y\r\n" || err != nil {
		t.Fatalf("got %q, %v", trailers, err)
	}
	if _, trailers, _, err := unchunk(&d, []byte("0\r\n\r\n"), 100); trailers != "" || err != nil || len(d.Trailers().Fields) != 0 {
		t.Errorf("got %q, %v; want no trailers", trailers, err)
	}
}

func TestAppendChunk(t *testing.T) {
	for _, size := range []int{1, 9, 10, 15, 16, 255, 256, 4096, 1 << 20, 1<<31 - 1} {
		if got, want := string(AppendChunkHeader([]byte("x"), size)), fmt.Sprintf("x%x\r\n", size); got != want {
			t.Errorf("got %q; want %q", got, want)
		}
	}
	got := AppendChunk(AppendChunk(AppendChunk(nil, []byte("hello")), nil), []byte("w"))
	var d Chunked
	if _, _, _, err := unchunk(&d, []byte("0\r\nX: 1\r\nHost: a\r\nY: 2\r\n\r\n"), 3); err != nil {
		t.Fatal(err)
	}
	got = AppendLastChunk(got, d.Trailers())
	if want := "5\r\nhello\r\n1\r\nw\r\n0\r\nX: 1\r\nY: 2\r\n\r\n"; string(got) != want {
		t.Errorf("got %q; want %q", got, want)
	}
	if got := string(AppendLastChunk(nil, nil)); got != "0\r\n\r\n" {
		t.Errorf("got %q; want the last chunk", got)
	}
}
