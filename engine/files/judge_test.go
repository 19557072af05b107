package files

import (
	"strings"
	"testing"
	"time"
)

// judged is a file of ten bytes, with a tag and a time.
func judged() *File {
	f := &File{Size: 10, name: "a.txt"}
	f.describe(time.Unix(1_700_000_000, 5))
	return f
}

func TestVerdicts(t *testing.T) {
	f := judged()
	tag, at := string(f.tag), string(f.modified)
	const before, after = "Tue, 14 Nov 2023 22:13:19 GMT", "Tue, 14 Nov 2023 22:13:21 GMT"
	if at != "Tue, 14 Nov 2023 22:13:20 GMT" {
		t.Fatalf("Last-Modified is %q", at)
	}
	for _, tc := range []struct {
		lines    string
		status   int
		from, to int64
	}{
		{"", 200, 0, 10},
		{"Accept: x", 200, 0, 10},
		{"If-None-Match: " + tag, 304, 0, 0},
		{"If-None-Match: W/" + tag, 304, 0, 0},
		{`If-None-Match: "x", ` + tag, 304, 0, 0},
		{`If-None-Match: "x",` + "\n" + "If-None-Match: " + tag, 304, 0, 0},
		{"If-None-Match: *", 304, 0, 0},
		{`If-None-Match: "x"`, 200, 0, 10},
		{"If-None-Match: x" + tag, 200, 0, 10},
		{`If-None-Match: "x`, 200, 0, 10},
		{`If-None-Match:`, 200, 0, 10},
		{`If-None-Match: "x"` + "\nIf-Modified-Since: " + at, 200, 0, 10}, // the tag alone counts
		{"If-Modified-Since: " + at, 304, 0, 0},
		{"If-Modified-Since: " + after, 304, 0, 0},
		{"If-Modified-Since: " + before, 200, 0, 10},
		{"If-Modified-Since: Tuesday, 14-Nov-23 22:13:20 GMT", 304, 0, 0},
		{"If-Modified-Since: yesterday", 200, 0, 10},
		{"If-Match: " + tag, 200, 0, 10},
		{"If-Match: *", 200, 0, 10},
		{"If-Match: W/" + tag, 412, 0, 0},
		{`If-Match: "x"`, 412, 0, 0},
		{"If-Unmodified-Since: " + at, 200, 0, 10},
		{"If-Unmodified-Since: " + before, 412, 0, 0},
		{"If-Match: " + tag + "\nIf-Unmodified-Since: " + before, 200, 0, 10},
		{"Range: bytes=0-3", 206, 0, 4},
		{"range: BYTES=2-2", 206, 2, 3},
		{"Range: bytes=4-", 206, 4, 10},
		{"Range: bytes=4-99", 206, 4, 10},
		{"Range: bytes=0-9", 206, 0, 10},
		{"Range: bytes=-3", 206, 7, 10},
		{"Range: bytes=-99", 206, 0, 10},
		{"Range: bytes=10-", 416, 0, 0},
		{"Range: bytes=99-100", 416, 0, 0},
		{"Range: bytes=99999999999999999999-", 416, 0, 0},
		{"Range: bytes=1-99999999999999999999", 206, 1, 10},
		{"Range: bytes=-0", 416, 0, 0},
		{"Range: bytes=3-2", 200, 0, 10},
		{"Range: bytes=0-1,4-5", 200, 0, 10}, // several parts: the whole is as good
		{"Range: bytes=a-b", 200, 0, 10},
		{"Range: bytes=-", 200, 0, 10},
		{"Range: bytes=", 200, 0, 10},
		{"Range: bytes=1", 200, 0, 10},
		{"Range: lines=0-3", 200, 0, 10},
		{"Range: bytes=0-3\nIf-Range: " + tag, 206, 0, 4},
		{"Range: bytes=0-3\nIf-Range: " + at, 206, 0, 4},
		{"Range: bytes=0-3\nIf-Range: W/" + tag, 200, 0, 10},
		{"Range: bytes=0-3\nIf-Range: " + before, 200, 0, 10},
		{"Range: bytes=0-3\nIf-Range:", 200, 0, 10},
		{"Range: bytes=0-3\nIf-None-Match: " + tag, 304, 0, 0},
	} {
		j := Judge{File: f}
		for line := range strings.SplitSeq(tc.lines, "\n") {
			name, value, _ := strings.Cut(line, ":")
			j.SeeField([]byte(name), []byte(strings.TrimSpace(value)))
		}
		if status, from, to := j.Verdict(false); status != tc.status || status < 300 && (from != tc.from || to != tc.to) {
			t.Errorf("%q: got %d %d to %d; want %d %d to %d", tc.lines, status, from, to, tc.status, tc.from, tc.to)
		}
		if status, from, to := j.Verdict(true); tc.status == 206 && (status != 200 || from != 0 || to != 10) {
			t.Errorf("%q of a HEAD: got %d %d to %d; want all of it", tc.lines, status, from, to)
		}
	}
}

