package run

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/isame-lb/isame-lb/ctl/api"
)

// Each look finds what is new since the one before, and nothing twice.
func TestCertificateWatch(t *testing.T) {
	const day = 24 * time.Hour
	begin := time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC)
	at := func(d time.Duration) *time.Time { end := begin.Add(d); return &end }
	managed := func(lifetime time.Duration) api.Certificate {
		return api.Certificate{Listener: "web", Name: "a.test", NotBefore: at(0), NotAfter: at(lifetime)}
	}
	failed := func(c api.Certificate, why string, retry time.Duration) api.Certificate {
		c.Failure, c.Renewal = why, at(retry)
		return c
	}
	awaited := api.Certificate{Listener: "web", Name: "a.test"}
	file := api.Certificate{Listener: "web", Name: "b.test", File: "b.pem", NotBefore: at(-80 * day), NotAfter: at(10 * day)}
	var w certificateWatch
	for _, step := range []struct {
		name string
		at   time.Duration
		all  []api.Certificate
		want string
	}{
		{"first", 0, []api.Certificate{failed(awaited, "before anybody looked", day), file}, "b.test expires"},
		{"nothing new", time.Hour, []api.Certificate{failed(awaited, "before anybody looked", day), file}, ""},
		{"another attempt", time.Hour, []api.Certificate{failed(awaited, "no such host", 2*day), file}, "a.test failed no such host"},
		{"the same again", time.Hour, []api.Certificate{failed(awaited, "no such host", 3*day), file}, "a.test failed no such host"},
		{"obtained", 2 * time.Hour, []api.Certificate{managed(10 * day), file}, "a.test renewed"},
		{"a fifth is left", 8*day + time.Minute, []api.Certificate{managed(10 * day), file}, "a.test expires"},
		{"renewed", 9 * day, []api.Certificate{managed(20 * day), file}, "a.test renewed"},
		{"over", 10*day + time.Minute, []api.Certificate{managed(20 * day), file}, "b.test expires"},
		{"once", 11 * day, []api.Certificate{managed(20 * day), file}, ""},
		{"gone", 11 * day, []api.Certificate{managed(20 * day)}, ""},
		{"back", 11 * day, []api.Certificate{managed(20 * day), file}, "b.test expires"},
	} {
		var got []string
		for _, e := range w.look(step.all, begin.Add(step.at)) {
			got = append(got, strings.TrimSpace(fmt.Sprint(e.Name, " ", e.Change, " ", e.Failure)))
		}
		if text := strings.Join(got, ", "); text != step.want {
			t.Errorf("%s: got %q; want %q", step.name, text, step.want)
		}
	}
}
