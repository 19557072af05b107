package cli

import (
	"strings"
	"testing"
	"time"

	"github.com/isame-lb/isame-lb/pool"
)

func (p *proxy) states() string {
	var all []string
	for _, one := range p.status() {
		for i := range one.Backends {
			all = append(all, one.Name+" "+one.Backends[i].Address+" "+one.Backends[i].State)
		}
	}
	return strings.Join(all, "\n")
}

func TestDrainEverywhere(t *testing.T) {
	p := startProxy(t, "")
	p.pools[1].Backends = append(p.pools[1].Backends, pool.BackendStatus{Address: "10.0.0.1:9090", State: "enabled"})
	for _, address := range []string{"10.0.0.1", "10.0.0.1:8080"} {
		o := run(p, nil, "backends", "drain", address, "--everywhere")
		if o.code != 0 || !strings.Contains(o.stdout, "10.0.0.1:8080") || !strings.Contains(o.stdout, "10.0.0.1:9090") {
			t.Errorf("%s: got exit %d, %s%s; want both ports of the host", address, o.code, o.stdout, o.stderr)
		}
	}
	states := p.states()
	for _, want := range []string{"api 10.0.0.1:8080 drain", "static 10.0.0.1:9090 drain", "api 10.0.0.2:8080 enabled"} {
		if !strings.Contains(states, want) {
			t.Errorf("want %s in\n%s", want, states)
		}
	}
	if o := run(p, nil, "backends", "enable", "10.0.0.1", "--everywhere", "-o", "json"); o.code != 0 || strings.Contains(p.states(), "10.0.0.1:9090 drain") {
		t.Errorf("got exit %d, %s\n%s", o.code, o.stdout, p.states())
	}
	for _, c := range []struct {
		args string
		code int
		want string
	}{
		{"backends drain 10.9.9.9 --everywhere", 1, "no pool has a backend on host"},
		{"backends drain 10.0.0.1 --everywhere --pool api", 2, "one of them says where"},
		{"backends enable 10.0.0.1 --wait", 2, "unknown flag: --wait"},
	} {
		if o := run(p, nil, strings.Fields(c.args)...); o.code != c.code || !strings.Contains(o.stderr, c.want) {
			t.Errorf("%s: got exit %d, %s; want %d and %q", c.args, o.code, o.stderr, c.code, c.want)
		}
	}
}

func TestDrainWaits(t *testing.T) {
	p := startProxy(t, "")
	o := run(p, nil, "backends", "drain", "10.0.0.1:8080", "--wait=50ms")
	if o.code != 1 || !strings.Contains(o.stderr, "still has 12 requests after 50ms") {
		t.Errorf("got exit %d, %s; want that 12 requests are left", o.code, o.stderr)
	}
	time.AfterFunc(50*time.Millisecond, func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		p.pools[0].Backends[0].InFlight = 0
	})
	if o := run(p, nil, "backends", "drain", "10.0.0.1:8080", "--wait"); o.code != 0 || !strings.Contains(o.stdout, "DRAIN") {
		t.Errorf("got exit %d, %s%s; want it drained", o.code, o.stdout, o.stderr)
	}
}
