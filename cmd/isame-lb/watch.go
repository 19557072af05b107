package main

import (
	"crypto/sha256"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/fsnotify/fsnotify"
)

// settle is how long files must be left alone before they are read: editors and
// configuration management write in several steps.
const settle = 200 * time.Millisecond

// watcher tells the main loop that a file of the configuration changed. It
// watches folders, because a file that is replaced by a rename, or a link that
// is switched, is another file.
type watcher struct {
	changed chan struct{}
	fs      *fsnotify.Watcher // nil when the system offers none
	files   chan []string
	ended   chan struct{}
}

func (p *proxy) watch() *watcher {
	w := &watcher{changed: make(chan struct{}, 1), files: make(chan []string), ended: make(chan struct{})}
	fs, err := fsnotify.NewWatcher()
	if err != nil {
		p.log.Warn().Err(err).Msg("cannot watch the configuration for changes; SIGHUP and the API still reload")
		close(w.ended)
		return w
	}
	w.fs = fs
	go w.loop(p)
	w.follow(p.loaded.Load().Files)
	return w
}

// follow replaces the set of watched files.
func (w *watcher) follow(files []string) {
	if w.fs != nil {
		w.files <- files
	}
}

func (w *watcher) close() {
	if w.fs != nil {
		_ = w.fs.Close()
	}
	<-w.ended
}

func (w *watcher) loop(p *proxy) {
	defer close(w.ended)
	var quiet <-chan time.Time
	folders := map[string]bool{}
	for {
		select {
		case files := <-w.files:
			w.addFolders(p, folders, files)
		case _, ok := <-w.fs.Events:
			if !ok {
				return
			}
			quiet = time.After(settle)
		case err, ok := <-w.fs.Errors:
			if !ok {
				return
			}
			p.log.Warn().Err(err).Msg("watching the configuration met an error")
		case <-quiet:
			quiet = nil
			if p.filesChanged() {
				w.tell()
			}
		}
	}
}

// tell never waits: one change that was not looked at yet is as good as two.
func (w *watcher) tell() {
	select {
	case w.changed <- struct{}{}:
	default:
	}
}

func (w *watcher) addFolders(p *proxy, known map[string]bool, files []string) {
	for _, f := range files {
		folder := filepath.Dir(f)
		if known[folder] {
			continue
		}
		if err := w.fs.Add(folder); err != nil {
			p.log.Warn().Err(err).Str("folder", folder).Msg("cannot watch folder for changes")
			continue
		}
		known[folder] = true
	}
}

// fingerprint is what files held.
type fingerprint [sha256.Size]byte

// remember notes what files hold now.
func (p *proxy) remember(files []string) {
	f := fingerprintOf(files)
	p.seen.Store(&f)
}

// filesChanged reports whether the files of the running configuration hold
// something else than when they were last read.
func (p *proxy) filesChanged() bool {
	seen := p.seen.Load()
	return seen == nil || *seen != fingerprintOf(p.loaded.Load().Files)
}

// fingerprintOf reads the files; one that cannot be read counts as empty.
func fingerprintOf(files []string) fingerprint {
	h := sha256.New()
	for _, name := range files {
		_, _ = io.WriteString(h, name+"\x00")
		f, err := os.Open(name)
		if err != nil {
			continue
		}
		_, _ = io.Copy(h, f)
		_ = f.Close()
	}
	return fingerprint(h.Sum(nil))
}
