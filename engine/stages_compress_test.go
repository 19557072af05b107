package engine

import (
	"bufio"
	"compress/gzip"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/andybalholm/brotli"
	"github.com/klauspost/compress/zstd"
)

// jsonText is content of some size that compresses well.
var jsonText = "[" + strings.Repeat(`{"id":12345,"name":"some customer","state":"open"},`, 400) + "{}]"

// variedText is text in which little repeats for long: levels differ there.
func variedText() string {
	var b strings.Builder
	r := rand.New(rand.NewPCG(1, 1))
	for b.Len() < 4000 {
		fmt.Fprintf(&b, "{%q: %d, %q: %q}\n", []string{"id", "name", "price"}[r.IntN(3)], r.IntN(1000), "of", []string{"red", "green", "blue"}[r.IntN(3)])
	}
	return b.String()[:4000]
}

// compressed is an engine with a route whose stage has these keys, in front of handler.
func compressed(t testing.TB, keys string, handler http.HandlerFunc) *rig {
	t.Helper()
	return start(t, `
listeners: {web: {address: "127.0.0.1:0", h2c: true}}
routes: {all: {pool: p, middleware: [small]}}
pools: {p: {backends: [{address: "{{backend}}"}]}}
middleware: {small: {type: compress`+keys+`}}
`, backend(t, handler))
}

// jsonHandler answers with jsonText and these field lines.
func jsonHandler(status int, lines ...string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		for _, line := range lines {
			name, value, _ := strings.Cut(line, ": ")
			w.Header().Add(name, value)
		}
		w.WriteHeader(status)
		if status != http.StatusNoContent && status != http.StatusNotModified {
			_, _ = io.WriteString(w, jsonText)
		}
	}
}

// decoded reads a body by its Content-Encoding.
func decoded(t testing.TB, coding string, body io.Reader) io.Reader {
	t.Helper()
	switch coding {
	case "":
		return body
	case "gzip":
		r, err := gzip.NewReader(body)
		if err != nil {
			t.Fatal(err)
		}
		return r
	case "br":
		return brotli.NewReader(body)
	case "zstd":
		r, err := zstd.NewReader(body, zstd.WithDecoderConcurrency(1))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(r.Close)
		return r
	}
	t.Fatalf("got coding %q; want one of ours", coding)
	return nil
}

func decodedText(t testing.TB, coding, body string) string {
	t.Helper()
	text, err := io.ReadAll(decoded(t, coding, strings.NewReader(body)))
	if err != nil {
		t.Fatalf("cannot decode %s: %v", coding, err)
	}
	return string(text)
}

// heads are the fields of an answer that compressing changes, as lines.
func heads(h http.Header) (lines []string) {
	for _, name := range []string{
		"Accept-Ranges", "Content-Digest", "Content-Encoding", "Content-Length", "Content-MD5", "ETag", "Repr-Digest", "Vary",
	} {
		for _, value := range h.Values(name) {
			lines = append(lines, name+": "+value)
		}
	}
	return lines
}

func TestCompressedHeads(t *testing.T) {
	length := fmt.Sprintf("Content-Length: %d", len(jsonText))
	r := compressed(t, "", jsonHandler(200, length, `ETag: "x"`, "Accept-Ranges: bytes", "Content-MD5: a", "Content-Digest: b",
		"Repr-Digest: c", "Vary: Origin", "Content-Encoding: identity"))
	whole := []string{
		"Accept-Ranges: bytes", "Content-Digest: b", "Content-Encoding: identity", length, "Content-Md5: a", `ETag: "x"`,
		"Repr-Digest: c", "Vary: Origin, Accept-Encoding",
	}
	for accept, want := range map[string][]string{
		"gzip":           {"Content-Encoding: gzip", `ETag: W/"x"`, "Vary: Origin, Accept-Encoding"},
		"br":             {"Content-Encoding: br", `ETag: W/"x"`, "Vary: Origin, Accept-Encoding"},
		"gzip, br, zstd": {"Content-Encoding: zstd", `ETag: W/"x"`, "Vary: Origin, Accept-Encoding"},
		"gzip;q=0":       whole,
	} {
		resp, body := r.ask("GET", "/", "Accept-Encoding: "+accept)
		got := heads(resp.Header)
		if fmt.Sprintf("%q", got) != strings.ReplaceAll(fmt.Sprintf("%q", want), "Content-Md5", "Content-MD5") {
			t.Errorf("%s: got %q; want %q", accept, got, want)
		}
		coding := strings.TrimPrefix(resp.Header.Get("Content-Encoding"), "identity")
		if text := decodedText(t, coding, body); text != jsonText || coding != "" && len(body) > len(jsonText)/5 {
			t.Errorf("%s: got %d bytes of %d; want less, that mean the same", accept, len(body), len(text))
		}
	}
}

