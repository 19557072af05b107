package wire

import (
	"bufio"
	"bytes"
	"testing"

	"github.com/valyala/fasthttp"
)

const benchRequest = "GET /api/v1/items/4711?fields=name&limit=10 HTTP/1.1\r\n" +
	"Host: api.example.com\r\n" +
	"User-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0\r\n" +
	"Accept: application/json, text/plain, */*\r\n" +
	"Accept-Language: en-US,en;q=0.5\r\n" +
	"Accept-Encoding: gzip, deflate, br\r\n" +
	"Referer: https://www.example.com/items\r\n" +
	"Cookie: session=0123456789abcdef; theme=dark\r\n" +
	"Connection: keep-alive\r\n" +
	"X-Custom-Thing: some value here\r\n" +
	"Cache-Control: no-cache\r\n\r\n"

const benchResponse = "HTTP/1.1 200 OK\r\n" +
	"Server: nginx/1.22.1\r\n" +
	"Date: Mon, 01 Jan 2024 00:00:00 GMT\r\n" +
	"Content-Type: application/json; charset=utf-8\r\n" +
	"Content-Length: 1024\r\n" +
	"Connection: keep-alive\r\n" +
	"ETag: \"65920080-400\"\r\n" +
	"Cache-Control: no-store, max-age=0\r\n" +
	"Vary: Accept-Encoding\r\n\r\n"

func BenchmarkRequestHead(b *testing.B) {
	raw := []byte(benchRequest)
	b.Run("parser=wire", func(b *testing.B) {
		var h RequestHead
		b.ReportAllocs()
		b.SetBytes(int64(len(raw)))
		for b.Loop() {
			if n, err := h.Parse(raw, nil); n != len(raw) || err != nil {
				b.Fatalf("got %d, %v; want %d bytes parsed", n, err, len(raw))
			}
		}
	})
	b.Run("parser=fasthttp", func(b *testing.B) {
		var h fasthttp.RequestHeader
		src := bytes.NewReader(raw)
		br := bufio.NewReader(src)
		b.ReportAllocs()
		b.SetBytes(int64(len(raw)))
		for b.Loop() {
			src.Reset(raw)
			br.Reset(src)
			if err := h.Read(br); err != nil {
				b.Fatal(err)
			}
		}
	})
}

func BenchmarkResponseHead(b *testing.B) {
	raw := []byte(benchResponse)
	b.Run("parser=wire", func(b *testing.B) {
		var h ResponseHead
		b.ReportAllocs()
		b.SetBytes(int64(len(raw)))
		for b.Loop() {
			if n, err := h.Parse(raw, nil, false); n != len(raw) || err != nil {
				b.Fatalf("got %d, %v; want %d bytes parsed", n, err, len(raw))
			}
		}
	})
	b.Run("parser=fasthttp", func(b *testing.B) {
		var h fasthttp.ResponseHeader
		src := bytes.NewReader(raw)
		br := bufio.NewReader(src)
		b.ReportAllocs()
		b.SetBytes(int64(len(raw)))
		for b.Loop() {
			src.Reset(raw)
			br.Reset(src)
			if err := h.Read(br); err != nil {
				b.Fatal(err)
			}
		}
	})
}

func BenchmarkChunked(b *testing.B) {
	raw := AppendLastChunk(AppendChunk(AppendChunk(nil, make([]byte, 1000)), make([]byte, 1000)), nil)
	var d Chunked
	b.ReportAllocs()
	b.SetBytes(int64(len(raw)))
	for b.Loop() {
		d.Reset()
		for rest := raw; !d.Done(); {
			_, n, err := d.Next(rest)
			if err != nil {
				b.Fatal(err)
			}
			rest = rest[n:]
		}
	}
}

func BenchmarkNormalizePath(b *testing.B) {
	for _, c := range []struct{ name, path string }{
		{"plain", "/api/v1/items/4711/details"},
		{"dots", "/api/v1/../v2/%7Euser/items"},
	} {
		b.Run("path="+c.name, func(b *testing.B) {
			raw, dst := []byte(c.path), make([]byte, 0, 256)
			b.ReportAllocs()
			for b.Loop() {
				if _, _, err := NormalizePath(dst, raw); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkAppendFields(b *testing.B) {
	var h RequestHead
	if _, err := h.Parse([]byte(benchRequest), nil); err != nil {
		b.Fatal(err)
	}
	dst := make([]byte, 0, 1024)
	b.ReportAllocs()
	for b.Loop() {
		dst = h.AppendFields(dst[:0])
	}
}
