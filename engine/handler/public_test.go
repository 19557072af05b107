package handler

import (
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/fasthttp/router"
	"github.com/gofiber/fiber/v2"
	"github.com/gofiber/fiber/v2/middleware/cors"
	"github.com/gofiber/fiber/v2/middleware/etag"
	"github.com/gofiber/fiber/v2/middleware/limiter"
	"github.com/gofiber/fiber/v2/middleware/session"
	"github.com/valyala/fasthttp"
	"github.com/valyala/fasthttp/expvarhandler"
)

// These are handlers as people publish them, unchanged: a router, stages of Fiber, which
// runs on fasthttp, and what fasthttp brings itself.

// ask carries a request with fields to a backend that answers 200 with fields.
func ask(t *testing.T, s *Stage, line, fields string) (outcome, *bare) {
	t.Helper()
	x := streaming(t, "X-Backend: 1\r\nVary: A\r\n", "of a backend")
	return carry(t, s, parsedRequest(t, line+" HTTP/1.1\r\nHost: example.com\r\n"+fields+"\r\n"), x), x
}

func TestRouterOfFasthttp(t *testing.T) {
	s := mustStage(t, func(next fasthttp.RequestHandler) fasthttp.RequestHandler {
		r := router.New()
		r.GET("/api/{version}/items", func(ctx *fasthttp.RequestCtx) {
			ctx.Request.Header.Set("X-Version", fmt.Sprint(ctx.UserValue("version")))
			next(ctx)
		})
		r.GET("/own/{name}", func(ctx *fasthttp.RequestCtx) { ctx.SetBodyString("hello " + fmt.Sprint(ctx.UserValue("name"))) })
		r.GET("/debug/vars", expvarhandler.ExpvarHandler)
		r.NotFound = next
		return r.Handler
	})
	for _, c := range []struct{ line, want string }{
		{"GET /api/v1/items", "0 0  fields=true"},
		{"GET /other%2F/x?y", "0 0  fields=false"},
		{"GET /own/you", "2 200 hello you fields=false"},
		{"GET /own/you/", "2 301  fields=false"},
		{"POST /own/you", "2 405 Method Not Allowed fields=false"},
	} {
		got, x := ask(t, s, c.line, "")
		if text := fmt.Sprintf("%d %d %s fields=%v", got.verdict, got.status, got.content, x.change.Fields); text != c.want {
			t.Errorf("%s: got %q; want %q", c.line, text, c.want)
		}
	}
	if got, _ := ask(t, s, "GET /debug/vars", ""); got.status != 200 || !strings.Contains(got.content, `"memstats"`) {
		t.Errorf("expvarhandler: got %d, %.50q; want the variables", got.status, got.content)
	}
}

// ofFiber are stages of Fiber with next as the last one.
func ofFiber(stages ...fiber.Handler) Middleware {
	return func(next fasthttp.RequestHandler) fasthttp.RequestHandler {
		app := fiber.New()
		for _, s := range stages {
			app.Use(s)
		}
		app.Use(func(c *fiber.Ctx) error {
			next(c.Context())
			return nil
		})
		return app.Handler()
	}
}

func TestStagesOfFiber(t *testing.T) {
	t.Run("limiter", func(t *testing.T) {
		s := mustStage(t, ofFiber(limiter.New(limiter.Config{Max: 2, Expiration: time.Hour})))
		for i, want := range []int{200, 200, 429, 429} {
			got, x := ask(t, s, "GET /", "")
			if got.status != want || x.calls != map[int]int{200: 1, 429: 0}[want] {
				t.Errorf("request %d: got %d, next ran %d times; want %d", i, got.status, x.calls, want)
			}
		}
	})
	t.Run("cors", func(t *testing.T) {
		s := mustStage(t, ofFiber(cors.New(cors.Config{AllowOrigins: "https://a.example"})))
		got, _ := ask(t, s, "GET /", "Origin: https://a.example\r\n")
		if want := "Vary: Origin/Access-Control-Allow-Origin: https://a.example/X-Backend: 1/Vary: A/"; got.verdict != Changed || got.lines != want {
			t.Errorf("got %v, %q; want %q", got.verdict, got.lines, want)
		}
		got, x := ask(t, s, "OPTIONS /", "Origin: https://a.example\r\nAccess-Control-Request-Method: PUT\r\n")
		if got.status != 204 || x.calls != 0 || !strings.Contains(got.lines, "Access-Control-Allow-Methods: ") {
			t.Errorf("preflight: got %+v, next ran %d times; want 204 without it", got, x.calls)
		}
	})
	t.Run("etag", func(t *testing.T) {
		s := mustStage(t, ofFiber(etag.New()))
		got, _ := ask(t, s, "GET /", "")
		_, tag, _ := strings.Cut(got.lines, "Etag: ")
		tag, _, _ = strings.Cut(tag, "/")
		if got.content != "of a backend" || len(tag) < 4 {
			t.Fatalf("got %+v; want the content and its tag", got)
		}
		if got, _ := ask(t, s, "GET /", "If-None-Match: "+tag+"\r\n"); got.status != 304 || got.content != "" {
			t.Errorf("If-None-Match: got %+v; want 304", got)
		}
	})
	t.Run("session", func(t *testing.T) {
		store := session.New()
		s := mustStage(t, ofFiber(func(c *fiber.Ctx) error {
			visits, err := store.Get(c)
			if err != nil {
				return err
			}
			n, _ := visits.Get("n").(int)
			visits.Set("n", n+1)
			c.Set("X-Visits", strconv.Itoa(n+1))
			if err := visits.Save(); err != nil {
				return err
			}
			return c.Next()
		}))
		cookie := ""
		for want := 1; want <= 3; want++ {
			got, _ := ask(t, s, "GET /", cookie)
			if !strings.Contains(got.lines, fmt.Sprintf("X-Visits: %d/", want)) {
				t.Errorf("got %q; want visit %d", got.lines, want)
			}
			if _, set, ok := strings.Cut(got.lines, "Set-Cookie: "); ok {
				cookie, _, _ = strings.Cut(set, ";")
				cookie = "Cookie: " + cookie + "\r\n"
			}
		}
	})
}
