package middleware

import (
	"strings"
	"testing"

	"github.com/isame-lb/isame-lb/config"
	"github.com/isame-lb/isame-lb/engine/stage"
	"github.com/isame-lb/isame-lb/pool/wire"
)

// compressCall is a compress stage of the default settings, and an exchange that passes
// it: run does so once, with content of these bytes, and returns what is sent.
func compressCall(t testing.TB, encodings string, content []byte) (run func() []byte) {
	t.Helper()
	s, err := newCompress(&config.StageCompress{
		Encodings: strings.Split(encodings, ","), Types: []string{"application/json"}, MinBytes: 1024, Level: "default",
	}, nil)
	if err != nil {
		t.Fatal(err)
	}
	var (
		asks   = []byte("GET / HTTP/1.1\r\nHost: x\r\nAccept-Encoding: gzip, deflate, br, zstd\r\nIf-None-Match: W/\"v0\"\r\n\r\n")
		says   = []byte("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nETag: \"v1\"\r\nVary: Origin\r\nAccept-Ranges: bytes\r\nContent-Length: 16384\r\n\r\n")
		head   wire.RequestHead
		answer wire.ResponseHead
		call   stage.Call
		out    []byte
	)
	return func() []byte {
		if n, err := head.Parse(asks, nil); n == 0 || err != nil {
			t.Fatal(err)
		}
		if n, err := answer.Parse(says, nil, false); n == 0 || err != nil {
			t.Fatal(err)
		}
		call.Begin(&head)
		s.Request(&call)
		call.Status, call.Length = answer.Status, answer.ContentLength
		call.Answer.Meet(&answer.Head)
		s.Response(&call)
		if call.Coder == nil {
			t.Fatal("got no coder; want one")
		}
		out = call.Coder.Append(out[:0], content, false, true)
		call.Coder.Release()
		return out
	}
}

// BenchmarkCompress passes 16 KiB of JSON through the stage: both phases, and the content.
func BenchmarkCompress(b *testing.B) {
	content := []byte(strings.Repeat(`{"id":123456,"name":"some customer","state":"open","tags":["a","b"]},`, 300))[:16<<10]
	for _, encodings := range []string{"gzip", "br", "zstd"} {
		b.Run("coding="+encodings, func(b *testing.B) {
			run := compressCall(b, encodings, content)
			b.SetBytes(int64(len(content)))
			b.ReportAllocs()
			for b.Loop() {
				run()
			}
		})
	}
}
