package ctl

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/isame-lb/isame-lb/ctl/api"
)

// TestEveryCodeIsReached makes the endpoint answer with each code. Those of a source are
// given by one, as it would.
func TestEveryCodeIsReached(t *testing.T) {
	src := sampleSources(new([]string))
	refuse := func(err error) Sources {
		changed := src
		changed.AddBackend = func(string, api.NewBackend, string) error { return err }
		return changed
	}
	draining := src
	draining.Ready = func() (bool, string) { return false, api.StateDraining }
	draining.Routes = func() []api.RouteStatus { panic("at the disco") }
	s := start(t, Options{Tokens: oneOfEach(), Sources: src})
	open := start(t, Options{Sources: draining})
	const add = "/api/v1/pools/api/backends"
	write := bearer("secret-write")
	added := func(err error) answer {
		return raw(t, start(t, Options{Sources: refuse(err)}), request("POST", add, jsonBody, `{"address":"a:1"}`))
	}
	problem := func(status int, code api.Code) answer {
		return added(api.NewProblem(status, "as the source says").WithCode(code))
	}
	reached := map[api.Code]func() answer{
		api.CodeMalformed:        func() answer { return raw(t, s, request("POST", add, write+jsonBody, "{")) },
		api.CodeUnknownParameter: func() answer { return raw(t, s, request("GET", "/health?x=1", "", "")) },
		api.CodeUnauthorized:     func() answer { return raw(t, s, request("GET", "/api/v1/status", "", "")) },
		api.CodeForbidden:        func() answer { return raw(t, s, request("POST", add, bearer("secret-read"), "")) },
		api.CodeHostRefused:      func() answer { return raw(t, s, "GET /health HTTP/1.1\r\nHost: evil.example\r\n\r\n") },
		api.CodeNotFound:         func() answer { return raw(t, s, request("GET", "/api/v1/pools/none", write, "")) },
		api.CodeMethod:           func() answer { return raw(t, s, request("PUT", "/health", "", "")) },
		api.CodeTooLarge: func() answer {
			return raw(t, s, request("POST", add, write+jsonBody, strings.Repeat(" ", bodyBytesMax+1)))
		},
		api.CodeMediaType: func() answer { return raw(t, s, request("POST", add, write+"Content-Type: text/plain\r\n", "{}")) },
		api.CodeInvalid:   func() answer { return raw(t, s, request("POST", add, write+jsonBody, `{"place":"a:1"}`)) },
		api.CodeDraining:  func() answer { return raw(t, open, request("GET", "/ready", "", "")) },
		api.CodeInternal:  func() answer { return raw(t, open, request("GET", "/api/v1/routes", "", "")) },
		api.CodeTimeout: func() answer {
			c := dial(t, start(t, Options{Timeouts: Timeouts{Request: 50 * time.Millisecond}}))
			if _, err := io.WriteString(c, "GET /health HTTP/1.1\r\nHost: loc"); err != nil {
				t.Fatal(err)
			}
			return readAnswer(t, c, "GET")
		},
		api.CodeRateLimited: func() answer {
			for range loginsFailedMax {
				raw(t, s, request("GET", "/api/v1/status", bearer("wrong"), ""))
			}
			return raw(t, s, request("GET", "/api/v1/status", bearer("wrong"), ""))
		},
		api.CodeInUse:               func() answer { return added(fmt.Errorf("the pool has it: %w", ErrInUse)) },
		api.CodeBusy:                func() answer { return added(fmt.Errorf("a reload is under way: %w", ErrConflict)) },
		api.CodeStaleETag:           func() answer { return problem(412, api.CodeStaleETag) },
		api.CodePreconditionNeeded:  func() answer { return problem(428, api.CodePreconditionNeeded) },
		api.CodeConfirmPending:      func() answer { return problem(409, api.CodeConfirmPending) },
		api.CodeNotWritable:         func() answer { return problem(409, api.CodeNotWritable) },
		api.CodeMaskedValue:         func() answer { return problem(422, api.CodeMaskedValue) },
		api.CodeIdempotencyMismatch: func() answer { return problem(422, api.CodeIdempotencyMismatch) },
	}
	text, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, code := range api.Codes() {
		t.Run(string(code), func(t *testing.T) {
			if !strings.Contains(string(text), "| `"+string(code)+"` |") {
				t.Error("README.md has no line for it")
			}
			ask, ok := reached[code]
			if !ok {
				t.Fatal("nothing in this test leads to it")
			}
			got := ask()
			var p api.Problem
			if err := json.Unmarshal([]byte(got.body), &p); err != nil {
				t.Fatalf("%v: %s", err, got.body)
			}
			if p.Code != code || p.Type != "urn:isame:problem:"+string(code) || p.Status != got.status || got.header.Get("Content-Type") != api.ProblemType {
				t.Errorf("got %d %+v; want code %s", got.status, p, code)
			}
		})
	}
	if len(reached) != len(api.Codes()) {
		t.Errorf("got %d ways; want one for each of %d codes", len(reached), len(api.Codes()))
	}
}

// TestProblemOfAStatusHasACode: whoever says no code gets the one of the status.
func TestProblemOfAStatusHasACode(t *testing.T) {
	src := sampleSources(new([]string))
	src.RemoveBackend = func(string, string, string) error {
		return &api.Problem{Status: 409, Title: "Conflict", Detail: "by hand"}
	}
	s := start(t, Options{Sources: src})
	got := raw(t, s, request("DELETE", "/api/v1/pools/api/backends/10.0.0.1:8080", "", ""))
	if got.status != 409 || !strings.Contains(got.body, `"code":"busy"`) || !strings.Contains(got.body, `"type":"urn:isame:problem:busy"`) {
		t.Errorf("got %d %s; want the code of 409", got.status, got.body)
	}
}
