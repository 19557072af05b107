package engine

import (
	"bytes"
	"strings"
	"testing"

	"github.com/isame-lb/isame-lb/engine/stage"
)

// faultyCoder panics where it is given a content; released counts how often it was given
// back.
type faultyCoder struct{ released chan struct{} }

func (faultyCoder) Append([]byte, []byte, bool, bool) []byte { panic("a bug of a coder") }

func (c faultyCoder) Release() { c.released <- struct{}{} }

var codersReleased = make(chan struct{}, 100)

// registerBug registers t_bug, a variable with a bug in the phase that the query names: it
// shows what a panic inside of any stage does.
func registerBug() {
	stage.RegisterVariable("t_bug", func(dst []byte, c *stage.Call) []byte {
		phase := []byte("request")
		if c.Status != 0 {
			phase = []byte("response")
		}
		switch query := c.Head.Query; {
		case bytes.Equal(query, phase):
			panic("a bug of a variable")
		case c.Status == 200 && bytes.Equal(query, []byte("coder")):
			c.Coder = faultyCoder{codersReleased}
		}
		return append(dst, phase...)
	})
}

func bugRow(*testing.T) *stageRow {
	bug := effect{status: 500, cause: "internal_error", fields: []string{"-X-Bug"}}
	plainAndCalls := []string{plainWay, callWay}
	return &stageRow{
		stages: `
s: {type: headers, request: {set: {X-Bug: "{t_bug}"}}, response: {set: {X-Bug: "{t_bug}"}}}
slow: {type: deny, tarpit: 1ms, when: {path: /slow}}
h: {type: t_panic, when: {path: /handler}}
`,
		order: "[h, s, slow]",
		cases: []stageCase{
			{name: "none", want: effect{seen: []string{"X-Bug: request\r\n"}, fields: []string{"X-Bug: response"}}},
			{name: "of a request", target: "/?request", want: bug},
			{name: "of an answer", target: "/?response", want: bug},
			{name: "of an answer of ours, in a goroutine", target: "/slow?response", want: bug},
			{name: "of an answer, inside of a handler", target: "/handler?response", want: bug},
			{name: "of a content", target: "/?coder", kinds: plainAndCalls, want: effect{broken: true}},
			{name: "none behind it", want: effect{fields: []string{"X-Bug: response", "X-Backend: yes"}}},
		},
	}
}

// The next exchange has nothing of one that a bug has ended.
func TestBugOfACoderEndsWithItsExchange(t *testing.T) {
	address := mirrorBackend(t)
	r := start(t, `
listeners: {web: {address: "127.0.0.1:0"}}
routes:
  staged: {pool: p, path: /staged, middleware: [s]}
  plain: {pool: p}
pools: {p: {backends: [{address: "{{backend}}"}]}}
middleware: {s: {type: headers, response: {set: {X-Bug: "{t_bug}"}}}}
`, address)
	for len(codersReleased) > 0 {
		<-codersReleased
	}
	const times = 20
	for range times {
		c := r.dial()
		c.send("GET /staged?coder HTTP/1.1\r\nHost: t\r\n\r\n")
		if b, _ := c.r.Peek(1); len(b) > 0 {
			t.Errorf("got %q; want no answer", b)
		}
		if resp, body := r.ask("GET", "/plain"); resp.StatusCode != 200 || !strings.HasPrefix(body, "GET /plain ") {
			t.Fatalf("the next one: got %d %q; want what the backend says", resp.StatusCode, body)
		}
	}
	eventually(t, func() string { return "coders that are not given back" }, func() bool { return len(codersReleased) == times })
	eventually(t, func() string { return "something in flight" }, func() bool { return r.inFlight() == 0 })
}
