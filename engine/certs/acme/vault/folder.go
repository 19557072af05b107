package vault

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/caddyserver/certmagic"
)

// journalName is the file beside the values of a certificate while they are replaced. Where it is,
// it counts, and not what it will replace: it appears as a whole, by a rename, and so do they.
const journalName = "replacing"

// leftAge is how old a file must be that somebody was writing: then he was killed.
const leftAge = time.Minute

// left are files that are being written: by certmagic's storage (a number), its check of one,
// and a probe of ours.
var left = regexp.MustCompile(`^(\d+|rw_test_\d+|\.probe-\d+)$`)

// Folder is a Storage on the disk, laid out as certmagic's own. Several processes may share it.
type Folder struct{ certmagic.FileStorage }

// Open makes sure that the folder is there and can be written to, so that the start says so
// instead of a line in the log after the first order. It ends what writers had begun that
// were killed, and removes what they left behind.
func Open(folder string) (*Folder, error) {
	if err := os.MkdirAll(folder, folderMode); err != nil {
		return nil, fmt.Errorf("cannot make folder %q: %w", folder, err)
	}
	probe, err := os.CreateTemp(folder, ".probe-*")
	if err != nil {
		return nil, fmt.Errorf("cannot write into folder %q: %w", folder, err)
	}
	_ = probe.Close()
	if err := os.Remove(probe.Name()); err != nil {
		return nil, fmt.Errorf("cannot write into folder %q: %w", folder, err)
	}
	f := &Folder{certmagic.FileStorage{Path: filepath.Clean(folder)}}
	if err := f.tidy(time.Now()); err != nil {
		return nil, fmt.Errorf("cannot go on with what is in folder %q: %w", folder, err)
	}
	return f, nil
}

const folderMode = 0o700

// tidy looks at every file once.
func (f *Folder) tidy(now time.Time) error {
	//nolint:wrapcheck // the caller names the folder
	return filepath.WalkDir(f.Path, func(at string, e fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) {
			return nil // another process has one of its own on the way
		}
		if err != nil || !e.Type().IsRegular() {
			return err
		}
		if e.Name() == journalName {
			group, err := filepath.Rel(f.Path, filepath.Dir(at))
			return errors.Join(err, f.finish(context.Background(), filepath.ToSlash(group)))
		}
		i, err := e.Info()
		if err == nil && left.MatchString(e.Name()) && now.Sub(i.ModTime()) > leftAge {
			err = os.Remove(at) //nolint:gosec // the folder is ours
		}
		if errors.Is(err, fs.ErrNotExist) {
			err = nil
		}
		return err
	})
}

// StoreAll stores the values of one certificate, or, one by one, those of nothing in common.
func (f *Folder) StoreAll(ctx context.Context, values map[string][]byte) error {
	keys := slices.Sorted(maps.Keys(values))
	group := path.Dir(keys[0])
	if err := f.finish(ctx, group); err != nil { // of somebody who was killed
		return err
	}
	if len(values) == 1 {
		return f.FileStorage.Store(ctx, keys[0], values[keys[0]]) //nolint:wrapcheck // certmagic says what it was about
	}
	names := make(map[string][]byte, len(values))
	for key, value := range values {
		if path.Dir(key) != group {
			panic("BUG: values of two folders are stored at once")
		}
		names[path.Base(key)] = value
	}
	text, err := json.Marshal(names)
	if err != nil {
		return fmt.Errorf("cannot write %q: %w", group, err)
	}
	if err := f.FileStorage.Store(ctx, path.Join(group, journalName), text); err != nil {
		return fmt.Errorf("cannot write %q: %w", group, err)
	}
	return f.finish(ctx, group)
}

// finish replaces what a journal says, where there is one, and removes it. Two that do it at
// once write the same.
func (f *Folder) finish(ctx context.Context, group string) error {
	names, err := f.journal(group)
	if err != nil || names == nil {
		return err
	}
	for _, name := range slices.Sorted(maps.Keys(names)) {
		if err := f.FileStorage.Store(ctx, path.Join(group, name), names[name]); err != nil {
			return fmt.Errorf("cannot write %q: %w", path.Join(group, name), err)
		}
	}
	err = os.Remove(f.Filename(path.Join(group, journalName)))
	if errors.Is(err, fs.ErrNotExist) {
		err = nil
	}
	return err
}

// journal is what is about to replace the values of a folder; nil where nothing is. What cannot
// be read is of no writer of ours: what it would have replaced counts.
func (f *Folder) journal(group string) (map[string][]byte, error) {
	at := f.Filename(path.Join(group, journalName))
	text, err := os.ReadFile(at)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil //nolint:nilnil // the usual case
	}
	if err != nil {
		return nil, fmt.Errorf("cannot read what replaces a certificate: %w", err)
	}
	var names map[string][]byte
	if json.Unmarshal(text, &names) != nil || slices.ContainsFunc(slices.Collect(maps.Keys(names)), isNoName) {
		return nil, os.Rename(at, at+".unreadable") //nolint:wrapcheck // it names both
	}
	return names, nil
}

func isNoName(name string) bool {
	return name == "" || strings.HasPrefix(name, ".") || path.Base(name) != name
}

// Store stores one value, behind those that a journal has.
func (f *Folder) Store(ctx context.Context, key string, value []byte) error {
	return f.StoreAll(ctx, map[string][]byte{key: value})
}

// Load is a value, the new one from the moment on that all of its certificate are new.
func (f *Folder) Load(ctx context.Context, key string) ([]byte, error) {
	names, err := f.journal(path.Dir(key))
	if err != nil {
		return nil, err
	}
	if value, ok := names[path.Base(key)]; ok {
		return value, nil
	}
	return f.FileStorage.Load(ctx, key) //nolint:wrapcheck // certmagic says what it was about
}

// Exists reports a value or folder.
func (f *Folder) Exists(ctx context.Context, key string) bool {
	names, _ := f.journal(path.Dir(key)) // an error has no names
	return names[path.Base(key)] != nil || f.FileStorage.Exists(ctx, key)
}

// Delete removes a value, or all below a folder.
func (f *Folder) Delete(ctx context.Context, key string) error {
	if err := f.finish(ctx, path.Dir(key)); err != nil {
		return err
	}
	return f.FileStorage.Delete(ctx, key) //nolint:wrapcheck // certmagic says what it was about
}
