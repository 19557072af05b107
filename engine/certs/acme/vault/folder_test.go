package vault

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

const host = "certificates/x/a.test/"

func open(t *testing.T, dir string) *Folder {
	t.Helper()
	f, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// three are the values of a certificate.
func three(mark string) map[string][]byte {
	return map[string][]byte{host + "a.test.key": []byte("key" + mark), host + "a.test.crt": []byte("crt" + mark), host + "a.test.json": []byte("{}" + mark)}
}

// storeLikeCertmagic stores them one by one, and takes back what is stored when one fails.
func storeLikeCertmagic(ctx context.Context, w *Whole, values map[string][]byte) error {
	names := []string{host + "a.test.key", host + "a.test.crt", host + "a.test.json"}
	for i, name := range names {
		if err := w.Store(ctx, name, values[name]); err != nil {
			for k := i - 1; k >= 0; k-- {
				_ = w.Delete(ctx, names[k])
			}
			return err
		}
	}
	return nil
}

func has(t *testing.T, s Storage, want map[string][]byte) {
	t.Helper()
	for key, value := range want {
		if got, err := s.Load(t.Context(), key); err != nil || !bytes.Equal(got, value) {
			t.Errorf("%s: got %q, %v; want %q", key, got, err, value)
		}
	}
}

// failing is a storage that may take nothing.
type failing struct {
	*Folder

	fails bool
}

var errFull = errors.New("no space left on device")

func (f *failing) StoreAll(ctx context.Context, values map[string][]byte) error {
	if f.fails {
		return errFull
	}
	return f.Folder.StoreAll(ctx, values)
}

// TestStorageThatFailsKeepsTheOldCertificate: certmagic takes back what it has not stored.
func TestStorageThatFailsKeepsTheOldCertificate(t *testing.T) {
	below := &failing{Folder: open(t, t.TempDir())}
	w := New(below)
	if err := storeLikeCertmagic(t.Context(), w, three("1")); err != nil {
		t.Fatal(err)
	}
	below.fails = true
	if err := storeLikeCertmagic(t.Context(), w, three("2")); !errors.Is(err, errFull) {
		t.Fatalf("got %v; want the error of the disk", err)
	}
	has(t, w, three("1"))
	below.fails = false
	if err := storeLikeCertmagic(t.Context(), w, three("3")); err != nil {
		t.Fatal(err)
	}
	has(t, w, three("3"))
	if err := w.Store(t.Context(), host+"a.test.json", []byte("later")); err != nil { // the server's word, alone
		t.Fatal(err)
	}
	has(t, w, map[string][]byte{host + "a.test.key": []byte("key3"), host + "a.test.json": []byte("later")})
	if err := w.Delete(t.Context(), host+"a.test.key"); err != nil || w.Exists(t.Context(), host+"a.test.key") {
		t.Errorf("got %v; want the key removed", err)
	}
	if err := w.Store(t.Context(), "acme/x", []byte("y")); err != nil {
		t.Fatal(err)
	}
	has(t, w, map[string][]byte{"acme/x": []byte("y")})
}

// TestJournalCounts from the moment on that it is there, for readers and for who starts.
func TestJournalCounts(t *testing.T) {
	dir := t.TempDir()
	f := open(t, dir)
	if err := f.StoreAll(t.Context(), three("1")); err != nil {
		t.Fatal(err)
	}
	journal := filepath.Join(dir, host, journalName)
	text := `{"a.test.key":"a2V5Mg==","a.test.crt":"Y3J0Mg==","a.test.json":"e30y"}` // three("2")
	write := func() {
		t.Helper()
		if err := os.WriteFile(journal, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write()
	has(t, f, three("2"))
	if got, _ := os.ReadFile(filepath.Join(dir, host, "a.test.key")); string(got) != "key1" {
		t.Errorf("a reader has changed the file: %q", got)
	}
	open(t, dir)
	if _, err := os.Stat(journal); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("got %v; want the journal gone after a start", err)
	}
	has(t, f, three("2"))
	if err := f.StoreAll(t.Context(), three("1")); err != nil {
		t.Fatal(err)
	}
	write()
	if err := f.Store(t.Context(), host+"a.test.json", []byte("{}3")); err != nil { // behind what was begun
		t.Fatal(err)
	}
	has(t, f, map[string][]byte{host + "a.test.key": []byte("key2"), host + "a.test.json": []byte("{}3")})
	for _, odd := range []string{"{", `{"../../x":""}`, `{"":""}`, `{".":""}`} {
		text = odd
		write()
		has(t, f, map[string][]byte{host + "a.test.key": []byte("key2")})
	}
	write()
	if err := f.Delete(t.Context(), strings.TrimSuffix(host, "/")); err != nil || f.Exists(t.Context(), host+"a.test.key") {
		t.Errorf("got %v; want the whole folder removed", err)
	}
}

// TestStartRemovesWhatKilledWritersLeft, but not what somebody may be writing now.
func TestStartRemovesWhatKilledWritersLeft(t *testing.T) {
	dir := t.TempDir()
	if err := open(t, dir).StoreAll(t.Context(), three("1")); err != nil {
		t.Fatal(err)
	}
	long := time.Now().Add(-time.Hour)
	for name, old := range map[string]bool{host + "123456": true, host + "77": false, "rw_test_5": true, ".probe-12": true, host + "12.key": true} {
		file := filepath.Join(dir, name)
		err := os.WriteFile(file, nil, 0o600)
		if err == nil && old {
			err = os.Chtimes(file, long, long)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	keys, err := open(t, dir).List(t.Context(), "", true)
	var files []string
	for _, key := range keys {
		if s, statErr := os.Stat(filepath.Join(dir, key)); statErr == nil && s.Mode().IsRegular() {
			files = append(files, strings.TrimPrefix(key, host))
		}
	}
	slices.Sort(files)
	if want := []string{"12.key", "77", "a.test.crt", "a.test.json", "a.test.key"}; err != nil || !slices.Equal(files, want) {
		t.Errorf("got %q, %v; want %q", files, err, want)
	}
}
