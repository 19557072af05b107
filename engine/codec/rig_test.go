package codec

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/isame-lb/isame-lb/pool/wire"
)

// request parses a GET with these field lines.
func request(t testing.TB, method, fields string) *wire.RequestHead {
	t.Helper()
	h := new(wire.RequestHead)
	text := method + " / HTTP/1.1\r\nHost: example.com\r\n" + fields + "\r\n"
	if n, err := h.Parse([]byte(text), nil); err != nil || n != len(text) {
		t.Fatalf("cannot parse %q: %d, %v", text, n, err)
	}
	return h
}

// response parses an answer with these field lines.
func response(t testing.TB, status int, fields string) *wire.ResponseHead {
	t.Helper()
	h := new(wire.ResponseHead)
	text := fmt.Sprintf("HTTP/1.1 %d X\r\n%s\r\n", status, fields)
	if n, err := h.Parse([]byte(text), nil, false); err != nil || n != len(text) {
		t.Fatalf("cannot parse %q: %d, %v", text, n, err)
	}
	return h
}

// usualTypes are the types of policy.
var usualTypes = []string{
	"text/*", "application/json", "application/*+json", "application/javascript", "application/xml", "application/*+xml",
	"application/wasm", "image/svg+xml", "font/ttf",
}

// answerOf is a parsed answer as the decision sees it.
func answerOf(h *wire.ResponseHead) *Answer {
	a := &Answer{
		Status: h.Status, Length: h.ContentLength, Type: h.Value(wire.FieldContentType),
		Ranged: h.Has(wire.FieldContentRange), Incremental: h.Lookup("incremental"),
	}
	for i := range h.Fields {
		switch f := &h.Fields[i]; f.ID { //nolint:exhaustive // the others do not count
		case wire.FieldContentEncoding:
			a.SeeEncoding(h.FieldValue(f))
		case wire.FieldCacheControl:
			a.SeeCacheControl(h.FieldValue(f))
		}
	}
	return a
}

// policy makes one of the usual settings.
func policy(t testing.TB, change func(*Settings)) *Policy {
	t.Helper()
	s := Settings{Encodings: []Coding{Zstd, Brotli, Gzip}, Types: usualTypes, MinBytes: 1024}
	if change != nil {
		change(&s)
	}
	p, err := NewPolicy(s)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// words are what the text of generated documents is made of.
var words = []string{
	"alpha", "river", "mountain", "delivery", "order", "customer", "shipping", "the", "of", "and", "quick", "report",
	"status", "pending", "balance", "cluster", "service", "request", "response", "time", "value", "market", "price", "stock",
}

// document is a JSON list of customers as an API returns it, cut at size bytes: names and
// text repeat, identifiers, numbers and times do not.
func document(t testing.TB, size int, seed uint64) []byte {
	t.Helper()
	r := rand.New(rand.NewPCG(seed, 1))
	word := func() string { return words[r.IntN(len(words))] }
	var out bytes.Buffer
	out.WriteByte('[')
	for out.Len() < size {
		var text strings.Builder
		for range 12 {
			text.WriteString(word() + " ")
		}
		item := map[string]any{
			"id": fmt.Sprintf("%08x-%04x-%04x", r.Uint32(), r.IntN(1<<16), r.IntN(1<<16)), "name": word() + " " + word(),
			"email": word() + "." + word() + "@example.com", "active": r.IntN(2) == 0, "score": float64(r.IntN(100_000)) / 100,
			"created_at":  fmt.Sprintf("2026-%02d-%02dT%02d:%02d:%02dZ", 1+r.IntN(12), 1+r.IntN(28), r.IntN(24), r.IntN(60), r.IntN(60)),
			"tags":        []string{word(), word()},
			"address":     map[string]any{"street": fmt.Sprintf("%d %s street", r.IntN(300), word()), "city": word(), "zip": 10_000 + r.IntN(89_999)},
			"description": text,
		}
		text2, err := json.Marshal(item)
		if err != nil {
			t.Fatal(err)
		}
		out.Write(text2)
		out.WriteByte(',')
	}
	return out.Bytes()[:size]
}

// noise is content that no coding makes smaller.
func noise(size int) []byte {
	r := rand.New(rand.NewPCG(7, 7))
	b := make([]byte, size)
	for i := range b {
		b[i] = byte(r.Uint32())
	}
	return b
}

// needDecoder leaves a test out where a program of others is missing, which CI has.
func needDecoder(t testing.TB, name string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal(err)
		}
		t.Skip(err)
	}
	return path
}

// pipe runs a program with this input.
func pipe(t testing.TB, input []byte, name string, arguments ...string) []byte {
	t.Helper()
	var stderr bytes.Buffer
	command := exec.Command(needDecoder(t, name), arguments...)
	command.Stdin, command.Stderr = bytes.NewReader(input), &stderr
	out, err := command.Output()
	if err != nil {
		t.Fatalf("%s %v: %v: %s", name, arguments, err, &stderr)
	}
	return out
}

// appendWhole compresses a whole content and appends it to dst.
func appendWhole(dst, content []byte, c Coding, l Level) []byte {
	s := Open(c, l, false)
	defer s.Release()
	return s.Append(dst, content, false, true)
}