// A file without a time that means anything has nothing to be recognised by.
func TestFilesOfTheEpochHaveNoValidators(t *testing.T) {
	f := &File{Size: 10, name: "a.css"}
	f.describe(time.Unix(1, 0))
	if got := string(f.Fields); got != "Accept-Ranges: bytes\r\nContent-Type: text/css; charset=utf-8\r\n" || len(f.Validators) != 0 {
		t.Errorf("got %q and %q; want no validators", got, f.Validators)
	}
	for name, value := range map[string]string{IfNoneMatch: `""`, IfModifiedSince: "Tue, 14 Nov 2023 22:13:20 GMT", IfRange: ""} {
		j := Judge{File: f}
		j.See(name, []byte(value))
		if status, _, _ := j.Verdict(false); status != 200 {
			t.Errorf("%s: got %d; want 200", name, status)
		}
	}
}

func TestContentRange(t *testing.T) {
	f := judged()
	if got := string(f.AppendRange(nil, 2, 5)); got != "Content-Range: bytes 2-4/10\r\n" {
		t.Errorf("got %q", got)
	}
	if got := string(f.AppendRange(nil, 0, 0)); got != "Content-Range: bytes */10\r\n" {
		t.Errorf("got %q", got)
	}
}

// Whatever a Range says, what is sent lies in the file.
func FuzzRanges(f *testing.F) {
	for _, seed := range []string{"bytes=0-3", "bytes=-3", "bytes=5-", "bytes=9223372036854775807-", "bytes=-9223372036854775808", "bytes= 1-2", "bytes=1-2,3-4"} {
		f.Add(seed, int64(10))
	}
	f.Fuzz(func(t *testing.T, text string, size int64) {
		if size < 0 {
			return
		}
		of := &File{Size: size, name: "x"}
		j := Judge{File: of}
		j.See(Range, []byte(text))
		status, from, to := j.Verdict(false)
		if from < 0 || to < from || to > size || status == 206 && from == to {
			t.Fatalf("%q of %d: got %d %d to %d", text, size, status, from, to)
		}
	})
}

// Whatever conditions say, there is a verdict.
func FuzzConditions(f *testing.F) {
	f.Add(`"a", W/"b"`, "Tue, 14 Nov 2023 22:13:20 GMT")
	f.Add(`W/`, `"`)
	f.Fuzz(func(t *testing.T, tags, at string) {
		for _, name := range []string{IfMatch, IfNoneMatch, IfRange, IfModifiedSince, IfUnmodifiedSince} {
			j := Judge{File: judged()}
			j.See(name, []byte(tags))
			j.See(IfModifiedSince, []byte(at))
			if status, _, _ := j.Verdict(false); status != 200 && status != 304 && status != 412 {
				t.Fatalf("%s %q, %q: got %d", name, tags, at, status)
			}
		}
	})
}