func TestWhatIsNotCompressed(t *testing.T) {
	for _, c := range []struct {
		name, method string
		handler      http.HandlerFunc
		lines        []string
	}{
		{"part", "GET", jsonHandler(206, "Content-Range: bytes 0-9/100", `ETag: "x"`), nil},
		{"no content", "GET", jsonHandler(204, `ETag: "x"`), nil},
		{"not modified", "GET", jsonHandler(304, `ETag: "x"`), []string{`If-None-Match: "x"`}},
		{"head", "HEAD", jsonHandler(200, `ETag: "x"`), nil},
		{"no-transform", "GET", jsonHandler(200, `ETag: "x"`, "Cache-Control: no-transform"), nil},
		{"encoded", "GET", jsonHandler(200, `ETag: "x"`, "Content-Encoding: dcz"), nil},
		{"grpc", "POST", jsonHandler(200, `ETag: "x"`, "Content-Type: application/grpc"), nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := compressed(t, "", func(w http.ResponseWriter, q *http.Request) {
				if c.name == "grpc" {
					w.Header()["Content-Type"] = []string{"application/grpc"}
					_, _ = io.WriteString(w, jsonText)
					return
				}
				c.handler(w, q)
			})
			resp, body := r.ask(c.method, "/", append(c.lines, "Accept-Encoding: gzip, br, zstd")...)
			if resp.Header.Get("Vary") != "" || strings.HasPrefix(resp.Header.Get("ETag"), "W/") || body != "" && body != jsonText {
				t.Errorf("got %v and %d bytes; want all as the backend sent it", resp.Header, len(body))
			}
		})
	}
}

func TestCompressKeys(t *testing.T) {
	text := variedText()
	handler := func(w http.ResponseWriter, q *http.Request) {
		w.Header().Set("Content-Type", strings.ReplaceAll(q.URL.Path[1:], "_", "/"))
		w.Header().Set("Content-Length", "4000")
		_, _ = io.WriteString(w, text)
	}
	size := func(keys, target string) (coding string, bytes int) {
		resp, body := compressed(t, keys, handler).ask("GET", target, "Accept-Encoding: gzip, br, zstd")
		return resp.Header.Get("Content-Encoding"), len(body)
	}
	for _, c := range []struct{ keys, target, want string }{
		{"", "/application_json", "zstd"},
		{", encodings: [br, gzip]", "/application_json", "br"},
		{", encodings: [gzip]", "/application_json", "gzip"},
		{", types: [application/json]", "/text_html", ""},
		{", types: [application/json]", "/application_json", "zstd"},
		{"", "/text_event-stream", ""},
		{`, types: [text/event-stream]`, "/text_event-stream", "zstd"},
		{", min_bytes: 4000B", "/text_html", "zstd"},
		{", min_bytes: 4001B", "/text_html", ""},
	} {
		if got, _ := size(c.keys, c.target); got != c.want {
			t.Errorf("%s of %s: got %q; want %q", c.keys, c.target, got, c.want)
		}
	}
	_, fastest := size(", encodings: [br], level: fastest", "/text_html")
	_, usual := size(", encodings: [br]", "/text_html")
	_, best := size(", encodings: [gzip], level: best", "/text_html")
	_, least := size(", encodings: [gzip], level: fastest", "/text_html")
	if fastest <= usual || least <= best {
		t.Errorf("brotli: got %d bytes, by default %d; gzip: %d and at best %d; want less for more work", fastest, usual, least, best)
	}
}

