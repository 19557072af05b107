package overlay

import (
	"fmt"
	"strconv"
	"testing"

	"github.com/isame-lb/isame-lb/pool"
	"github.com/isame-lb/isame-lb/pool/rig/kill"
)

// TestOverlayAfterKill: what was asked of backends last is asked after kill -9, or what was asked before.
// Each state asks the same of every backend, so that half of one would be seen.
func TestOverlayAfterKill(t *testing.T) {
	var addresses []string
	for n := range 50 {
		addresses = append(addresses, fmt.Sprintf("backend-%d:1", n))
	}
	const weights = 90 // a state is the weight of all, and how often that began anew
	kill.Disk{
		Open: func(t *testing.T, dir string) func(int) error {
			t.Helper()
			p := startProxy(t, dir, addresses...)
			return func(n int) error {
				all := make([]pool.Override, 0, len(addresses))
				for _, a := range addresses {
					weight := n % weights
					all = append(all, pool.Override{Pool: "p", Address: a, Weight: &weight, Author: strconv.Itoa(n)})
				}
				p.keeper.mu.Lock()
				defer p.keeper.mu.Unlock()
				p.keeper.saveLocked(all)
				return p.keeper.mu.failed
			}
		},
		Read: func(t *testing.T, dir string) int {
			t.Helper()
			p := startProxy(t, dir, addresses...)
			all, n := p.keeper.List(), 0
			if len(all) > 0 {
				if _, err := fmt.Sscan(all[0].Author, &n); err != nil {
					t.Fatal(err)
				}
			}
			for _, v := range all {
				if v.Author != all[0].Author || *v.Weight != n%weights || len(all) != len(addresses) {
					t.Fatalf("got %+v of %d among %d; want all of one state", v, n, len(all))
				}
			}
			if err := p.keeper.Trouble(); err != nil {
				t.Error(err)
			}
			return n
		},
	}.Run(t)
}
