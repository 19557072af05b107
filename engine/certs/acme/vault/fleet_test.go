package vault

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strings"
	"testing"
	"time"
)

// common is what several instances share, in memory.
type common struct {
	values map[string][]byte
	gone   bool
}

var errGone = errors.New("nobody answers")

func (c *common) failure() error {
	if c.gone {
		return errGone
	}
	return nil
}

func (c *common) Values(_ context.Context, folder string) (map[string][]byte, error) {
	all := map[string][]byte{}
	for key, value := range c.values {
		if path.Dir(key) == folder {
			all[key] = value
		}
	}
	return all, c.failure()
}

func (c *common) Keys(_ context.Context, folder string) (keys []string, err error) {
	for _, key := range slices.Sorted(maps.Keys(c.values)) {
		if strings.HasPrefix(key, folder+"/") {
			keys = append(keys, key)
		}
	}
	return keys, c.failure()
}

func (c *common) Put(_ context.Context, values map[string][]byte) error {
	if !c.gone {
		maps.Copy(c.values, values)
	}
	return c.failure()
}

func (c *common) Remove(_ context.Context, key string) error {
	maps.DeleteFunc(c.values, func(k string, _ []byte) bool { return !c.gone && (k == key || strings.HasPrefix(k, key+"/")) })
	return c.failure()
}

func (c *common) Lock(context.Context, string) error                           { return c.failure() }
func (c *common) Unlock(context.Context, string) error                         { return nil }
func (c *common) Announce(context.Context, string, []byte) error               { return c.failure() }
func (c *common) Withdraw(context.Context, string) error                       { return nil }
func (c *common) HoldOff(context.Context, string, string, time.Duration) error { return nil }
func (c *common) Held(context.Context, string) (string, error)                 { return "", c.failure() }

func instance(t *testing.T, c *common) *Whole {
	t.Helper()
	return New(&Fleet{Shared: c, Copy: open(t, t.TempDir())})
}

func copyOf(t *testing.T, w *Whole) *Folder {
	t.Helper()
	f, ok := w.Storage.(*Fleet)
	if !ok {
		t.Fatal("it is no fleet's")
	}
	return f.Copy
}

// TestFleetServesItsCopy where the others cannot be asked, and what they have where they can.
func TestFleetServesItsCopy(t *testing.T) {
	c := &common{values: map[string][]byte{}}
	a, b := instance(t, c), instance(t, c)
	if _, err := b.Load(t.Context(), host+"a.test.key"); !errors.Is(err, fs.ErrNotExist) || b.Exists(t.Context(), host+"a.test.key") {
		t.Errorf("got %v; want fs.ErrNotExist", err)
	}
	if err := storeLikeCertmagic(t.Context(), a, three("1")); err != nil {
		t.Fatal(err)
	}
	has(t, b, three("1"))
	has(t, copyOf(t, b), three("1"))
	c.gone = true
	has(t, b, three("1"))
	if _, err := a.Load(t.Context(), host+"a.test.key"); !errors.Is(err, errGone) {
		t.Errorf("got %v; want the reason, where there is no copy", err)
	}
	if !a.Exists(t.Context(), host+"a.test.key") || !a.Exists(t.Context(), "acme/x") {
		t.Error("what is not known counts as absent: somebody would order it")
	}
	if err := storeLikeCertmagic(t.Context(), a, three("2")); !errors.Is(err, errGone) {
		t.Errorf("got %v; want the error", err)
	}
	c.gone = false
	has(t, a, three("1"))
	if err := storeLikeCertmagic(t.Context(), a, three("3")); err != nil {
		t.Fatal(err)
	}
	has(t, b, three("3"))
	has(t, copyOf(t, b), three("3"))
}

// TestFleetTakesOverFolders of before it was shared, and forgets in both places.
func TestFleetTakesOverFolders(t *testing.T) {
	c := &common{values: map[string][]byte{}}
	a := instance(t, c)
	if err := copyOf(t, a).StoreAll(t.Context(), three("old")); err != nil {
		t.Fatal(err)
	}
	has(t, a, three("old"))
	if keys, err := a.List(t.Context(), "certificates", false); err != nil || !slices.Equal(keys, []string{"certificates/x"}) {
		t.Errorf("got %q, %v; want the shelf of the folder", keys, err)
	}
	if err := copyOf(t, a).Store(t.Context(), "acme/y/users/z/z.json", []byte("account")); err != nil {
		t.Fatal(err)
	}
	if _, err := a.Load(t.Context(), "acme/y/users/z/z.json"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("got %v; want no account of before", err)
	}
	if err := storeLikeCertmagic(t.Context(), a, three("new")); err != nil {
		t.Fatal(err)
	}
	has(t, a, three("new"))
	for n := range 3 {
		if err := a.Store(t.Context(), fmt.Sprint("certificates/y/", n, "/z"), nil); err != nil {
			t.Fatal(err)
		}
	}
	if keys, err := a.List(t.Context(), "certificates", false); err != nil || !slices.Equal(keys, []string{"certificates/x", "certificates/y"}) {
		t.Errorf("got %q, %v; want both shelves, once", keys, err)
	}
	if i, err := a.Stat(t.Context(), "certificates/y"); err != nil || i.IsTerminal {
		t.Errorf("got %+v, %v; want a folder", i, err)
	}
	if err := a.Delete(t.Context(), strings.TrimSuffix(host, "/")); err != nil || a.Exists(t.Context(), host+"a.test.key") {
		t.Errorf("got %v; want it gone from the copy as well", err)
	}
}