// TestWeakenedTagsAreRevalidated: the tag of a compressed answer, asked with again, gives
// 304, however the backend compares.
func TestWeakenedTagsAreRevalidated(t *testing.T) {
	const etag = `"v1"`
	for name, matches := range map[string]func(field string) bool{
		"weakly":           func(field string) bool { return strings.Contains(field, etag) },
		"each tag":         func(field string) bool { return slices.Contains(strings.Split(field, ", "), etag) },
		"the whole field":  func(field string) bool { return field == etag },
		"only with itself": func(field string) bool { return field == "W/"+etag },
	} {
		t.Run(name, func(t *testing.T) {
			r := compressed(t, "", func(w http.ResponseWriter, q *http.Request) {
				w.Header().Set("ETag", etag)
				w.Header().Set("Cache-Control", "max-age=5")
				w.Header().Add("Set-Cookie", "a=1")
				w.Header().Add("Set-Cookie", "b=2")
				w.Header().Add("Vary", "Origin")
				if matches(q.Header.Get("If-None-Match")) {
					w.WriteHeader(http.StatusNotModified)
					return
				}
				w.Header().Set("Content-Type", "text/plain")
				_, _ = io.WriteString(w, jsonText)
			})
			for accept, coding := range map[string]string{"gzip": "gzip", "identity": ""} {
				first, _ := r.ask("GET", "/", "Accept-Encoding: "+accept)
				got := first.Header.Get("ETag")
				if first.Header.Get("Content-Encoding") != coding || got != map[string]string{"gzip": "W/" + etag, "": etag}[coding] {
					t.Fatalf("got %v; want it in %q", first.Header, coding)
				}
				again, body := r.ask("GET", "/", "Accept-Encoding: "+accept, "If-None-Match: "+got)
				if coding == "" && name == "only with itself" {
					if again.StatusCode != http.StatusOK {
						t.Errorf("got %d; want what the backend says, which was asked as the client did", again.StatusCode)
					}
					continue
				}
				if again.StatusCode != http.StatusNotModified || body != "" || again.Header.Get("ETag") != got ||
					again.Header.Get("Cache-Control") != "max-age=5" || strings.Join(again.Header["Set-Cookie"], " ") != "a=1 b=2" {
					t.Errorf("%s: got %d %v; want 304 with %s and the fields of the answer", accept, again.StatusCode, again.Header, got)
				}
				if vary := strings.Join(again.Header["Vary"], "|"); coding != "" && vary != "Origin, Accept-Encoding" {
					t.Errorf("%s: got Vary %q; want that of the answer", accept, vary)
				}
				changed, body := r.ask("GET", "/", "Accept-Encoding: "+accept, `If-None-Match: W/"v0"`)
				if changed.StatusCode != http.StatusOK || decodedText(t, coding, body) != jsonText {
					t.Errorf("%s: another tag: got %d; want the answer", accept, changed.StatusCode)
				}
			}
		})
	}
}

// TestEventsPassCompressed: each event is with the client before the backend sends the
// next one, in HTTP/1.1 and HTTP/2, whatever the coding.
func TestEventsPassCompressed(t *testing.T) {
	const events = 20
	for name, lines := range map[string][]string{"stream": nil, "incremental": {"Incremental: ?1"}} {
		t.Run(name, func(t *testing.T) {
			sent, seen := make(chan time.Time, 1), make(chan struct{})
			r := compressed(t, ", types: [text/event-stream]", func(w http.ResponseWriter, q *http.Request) {
				w.Header().Set("Content-Type", "text/event-stream")
				for _, line := range lines {
					field, value, _ := strings.Cut(line, ": ")
					w.Header().Set(field, value)
				}
				for i := range events {
					sent <- time.Now()
					_, _ = fmt.Fprintf(w, "data: %d\n\n", i)
					_ = http.NewResponseController(w).Flush()
					select {
					case <-seen:
					case <-q.Context().Done():
						return
					}
				}
			})
			for version, client := range map[string]*http.Client{
				"HTTP/1.1": {Transport: &http.Transport{DisableCompression: true}, Timeout: 20 * time.Second}, "HTTP/2": r.h2Client(),
			} {
				for _, coding := range []string{"gzip", "br", "zstd"} {
					late := r.readEvents(client, coding, events, func() time.Duration {
						defer func() { seen <- struct{}{} }()
						return time.Since(<-sent)
					})
					t.Logf("%s %s: the median event takes %s", version, coding, late)
					if late > 10*time.Millisecond {
						t.Errorf("%s %s: the median event takes %s; want at most 10ms", version, coding, late)
					}
				}
				client.CloseIdleConnections()
			}
		})
	}
}

