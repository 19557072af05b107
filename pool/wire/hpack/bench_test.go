package hpack

import (
	"bytes"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"

	theirs "golang.org/x/net/http2/hpack"
)

// benchField is one field in the forms the two packages take.
type benchField struct{ name, value string }

// benchRequest is what a browser sends for an item of a page.
var benchRequest = []benchField{
	{":method", "GET"},
	{":authority", "www.example.com"},
	{":scheme", "https"},
	{":path", "/api/v1/items/4711?fields=name&limit=10"},
	{"sec-ch-ua", `"Chromium";v="128", "Not;A=Brand";v="24", "Google Chrome";v="128"`},
	{"sec-ch-ua-mobile", "?0"},
	{"sec-ch-ua-platform", `"Linux"`},
	{"user-agent", "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/128.0.0.0 Safari/537.36"},
	{"accept", "application/json, text/plain, */*"},
	{"sec-fetch-site", "same-origin"},
	{"sec-fetch-mode", "cors"},
	{"sec-fetch-dest", "empty"},
	{"referer", "https://www.example.com/items"},
	{"accept-encoding", "gzip, deflate, br, zstd"},
	{"accept-language", "en-US,en;q=0.9"},
	{"cookie", "session=0123456789abcdef0123456789abcdef; theme=dark"},
	{"priority", "u=1, i"},
}

// benchResponse is what a backend answers, names as HTTP/1.1 has them.
var benchResponse = []benchField{
	{":status", "200"},
	{"Server", "nginx/1.22.1"},
	{"Date", "Mon, 01 Jan 2024 00:00:00 GMT"},
	{"Content-Type", "application/json; charset=utf-8"},
	{"Content-Length", "1024"},
	{"ETag", `"65920080-400"`},
	{"Cache-Control", "no-store, max-age=0"},
	{"Vary", "Accept-Encoding"},
	{"X-Content-Type-Options", "nosniff"},
	{"Strict-Transport-Security", "max-age=31536000; includeSubDomains"},
}

// encodeTheirs encodes fields twice and returns both blocks: the first time all
// of it is spelled out, the second time all of it is in the table.
func encodeTheirs(tb testing.TB, fields []benchField) (first, second []byte) {
	tb.Helper()
	var out bytes.Buffer
	e := theirs.NewEncoder(&out)
	for range 2 {
		first = second
		out.Reset()
		for _, f := range fields {
			if err := e.WriteField(theirs.HeaderField{Name: f.name, Value: f.value}); err != nil {
				tb.Fatal(err)
			}
		}
		second = bytes.Clone(out.Bytes())
	}
	return first, second
}

// withoutIndexing is fields spelled out in full, in Huffman code.
func withoutIndexing(fields []benchField) (block []byte) {
	var e Encoder
	e.Reset()
	for _, f := range fields {
		block = e.AppendField(block, []byte(f.name), []byte(f.value), NoIndex)
	}
	return block
}

func BenchmarkDecode(b *testing.B) {
	first, indexed := encodeTheirs(b, benchRequest)
	for _, c := range []struct {
		name         string
		setup, block []byte
	}{
		{"indexed", first, indexed},
		{"first", nil, first},
		{"huffman", nil, withoutIndexing(benchRequest)},
	} {
		b.Run("block="+c.name+"/codec=ours", func(b *testing.B) { benchOurs(b, c.setup, c.block) })
		b.Run("block="+c.name+"/codec=xnet", func(b *testing.B) { benchTheirs(b, c.setup, c.block) })
	}
}

func benchOurs(b *testing.B, setup, block []byte) {
	b.Helper()
	var d Decoder
	d.Reset(Limits{})
	d.Begin(setup)
	if err := d.Skip(); err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		n := 0
		var f Field
		d.Begin(block)
		for {
			more, err := d.Next(&f)
			if err != nil {
				b.Fatal(err)
			}
			if !more {
				break
			}
			n++
		}
		if n != len(benchRequest) {
			b.Fatalf("got %d fields; want %d", n, len(benchRequest))
		}
	}
}

func benchTheirs(b *testing.B, setup, block []byte) {
	b.Helper()
	n := 0
	d := theirs.NewDecoder(tableBytesDefault, func(theirs.HeaderField) { n++ })
	if _, err := d.Write(setup); err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		n = 0
		if _, err := d.Write(block); err != nil {
			b.Fatal(err)
		}
		if err := d.Close(); err != nil {
			b.Fatal(err)
		}
		if n != len(benchRequest) {
			b.Fatalf("got %d fields; want %d", n, len(benchRequest))
		}
	}
}

// benchVaried is how many values the fields that change with each response take.
const benchVaried = 1024

// variedResponses are responses that differ in length and validator.
func variedResponses() (responses [][]benchField) {
	for i := range benchVaried {
		r := slices.Clone(benchResponse)
		r[4].value = strconv.Itoa(1024 + i)
		r[5].value = fmt.Sprintf(`"65920080-%x"`, 1024+i)
		responses = append(responses, r)
	}
	return responses
}

func BenchmarkEncode(b *testing.B) {
	b.Run("block=response/codec=ours", func(b *testing.B) {
		type field struct{ name, value []byte }
		var responses [benchVaried][]field
		for i, r := range variedResponses() {
			for _, f := range r[1:] {
				responses[i] = append(responses[i], field{[]byte(f.name), []byte(f.value)})
			}
		}
		var e Encoder
		e.Reset()
		dst := make([]byte, 0, 1024)
		b.ReportAllocs()
		for i := 0; b.Loop(); i++ {
			dst = e.AppendStatus(dst[:0], 200)
			for _, f := range responses[i%benchVaried] {
				dst = e.AppendField(dst, f.name, f.value, Auto)
			}
		}
		b.ReportMetric(float64(len(dst)), "bytes/block")
	})
	b.Run("block=response/codec=xnet", func(b *testing.B) {
		// Names are lower case already: that is the caller's work there.
		var responses [benchVaried][]theirs.HeaderField
		for i, r := range variedResponses() {
			for _, f := range r {
				responses[i] = append(responses[i], theirs.HeaderField{Name: strings.ToLower(f.name), Value: f.value})
			}
		}
		var out bytes.Buffer
		e := theirs.NewEncoder(&out)
		b.ReportAllocs()
		for i := 0; b.Loop(); i++ {
			out.Reset()
			for _, f := range responses[i%benchVaried] {
				if err := e.WriteField(f); err != nil {
					b.Fatal(err)
				}
			}
		}
		b.ReportMetric(float64(out.Len()), "bytes/block")
	})
}
