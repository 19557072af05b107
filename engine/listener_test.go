package engine

import (
	"net/http"
	"slices"
	"testing"
)

// Listeners whose ports the kernel chooses are different ones, however alike their
// addresses are written, and stay so over reloads.
func TestListenersOfEphemeralPortsAreSeveral(t *testing.T) {
	const text = `
listeners: {a: {address: "127.0.0.1:0"}, b: {address: "127.0.0.1:0"}}
routes:
  a: {listeners: [a], respond: {status: 201}}
  b: {listeners: [b], respond: {status: 202}}
shutdown: {drain: 5s}
`
	r := start(t, text, "")
	bound := func() (all []string) {
		for _, l := range r.engine.Listeners() {
			all = append(all, l.Bound)
		}
		return all
	}
	before := bound()
	if len(before) != 2 || before[0] == before[1] {
		t.Fatalf("got %q; want two addresses", before)
	}
	for range 2 {
		for i, want := range []int{201, 202} {
			client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
			a, err := client.Get("http://" + before[i] + "/")
			if err != nil {
				t.Fatal(err)
			}
			_ = a.Body.Close()
			if a.StatusCode != want {
				t.Errorf("%s: got %d; want %d", before[i], a.StatusCode, want)
			}
		}
		r.apply(text, "")
		if after := bound(); !slices.Equal(before, after) {
			t.Errorf("after a reload: got %q; want %q", after, before)
		}
	}
}
