package store

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestLockedFolderNamesItsHolder(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "new", "state")
	first, err := Acquire(dir)
	if err != nil {
		t.Fatal(err)
	}
	_, err = Acquire(dir)
	refused, ok := errors.AsType[*LockedError](err)
	if !ok || refused.PID != os.Getpid() || !strings.Contains(err.Error(), dir) {
		t.Fatalf("got %v; want that this process has it", err)
	}
	// A copy, as the next process gets it, is the same lock.
	fd, err := first.Copy()
	if err != nil {
		t.Fatal(err)
	}
	second, ok := Adopt(dir, fd)
	if !ok {
		t.Fatal("a copy is no lock of the folder")
	}
	first.Release()
	if _, err := Acquire(dir); err == nil {
		t.Fatal("the lock has ended with its first descriptor")
	}
	second.Release()
	third, err := Acquire(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer third.Release()
	// What is handed over may belong to another folder.
	if fd, err = third.Copy(); err != nil {
		t.Fatal(err)
	}
	if _, ok := Adopt(t.TempDir(), fd); ok {
		t.Error("the lock of another folder was adopted")
	}
	if err := os.WriteFile(filepath.Join(dir, lockName), []byte("nonsense"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Acquire(dir); err == nil || !strings.Contains(err.Error(), "another process") {
		t.Errorf("got %v; want that another process has it", err)
	}
}

func TestLockThatThereIsNot(t *testing.T) {
	var l *Lock
	if err := l.Sign(); err != nil {
		t.Error(err)
	}
	l.Release()
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Acquire(file); err == nil {
		t.Error("a file was locked as a folder")
	}
}
