package middleware

import (
	"testing"

	"github.com/isame-lb/isame-lb/config"
	"github.com/isame-lb/isame-lb/engine/stage"
)

func BenchmarkCORS(b *testing.B) {
	for _, tc := range []struct {
		name string
		keys config.StageCORS
	}{
		{"exact", config.StageCORS{AllowOrigins: []string{"https://www.example.com"}, AllowCredentials: true, ExposeHeaders: []string{"ETag"}}},
		{"below", config.StageCORS{AllowOrigins: []string{"https://*.example.com"}, AllowCredentials: true}},
		{"all", config.StageCORS{AllowOrigins: []string{"*"}}},
	} {
		b.Run("origins="+tc.name, func(b *testing.B) { benchmarkStage(b, made(b, &tc.keys)) })
	}
	b.Run("origins=none", func(b *testing.B) { benchmarkNothing(b) })
}

// benchmarkStage is what a stage costs in both phases, with what the loop itself costs.
func benchmarkStage(b *testing.B, made any) {
	b.Helper()
	c := newFakeCall(b)
	requester, _ := made.(stage.Requester)
	responder, _ := made.(stage.Responder)
	b.ReportAllocs()
	for b.Loop() {
		c.again()
		if requester != nil && requester.Request(c.Call) != stage.Next {
			b.Fatal("refused")
		}
		c.meet()
		if responder != nil && responder.Response(c.Call) != stage.Next {
			b.Fatal("another answer")
		}
	}
}

// benchmarkNothing is what the loop itself costs.
func benchmarkNothing(b *testing.B) {
	b.Helper()
	c := newFakeCall(b)
	b.ReportAllocs()
	for b.Loop() {
		c.again()
		c.meet()
	}
}

func BenchmarkSecurityHeaders(b *testing.B) {
	benchmarkStage(b, made(b, &config.StageSecurityHeaders{
		HSTS: &config.HSTS{IncludeSubdomains: true}, ContentTypeNosniff: true, Frame: "DENY", ReferrerPolicy: "same-origin",
	}))
}

func BenchmarkRequestID(b *testing.B) {
	for _, format := range []string{"hex", "uuid7"} {
		b.Run("format="+format, func(b *testing.B) {
			benchmarkStage(b, made(b, &config.StageRequestID{Header: "X-Request-Id", Format: format, Trust: "never"}))
		})
	}
}

func BenchmarkCookies(b *testing.B) {
	benchmarkStage(b, made(b, &config.StageCookies{Path: "/x", Secure: true, SameSite: "lax"}))
}

// BenchmarkHeaders is for ten rules, three of which have variables.
func BenchmarkHeaders(b *testing.B) {
	benchmarkStage(b, made(b, &config.StageHeaders{
		Request: config.RequestHeaders{
			Set:    map[string]string{"X-Real-IP": "{client_ip}", "X-Original-Host": "{host}", "X-Env": "production"},
			Add:    map[string]string{"X-Tag": "edge"},
			Remove: []string{"X-Debug", "Referer"},
		},
		Response: config.ResponseHeaders{
			Set:    map[string]string{"Cache-Control": "no-store", "X-Route": "{route}"},
			Add:    map[string]string{"X-Served-By": "isame"},
			Remove: []string{"Server"},
		},
	}))
}
