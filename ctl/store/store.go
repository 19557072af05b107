// Package store writes files so that whoever reads one finds a whole one: the old or the
// new, also where the process is killed or the machine loses power in between. It knows
// nothing of what the files hold.
//
// Start reading at Stage; Write is Stage and Commit for a folder of our own (state.dir).
// Imported by ctl/ledger, ctl/overlay, ctl/source and cmd/run; it imports the standard
// library only.
package store

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// Modes of what Write makes: secrets may be in it.
const (
	fileMode   fs.FileMode = 0o600
	folderMode fs.FileMode = 0o700
)

// readBytesMax bounds what Read takes into memory.
const readBytesMax = 64 << 20

// temporary is how the names of files end that are being written.
const temporary = ".tmp"

// ErrNotPlain is why a file is not replaced: a rename would put a file where a link, a
// folder or a device is.
var ErrNotPlain = errors.New("it is not a regular file")

// Prepare makes the folder, if it is not there, and removes what writers left behind that
// were killed. The error says what keeps files from being written there.
func Prepare(dir string) error {
	if err := os.MkdirAll(dir, folderMode); err != nil {
		return fmt.Errorf("cannot make folder %q: %w", dir, err)
	}
	left, err := filepath.Glob(filepath.Join(escape(dir), ".*"+temporary))
	if err != nil {
		return fmt.Errorf("cannot look into folder %q: %w", dir, err)
	}
	for _, file := range left {
		if err := os.Remove(file); err != nil {
			return fmt.Errorf("cannot remove what is left of a killed process: %w", err)
		}
	}
	s, err := Stage(filepath.Join(dir, "probe"), nil, fileMode)
	if err != nil {
		return err
	}
	return s.Discard()
}

// leftAge is how old a file must be that somebody else may be writing: then he was killed.
const leftAge = time.Minute

// Tidy removes what writers of one file left behind that were killed, from a folder that is not
// ours alone. What cannot be removed does no harm.
func Tidy(path string) {
	dir, name := filepath.Split(path)
	left, _ := filepath.Glob(filepath.Join(escape(dir), "."+escape(name)+".*"+temporary)) // no error of the disk
	for _, file := range left {
		if s, err := os.Lstat(file); err == nil && s.Mode().IsRegular() && time.Since(s.ModTime()) > leftAge {
			_ = os.Remove(file)
		}
	}
}

// escape takes the meaning from the characters of a pattern.
func escape(dir string) string {
	return strings.NewReplacer(`\`, `\\`, "*", `\*`, "?", `\?`, "[", `\[`).Replace(dir)
}

// Write puts data into a file of dir, for this user alone. At its return the data is on
// the disk under that name.
func Write(dir, name string, data []byte) error {
	s, err := Stage(filepath.Join(dir, name), data, fileMode)
	if err != nil {
		return err
	}
	return s.Commit()
}

// Has reports that Write has written a file.
func Has(dir, name string) bool {
	s, err := os.Lstat(filepath.Join(dir, name))
	return err == nil && s.Mode().IsRegular()
}

// Read is what Write wrote last; an error that is fs.ErrNotExist where that was nothing.
func Read(dir, name string) ([]byte, error) {
	path := filepath.Join(dir, name)
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("cannot read %q: %w", path, err)
	}
	data, err := io.ReadAll(io.LimitReader(f, readBytesMax+1))
	if err = errors.Join(err, f.Close()); err != nil {
		return nil, fmt.Errorf("cannot read %q: %w", path, err)
	}
	if len(data) > readBytesMax {
		return nil, fmt.Errorf("cannot read %q: it is larger than %d MiB", path, readBytesMax>>20)
	}
	return data, nil
}

// Staged is a file that is written and not yet there under its name. Commit or Discard
// ends it, once.
type Staged struct{ path, staged string }

// Stage writes data beside path, down to the disk. What may fail fails here: a Commit
// that follows only renames.
func Stage(path string, data []byte, mode fs.FileMode) (*Staged, error) {
	f, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".*"+temporary)
	if err != nil {
		return nil, fmt.Errorf("cannot write %q: %w", path, err)
	}
	s := &Staged{path: path, staged: f.Name()}
	_, err = f.Write(data)
	if err == nil {
		err = f.Chmod(mode)
	}
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return nil, errors.Join(fmt.Errorf("cannot write %q: %w", path, err), s.Discard())
	}
	return s, nil
}

// StageOver is Stage for a file that is there and belongs to somebody else: mode and, as
// far as this user may, owner stay. ErrNotPlain where a rename would not replace a file.
func StageOver(path string, data []byte) (*Staged, error) {
	before, err := os.Lstat(path)
	if err != nil {
		return nil, fmt.Errorf("cannot write %q: %w", path, err)
	}
	if !before.Mode().IsRegular() {
		return nil, fmt.Errorf("cannot write %q: %w", path, ErrNotPlain)
	}
	s, err := Stage(path, data, before.Mode().Perm())
	if err != nil {
		return nil, err
	}
	if owner, ok := before.Sys().(*syscall.Stat_t); ok {
		_ = os.Lchown(s.staged, int(owner.Uid), int(owner.Gid)) // only root may give files away
	}
	return s, nil
}

// Commit gives the file its name, over what had it.
func (s *Staged) Commit() error {
	if err := os.Rename(s.staged, s.path); err != nil {
		return errors.Join(fmt.Errorf("cannot write %q: %w", s.path, err), s.Discard())
	}
	return syncFolder(filepath.Dir(s.path))
}

// Discard removes the file; what has the name stays.
func (s *Staged) Discard() error {
	if err := os.Remove(s.staged); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("cannot remove %q: %w", s.staged, err)
	}
	return nil
}

// syncFolder has the names in a folder survive the loss of power.
func syncFolder(dir string) error {
	f, err := os.Open(dir)
	if err != nil {
		return fmt.Errorf("cannot open folder %q: %w", dir, err)
	}
	err = f.Sync()
	if errors.Is(err, syscall.EINVAL) { // a file system that has no such thing
		err = nil
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return fmt.Errorf("cannot write folder %q: %w", dir, err)
	}
	return nil
}

// Keep removes the files of dir whose names end so and that keep does not know.
func Keep(dir, ending string, keep func(name string) bool) error {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return fmt.Errorf("cannot look into folder %q: %w", dir, err)
	}
	var failed error
	for _, e := range entries {
		if name := e.Name(); e.Type().IsRegular() && strings.HasSuffix(name, ending) && !keep(name) {
			failed = errors.Join(failed, os.Remove(filepath.Join(dir, name)))
		}
	}
	if failed != nil {
		return fmt.Errorf("cannot remove what is no longer needed: %w", failed)
	}
	return nil
}