// readEvents reads a stream of events and tells the backend of each, which says how long
// it was under way. It returns the median.
func (r *rig) readEvents(client *http.Client, coding string, events int, tell func() time.Duration) time.Duration {
	t := r.t
	t.Helper()
	resp := r.request(client, "/", coding)
	defer func() { _ = resp.Body.Close() }()
	if got := resp.Header.Get("Content-Encoding"); got != coding {
		t.Fatalf("got coding %q; want %q", got, coding)
	}
	var times []time.Duration
	lines := bufio.NewReader(decoded(t, coding, resp.Body))
	for i := range events {
		for _, want := range []string{fmt.Sprintf("data: %d\n", i), "\n"} {
			if got, err := lines.ReadString('\n'); err != nil || got != want {
				t.Fatalf("event %d: got %q, %v; want %q", i, got, err, want)
			}
		}
		times = append(times, tell())
	}
	if rest, err := io.ReadAll(lines); err != nil || len(rest) > 0 {
		t.Errorf("behind the last event: got %q, %v; want the end", rest, err)
	}
	slices.Sort(times)
	return times[len(times)/2]
}

// request sends a GET that accepts one coding.
func (r *rig) request(client *http.Client, target, coding string) *http.Response {
	r.t.Helper()
	req, err := http.NewRequestWithContext(r.t.Context(), http.MethodGet, "http://"+r.address+target, http.NoBody)
	if err != nil {
		r.t.Fatal(err)
	}
	req.Header.Set("Accept-Encoding", coding)
	resp, err := client.Do(req)
	if err != nil {
		r.t.Fatal(err)
	}
	return resp
}

// TestLongAnswersAreCompressed: more content than any buffer holds, of a length that is
// known or not, in every version of HTTP there is in clear text.
func TestLongAnswersAreCompressed(t *testing.T) {
	long := strings.Repeat(jsonText, 100)
	r := compressed(t, "", func(w http.ResponseWriter, q *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		if q.URL.Path == "/known" {
			w.Header().Set("Content-Length", strconv.Itoa(len(long)))
		}
		_, _ = io.WriteString(w, long)
	})
	plain := &http.Client{Transport: &http.Transport{DisableCompression: true}}
	t.Cleanup(plain.CloseIdleConnections)
	for version, client := range map[string]*http.Client{"HTTP/1.1": plain, "HTTP/2": r.h2Client()} {
		for _, target := range []string{"/known", "/unknown"} {
			for _, coding := range []string{"gzip", "br", "zstd"} {
				resp := r.request(client, target, coding)
				text, err := io.ReadAll(decoded(t, resp.Header.Get("Content-Encoding"), resp.Body))
				_ = resp.Body.Close()
				if err != nil || string(text) != long || resp.Header.Get("Content-Encoding") != coding {
					t.Errorf("%s %s %s: got %d bytes, %v, %v; want %d", version, target, coding, len(text), err, resp.Header, len(long))
				}
			}
		}
	}
}

// TestOldClientsReadCompressedToTheEnd: HTTP/1.0 has no chunks, the connection ends there.
func TestOldClientsReadCompressedToTheEnd(t *testing.T) {
	r := compressed(t, "", jsonHandler(200))
	c := r.dial()
	c.send("GET / HTTP/1.0\r\nHost: x\r\nAccept-Encoding: gzip\r\nConnection: keep-alive\r\n\r\n")
	a := c.receive("GET")
	if a.Header.Get("Content-Encoding") != "gzip" || a.ContentLength >= 0 || len(a.TransferEncoding) > 0 || decodedText(t, "gzip", a.body) != jsonText {
		t.Errorf("got %v and %d bytes; want gzip up to the end of the connection", a.Header, len(a.body))
	}
}

// TestDigestsInTrailersGo: they are of other bytes.
func TestDigestsInTrailersGo(t *testing.T) {
	r := compressed(t, "", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/plain")
		w.Header().Set("Trailer", "Content-Digest, Server-Timing")
		_, _ = io.WriteString(w, jsonText)
		w.Header().Set("Content-Digest", "sha-256=:x:")
		w.Header().Set("Server-Timing", "db")
	})
	for coding, want := range map[string]string{"gzip": "", "identity": "sha-256=:x:"} {
		c := r.dial()
		c.send("GET / HTTP/1.1\r\nHost: x\r\nTE: trailers\r\nConnection: TE\r\nAccept-Encoding: " + coding + "\r\n\r\n")
		a := c.receive("GET")
		if got := a.Trailer.Get("Content-Digest"); got != want || a.Trailer.Get("Server-Timing") != "db" {
			t.Errorf("%s: got trailers %v; want Content-Digest %q", coding, a.Trailer, want)
		}
	}
}

