package config

import (
	"errors"
	"os"
	"path/filepath"
	"sync/atomic"
	"syscall"
	"testing"
)

// The key is still the old one when it is first read, and comes a moment later.
func TestPairThatIsBeingReplacedIsReadAgain(t *testing.T) {
	dir := t.TempDir()
	writePair(t, dir, "a")
	writePair(t, dir, "b")
	read := func(name string) []byte {
		data, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		return data
	}
	late := filepath.Join(dir, "late.key")
	if err := syscall.Mkfifo(late, 0o600); err != nil {
		t.Fatal(err)
	}
	key := read("b.key")
	go func() { _ = os.WriteFile(late, key, 0o600) }() // waits for a reader
	pair, err := FitKeyPair(read("b.pem"), read("a.key"), filepath.Join(dir, "b.pem"), late)
	if err != nil || pair.Leaf == nil {
		t.Errorf("got %v, %v; want the new pair", pair, err)
	}
	if _, err := FitKeyPair(read("b.pem"), read("a.key"), filepath.Join(dir, "b.pem"), filepath.Join(dir, "a.key")); err == nil {
		t.Error("a pair that does not fit in the end is no pair")
	}
}

// The same where both are read anew: the first reader of the key gets the old one.
func TestPairIsReadWhileItIsReplaced(t *testing.T) {
	dir := t.TempDir()
	writePair(t, dir, "a")
	writePair(t, dir, "b")
	late := filepath.Join(dir, "late.key")
	if err := syscall.Mkfifo(late, 0o600); err != nil {
		t.Fatal(err)
	}
	var keys [][]byte
	for _, name := range []string{"a.key", "b.key"} {
		key, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		keys = append(keys, key)
	}
	var done atomic.Bool
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for n := 0; !done.Load(); n++ {
			_ = os.WriteFile(late, keys[min(n, 1)], 0o600) // waits for a reader
		}
	}()
	pair, err := ReadKeyPair(filepath.Join(dir, "b.pem"), late)
	if err != nil || pair.Leaf == nil {
		t.Errorf("got %v, %v; want the new pair", pair, err)
	}
	done.Store(true)
	reader, err := os.OpenFile(late, os.O_RDONLY|syscall.O_NONBLOCK, 0) // lets the writer go
	if err != nil {
		t.Fatal(err)
	}
	<-ended
	_ = reader.Close()
	if _, err := ReadKeyPair(filepath.Join(dir, "b.pem"), filepath.Join(dir, "none")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("no key: got %v", err)
	}
	if _, err := ReadKeyPair(filepath.Join(dir, "none"), filepath.Join(dir, "b.key")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("no certificate: got %v", err)
	}
}
