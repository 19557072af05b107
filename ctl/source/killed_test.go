package source

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rs/zerolog"

	"github.com/isame-lb/isame-lb/config"
	"github.com/isame-lb/isame-lb/pool/rig/kill"
)

// TestCopyAfterKill: the copy of the document is one that was taken, as a whole and with its revision.
func TestCopyAfterKill(t *testing.T) {
	open := func(dir string) *Source {
		return New(Options{Etcd: &config.Etcd{Key: key}, CopyFile: filepath.Join(dir, "etcd.json"), Logger: zerolog.Nop(), Running: func() Running { return Running{} }})
	}
	text := func(n int) string {
		return fmt.Sprintf("state %d\n", n) + strings.Repeat(fmt.Sprintf("# %d\n", n), 1000*(n%20))
	}
	kill.Disk{
		Open: func(t *testing.T, dir string) func(int) error {
			t.Helper()
			s := open(dir)
			return func(n int) error { return s.keep(&Document{Text: []byte(text(n)), Revision: int64(n), Cluster: 1}) }
		},
		Read: func(t *testing.T, dir string) int {
			t.Helper()
			d, _, err := open(dir).Copy()
			if errors.Is(err, fs.ErrNotExist) {
				return 0
			}
			if err != nil {
				t.Fatal(err)
			}
			if n := int(d.Revision); string(d.Text) != text(n) {
				t.Fatalf("got %d bytes for revision %d; want %d", len(d.Text), n, len(text(n)))
			}
			return int(d.Revision)
		},
	}.Run(t)
}
