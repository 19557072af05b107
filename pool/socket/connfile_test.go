package socket

import (
	"bytes"
	"crypto/rand"
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"
)

// content is an open file of n bytes, and the bytes.
func content(t *testing.T, n int) (*os.File, []byte) {
	t.Helper()
	text := make([]byte, n)
	_, _ = rand.Read(text)
	path := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(path, text, 0o600); err != nil {
		t.Fatal(err)
	}
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = f.Close() })
	return f, text
}

// The head comes first, and then what the span says, however slowly the peer reads; what
// is written behind it comes behind it.
func TestWriteFileSendsItsSpan(t *testing.T) {
	const size = 8 << 20 // more than the kernel takes at once
	f, text := content(t, size)
	c, peer := pair(t, testLoop(t))
	got := make(chan []byte, 1)
	go func() {
		all, _ := io.ReadAll(peer)
		got <- all
	}()
	s := Span{FD: int(f.Fd()), At: 10, Left: size - 20}
	if n, err := c.WriteFile([]byte("head"), &s); n != 4+size-20 || err != nil || s.Left != 0 || s.At != size-10 {
		t.Errorf("got %d, %v, and %+v left", n, err, s)
	}
	if _, err := c.Write([]byte("tail")); err != nil {
		t.Error(err)
	}
	_ = c.Close()
	want := append(append([]byte("head"), text[10:size-10]...), "tail"...)
	if all := <-got; !bytes.Equal(all, want) {
		t.Errorf("got %d bytes; want %d, head and tail with the span between them", len(all), len(want))
	}
}

// Who sends more than there is hears how far it came, and who sends what the kernel does
// not take can go on in another way.
func TestWriteFileThatCannotBeSent(t *testing.T) {
	f, _ := content(t, 100)
	c, peer := pair(t, testLoop(t))
	s := Span{FD: int(f.Fd()), At: 50, Left: 100}
	if n, err := c.WriteFile([]byte("head"), &s); n != 54 || !errors.Is(err, ErrFileEnded) || s.At != 100 {
		t.Errorf("got %d, %v, and %+v left; want the end of the file", n, err, s)
	}
	folder, err := os.Open(t.TempDir()) // of which the kernel moves nothing
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = folder.Close() }()
	s = Span{FD: int(folder.Fd()), Left: 10}
	if n, err := c.WriteFile([]byte("head"), &s); n != 4 || !errors.Is(err, ErrNoSendfile) || s.Left != 10 {
		t.Errorf("got %d, %v, and %+v left; want the head alone", n, err, s)
	}
	if _, err := c.Write([]byte("0123456789")); err != nil {
		t.Error(err)
	}
	_ = c.Close()
	all, _ := io.ReadAll(peer)
	if n := len(all); n != 54+14 || string(all[54:]) != "head0123456789" {
		t.Errorf("got %d bytes that end in %q", n, all[max(0, n-14):])
	}
}

// A peer that has gone ends it.
func TestWriteFileToNobody(t *testing.T) {
	f, _ := content(t, 64<<20)
	c, peer := pair(t, testLoop(t))
	go func() {
		_, _ = io.ReadFull(peer, make([]byte, 1000))
		_ = peer.Close()
	}()
	s := Span{FD: int(f.Fd()), Left: 64 << 20}
	if n, err := c.WriteFile([]byte("head"), &s); err == nil || n >= 64<<20 {
		t.Errorf("got %d, %v; want an error", n, err)
	}
}
