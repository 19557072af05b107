package vault

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/caddyserver/certmagic"
)

// Shared is what the instances of a fleet have in common. Every method ends within a few
// seconds, but for Lock, which waits as long as its context.
type Shared interface {
	// Values are those that stand in a folder, by their whole keys, all of one moment.
	Values(ctx context.Context, folder string) (map[string][]byte, error)
	// Keys are those of everything below a folder.
	Keys(ctx context.Context, folder string) ([]string, error)
	// Put puts values at once.
	Put(ctx context.Context, values map[string][]byte) error
	// Remove removes a value, and all that stands below it.
	Remove(ctx context.Context, key string) error
	// Lock waits until nobody has the lock. It is given back by Unlock, or a while after this
	// instance has ended or lost the others.
	Lock(ctx context.Context, name string) error
	Unlock(ctx context.Context, name string) error
	// Announce tells all instances of a text under a name, and returns when those that live have
	// heard of it. It holds until Withdraw, or a while after the end of this instance.
	Announce(ctx context.Context, name string, text []byte) error
	Withdraw(ctx context.Context, name string) error
	// HoldOff has Held give why, for a time, on all instances.
	HoldOff(ctx context.Context, name, why string, d time.Duration) error
	Held(ctx context.Context, name string) (why string, err error)
}

// Fleet is a Storage in what several instances share, with a copy of the certificates in a
// folder of this instance: what it holds is served where the others cannot be asked, and where
// they have none (the folder is of before it was shared). Accounts have no copy.
type Fleet struct {
	Shared

	Copy *Folder

	mu     sync.Mutex
	copied map[string][sha256.Size]byte // by group: what the folder has, as far as that is known
}

// Load is a value of the others, else of the copy.
func (f *Fleet) Load(ctx context.Context, key string) ([]byte, error) {
	folder := path.Dir(key)
	values, err := f.Values(ctx, folder)
	if err == nil {
		if value, ok := values[key]; ok {
			f.keep(ctx, folder, values)
			return value, nil
		}
		err = fmt.Errorf("cannot load %q: %w", key, fs.ErrNotExist)
	}
	if groupOf(key) == "" {
		return nil, err
	}
	if value, copyErr := f.Copy.Load(ctx, key); copyErr == nil {
		return value, nil
	}
	return nil, err
}

// keep copies a certificate, where the copy is another one. What cannot be copied does no harm
// while the others can be asked.
func (f *Fleet) keep(ctx context.Context, folder string, values map[string][]byte) {
	if !strings.HasPrefix(folder, certificates) || len(values) < 3 { //nolint:mnd // not all of one
		return
	}
	sum := sumOf(values)
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.copied == nil {
		f.copied = map[string][sha256.Size]byte{}
	}
	if was, known := f.copied[folder]; known && was == sum {
		return
	}
	if f.hasCopy(ctx, values) || f.Copy.StoreAll(context.WithoutCancel(ctx), values) == nil {
		f.copied[folder] = sum
	}
}

// hasCopy reports that the folder has these values.
func (f *Fleet) hasCopy(ctx context.Context, values map[string][]byte) bool {
	for key, value := range values {
		if there, err := f.Copy.Load(ctx, key); err != nil || !bytes.Equal(there, value) {
			return false
		}
	}
	return true
}

// sumOf tells values from others.
func sumOf(values map[string][]byte) (sum [sha256.Size]byte) {
	h := sha256.New()
	for _, key := range slices.Sorted(maps.Keys(values)) {
		one := sha256.Sum256(values[key])
		h.Write([]byte(key))
		h.Write(one[:])
	}
	h.Sum(sum[:0])
	return sum
}

// Store stores one value.
func (f *Fleet) Store(ctx context.Context, key string, value []byte) error {
	return f.Put(ctx, map[string][]byte{key: value})
}

// StoreAll stores all of a certificate.
func (f *Fleet) StoreAll(ctx context.Context, values map[string][]byte) error {
	return f.Put(ctx, values)
}

// Exists reports a value or folder. What is not known counts as there: nobody orders what
// others may have.
func (f *Fleet) Exists(ctx context.Context, key string) bool {
	_, err := f.Stat(ctx, key)
	return !errors.Is(err, fs.ErrNotExist)
}

// Stat is about a value or folder.
func (f *Fleet) Stat(ctx context.Context, key string) (certmagic.KeyInfo, error) {
	value, err := f.Load(ctx, key)
	if err == nil {
		return certmagic.KeyInfo{Key: key, Size: int64(len(value)), IsTerminal: true}, nil
	}
	if below, listErr := f.Keys(ctx, key); listErr == nil && len(below) > 0 {
		return certmagic.KeyInfo{Key: key}, nil
	}
	return certmagic.KeyInfo{}, err
}

// Delete removes a value, or all below a folder, from the copy as well.
func (f *Fleet) Delete(ctx context.Context, key string) error {
	if err := f.Remove(ctx, key); err != nil {
		return err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	clear(f.copied)
	return f.Copy.Delete(ctx, key)
}

// List are the keys in a folder, or below it, of the others, else of the copy.
func (f *Fleet) List(ctx context.Context, folder string, recursive bool) ([]string, error) {
	keys, err := f.Keys(ctx, folder)
	if err != nil || len(keys) == 0 {
		if kept, copyErr := f.Copy.List(ctx, folder, recursive); copyErr == nil {
			return kept, nil
		}
		return nil, err
	}
	if recursive {
		return keys, nil
	}
	var first []string
	for _, key := range keys {
		name, _, _ := strings.Cut(strings.TrimPrefix(key, folder+"/"), "/")
		first = append(first, path.Join(folder, name))
	}
	slices.Sort(first)
	return slices.Compact(first), nil
}
