//go:build !race

package middleware

import (
	"testing"

	"github.com/isame-lb/isame-lb/config"
	"github.com/isame-lb/isame-lb/engine/stage"
	"github.com/isame-lb/isame-lb/pool/wire"
)

func TestErrorPagesDoNotAllocate(t *testing.T) {
	e, err := newErrorPages(&config.StageErrorPages{Statuses: []string{"500-599"}, From: "both", Body: "sorry", Path: "/"}, newPlace(t))
	if err != nil {
		t.Fatal(err)
	}
	var h wire.ResponseHead
	raw := []byte("HTTP/1.1 503 No\r\nX-Kept: yes\r\nContent-Length: 4\r\nEtag: x\r\n\r\n")
	c := newCall(t, "GET /a HTTP/1.1\r\nHost: t\r\nAccept: application/json\r\n\r\n")
	c.Status = 503
	if n := testing.AllocsPerRun(1000, func() {
		if _, err := h.Parse(raw, &wire.Limits{}, false); err != nil {
			t.Fatal(err)
		}
		c.Answer.Begin(&h.Head)
		if e.Response(c) != stage.Answered || string(c.Answer.Added()) != "X-Kept: yes\r\n" {
			t.Fatalf("got %q; want what is not of the content", c.Answer.Added())
		}
	}); n != 0 {
		t.Errorf("%v allocations; want 0", n)
	}
}