// TestOwnAnswersAreCompressed: a page of the proxy's is one like others.
func TestOwnAnswersAreCompressed(t *testing.T) {
	r := staged(t, `
small: {type: compress, min_bytes: 100B}
no: {type: deny, content_type: text/html, body: "`+strings.Repeat("no, no ", 100)+`"}
`, "middleware: [small, no]")
	for accept, want := range map[string]string{"gzip": "gzip", "identity": ""} {
		resp, body := r.ask("GET", "/", "Accept-Encoding: "+accept)
		if resp.StatusCode != http.StatusForbidden || resp.Header.Get("Content-Encoding") != want || resp.Header.Get("Vary") != "Accept-Encoding" ||
			resp.ContentLength != int64(len(body)) || decodedText(t, want, body) != strings.Repeat("no, no ", 100) {
			t.Errorf("%s: got %d %v; want the page in %q", accept, resp.StatusCode, resp.Header, want)
		}
	}
}

// TestStreamsOfHandlersAreCompressed: an own answer whose content is still to be made is
// one like others, too.
func TestStreamsOfHandlersAreCompressed(t *testing.T) {
	r := staged(t, `
small: {type: compress, types: [text/event-stream]}
own: {type: t_stream}
`, "middleware: [small, own]")
	const want = "data: 0\n\ndata: 1\n\ndata: 2\n\n"
	for _, coding := range []string{"gzip", "br", "zstd", ""} {
		resp, body := r.ask("GET", "/", "Accept-Encoding: identity;q=0.5, "+coding)
		if got := resp.Header.Get("Content-Encoding"); got != coding || decodedText(t, got, body) != want {
			t.Errorf("got %v %q; want %q in %q", resp.Header, body, want, coding)
		}
	}
}

// TestFieldsOfOtherStagesCount: the decision is about the answer as the stages behind have
// left it, and what they hide from the backend the client has said all the same.
func TestFieldsOfOtherStagesCount(t *testing.T) {
	for name, c := range map[string]struct{ stage, want string }{
		"hidden from the backend": {`request: {remove: [Accept-Encoding]}`, "zstd"},
		"another type":            {`response: {set: {Content-Type: image/png}}`, ""},
		"no-transform":            {`response: {add: {Cache-Control: no-transform}}`, ""},
		"encoded":                 {`response: {set: {Content-Encoding: br}}`, "br"},
		"not encoded":             {`response: {set: {Content-Encoding: ""}}`, "zstd"},
	} {
		t.Run(name, func(t *testing.T) {
			r := start(t, `
listeners: {web: {address: "127.0.0.1:0"}}
routes: {all: {pool: p, middleware: [small, other]}}
pools: {p: {backends: [{address: "{{backend}}"}]}}
middleware: {small: {type: compress}, other: {type: headers, `+c.stage+`}}
`, backend(t, jsonHandler(200)))
			if resp, _ := r.ask("GET", "/", "Accept-Encoding: gzip, br, zstd"); resp.Header.Get("Content-Encoding") != c.want {
				t.Errorf("got %v; want coding %q", resp.Header, c.want)
			}
		})
	}
}

// TestCompressedRequestsPassAsTheyAre: nothing is decoded.
func TestCompressedRequestsPassAsTheyAre(t *testing.T) {
	r := compressed(t, "", func(w http.ResponseWriter, q *http.Request) {
		w.Header().Set("Content-Type", "text/plain")
		_, _ = io.Copy(w, io.MultiReader(strings.NewReader(q.Header.Get("Content-Encoding")+" "), q.Body))
	})
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://"+r.address+"/", strings.NewReader("no gzip at all"))
	if err != nil {
		t.Fatal(err)
	}
	maps.Copy(req.Header, http.Header{"Content-Encoding": {"gzip"}, "Accept-Encoding": {"identity"}})
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close(); http.DefaultClient.CloseIdleConnections() }()
	if body, err := io.ReadAll(resp.Body); err != nil || string(body) != "gzip no gzip at all" {
		t.Errorf("the backend got %q, %v; want the body as it was sent", body, err)
	}
}
