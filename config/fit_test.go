package config

import (
	"os"
	"path/filepath"
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
