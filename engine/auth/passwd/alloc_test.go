//go:build !race

package passwd

import (
	"testing"

	"github.com/isame-lb/isame-lb/engine/auth/live"
)

func TestWhatNeedsNoHashDoesNotAllocate(t *testing.T) {
	users, err := NewUsers([]string{"ann:" + secretHash}, nil)
	if err != nil {
		t.Fatal(err)
	}
	v, err := live.Open(live.NewKeeper(nil), "users", nil, func([]live.File) (*Users, error) { return users, nil })
	if err != nil {
		t.Fatal(err)
	}
	c := NewChecker(v, NewHashers())
	c.tried("ann", "secret")
	good, other := []byte("Basic YW5uOnNlY3JldA=="), []byte("Basic Ym9iOnNlY3JldA==")
	if n := testing.AllocsPerRun(1000, func() {
		var room Room
		name, password, _ := Credentials(good, &room)
		if v, _ := c.Lookup(name, password, 1); v != Good {
			t.Error("not good")
		}
		name, password, _ = Credentials(other, &room)
		if v, _ := c.Lookup(name, password, 1); v != Unknown {
			t.Error("not unknown")
		}
	}); n != 0 {
		t.Errorf("%v allocations; want 0", n)
	}
}
