package vault

import (
	"context"
	"maps"
	"path"
	"strings"
	"sync"

	"github.com/caddyserver/certmagic"
)

// Storage is one that can store several values at once, all of which are there after it, or
// none is changed.
type Storage interface {
	certmagic.Storage
	StoreAll(ctx context.Context, values map[string][]byte) error
}

// Endings of the three values of a certificate.
const (
	keyEnding   = ".key"
	chainEnding = ".crt"
	metaEnding  = ".json"
)

// certificates is what certificates stand below, each in a folder of its own.
const certificates = "certificates/"

// groupOf is the folder of a certificate that a value belongs to; empty for all others.
func groupOf(key string) string {
	if !strings.HasPrefix(key, certificates) {
		return ""
	}
	switch path.Ext(key) {
	case keyEnding, chainEnding, metaEnding:
		return path.Dir(key)
	}
	return ""
}

// New makes a Whole over a storage.
func New(over Storage) *Whole {
	return &Whole{Storage: over, held: map[string]map[string][]byte{}, undone: map[string]bool{}}
}

// Whole is a Storage for certmagic, which stores the values of a certificate in the order
// key, chain, meta, and takes back what it has stored when one fails. It may be used by any
// goroutine; certmagic has one at a time for a certificate.
type Whole struct {
	Storage

	mu     sync.Mutex
	held   map[string]map[string][]byte // by group: values that wait for the last one
	undone map[string]bool              // groups that could not be stored, until certmagic has taken back its part
}

// Store stores a value; key and chain of a certificate wait until its meta comes.
func (w *Whole) Store(ctx context.Context, key string, value []byte) error {
	group := groupOf(key)
	switch {
	case group == "":
		return w.Storage.Store(ctx, key, value) //nolint:wrapcheck // certmagic says what it was about
	case path.Ext(key) != metaEnding:
		w.hold(group, key, value)
		return nil
	}
	err := w.StoreAll(ctx, w.with(group, key, value))
	if err != nil {
		w.mu.Lock()
		w.undone[group] = true
		w.mu.Unlock()
	}
	return err
}

func (w *Whole) hold(group, key string, value []byte) {
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(w.undone, group)
	if w.held[group] == nil {
		w.held[group] = map[string][]byte{}
	}
	w.held[group][key] = value
}

// with are the values that wait, which do so no longer, and one more: a meta that comes
// alone is what the server says later of the certificate that is there.
func (w *Whole) with(group, key string, value []byte) map[string][]byte {
	w.mu.Lock()
	defer w.mu.Unlock()
	all := map[string][]byte{key: value}
	if len(w.held[group]) == 2 { //nolint:mnd // key and chain
		maps.Copy(all, w.held[group])
	}
	delete(w.held, group)
	return all
}

// Delete removes a value, or all below a folder. What certmagic takes back of a
// certificate that could not be stored was not there yet: the one before stays.
func (w *Whole) Delete(ctx context.Context, key string) error {
	if w.takesBack(key) {
		return nil
	}
	return w.Storage.Delete(ctx, key) //nolint:wrapcheck // certmagic says what it was about
}

// takesBack reports a value that certmagic has stored here and nobody elsewhere. The key
// was the first, and so is the last.
func (w *Whole) takesBack(key string) bool {
	group, ext := groupOf(key), path.Ext(key)
	w.mu.Lock()
	defer w.mu.Unlock()
	if ext == metaEnding || !w.undone[group] {
		return false
	}
	if ext == keyEnding {
		delete(w.undone, group)
	}
	return true
}
