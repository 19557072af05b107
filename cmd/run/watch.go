package run

import (
	"crypto/sha256"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/fsnotify/fsnotify"

	"github.com/isame-lb/isame-lb/config"
	"github.com/isame-lb/isame-lb/pool/safely"
)

// settle is how long the files must be left alone before they are read: editors
// and configuration management write in several steps. settleMax bounds that for
// a file that is written all the time, and lostRetry is the pause between two
// looks for a folder that went away.
const (
	settle    = 200 * time.Millisecond
	settleMax = 2 * time.Second
	lostRetry = time.Second
)

// watcher tells the main loop that a file of the configuration changed. It
// watches folders, because a file that is replaced by a rename, or a link that
// is switched, is another file. What else happens in a folder is not looked at.
type watcher struct {
	changed chan struct{}
	fs      *fsnotify.Watcher // nil when the system offers none
	files   chan []string
	ended   chan struct{}
}

func (p *proxy) watch() *watcher {
	w := &watcher{changed: make(chan struct{}, 1), files: make(chan []string), ended: make(chan struct{})}
	events, err := fsnotify.NewWatcher()
	if err != nil {
		p.log.Warn().Err(err).Msg("cannot watch the configuration for changes; SIGHUP and the API still reload")
		close(w.ended)
		return w
	}
	w.fs = events
	l := &watchLoop{watcher: w, proxy: p, folders: map[string]bool{}, refused: map[string]bool{}}
	safely.GoThen("watch", l.run, func() { close(w.ended) })
	w.follow(p.watched())
	return w
}

// follow replaces the set of watched files.
func (w *watcher) follow(files []string) {
	if w.fs == nil {
		return
	}
	select {
	case w.files <- files:
	case <-w.ended: // it has met a bug
	}
}

func (w *watcher) close() {
	if w.fs != nil {
		_ = w.fs.Close()
	}
	<-w.ended
}

// tell never waits: one change that was not looked at yet is as good as two.
func (w *watcher) tell() {
	select {
	case w.changed <- struct{}{}:
	default:
	}
}

// watchLoop is the state of the watcher's goroutine.
type watchLoop struct {
	*watcher
	proxy *proxy
	// files are followed, and those of includes; trail is every file and link on the way to one of them.
	files    []string
	includes config.Includes
	trail    map[string]bool
	// lookouts are where files may appear that the configuration includes, by folder without links.
	lookouts map[string][]config.Lookout
	// folders are watched; refused ones could not be, which was said once.
	folders, refused map[string]bool

	quiet    <-chan time.Time // when the files have settled; nil while nothing happened
	deadline time.Time        // for the settling under way
	lost     <-chan time.Time // when to look again for a folder that went away
}

func (l *watchLoop) run() {
	for {
		select {
		case l.files = <-l.watcher.files:
			l.includes = config.IncludesOf(l.proxy.file, os.Environ())
			l.follow()
			l.unsettle() // what happened before the folders were watched
		case e, ok := <-l.fs.Events:
			if !ok {
				return
			}
			l.hear(e)
		case err, ok := <-l.fs.Errors:
			if !ok {
				return
			}
			l.proxy.log.Warn().Err(err).Msg("watching the configuration met an error")
			l.unsettle() // events may have been lost
		case <-l.quiet:
			l.quiet = nil
			l.lookAround()
			if l.proxy.filesChanged() {
				l.tell()
			}
		case <-l.lost:
			l.lost = nil
			l.follow()
			l.unsettle()
		}
	}
}

// hear looks at one event of a folder.
func (l *watchLoop) hear(e fsnotify.Event) {
	if l.folders[e.Name] && e.Has(fsnotify.Remove|fsnotify.Rename) {
		delete(l.folders, e.Name)
		_ = l.fs.Remove(e.Name) // it may be gone already
		l.lost = time.After(lostRetry)
	}
	if !l.trail[e.Name] && !l.awaits(e.Name) || e.Op == fsnotify.Chmod {
		return
	}
	if e.Has(fsnotify.Create | fsnotify.Remove | fsnotify.Rename) {
		l.follow() // a link may lead elsewhere now
	}
	l.unsettle()
}

// awaits reports that a file of this name belongs to the configuration when it appears.
func (l *watchLoop) awaits(name string) bool {
	folder, name := filepath.Split(name)
	return slices.ContainsFunc(l.lookouts[filepath.Clean(folder)], func(o config.Lookout) bool { return o.Takes(name) })
}

// lookAround finds anew what the main file includes, which may have changed with it.
func (l *watchLoop) lookAround() {
	before := len(l.folders)
	l.includes = config.IncludesOf(l.proxy.file, os.Environ())
	l.follow()
	if len(l.folders) > before {
		l.unsettle() // files may have come before their folder was watched
	}
}

// unsettle starts the wait for quiet anew, within its bound.
func (l *watchLoop) unsettle() {
	now := time.Now()
	if l.quiet == nil {
		l.deadline = now.Add(settleMax)
	}
	l.quiet = time.After(min(settle, l.deadline.Sub(now)))
}

// follow walks the way to each file anew and watches the folders on it.
func (l *watchLoop) follow() {
	l.trail, l.lookouts = map[string]bool{}, map[string][]config.Lookout{}
	folders := map[string]bool{}
	track := func(path string) (end string) {
		for _, step := range trailOf(path) {
			l.trail[step] = true
			folders[filepath.Dir(step)] = true
			end = step
		}
		return end
	}
	for _, file := range slices.Concat(l.files, l.includes.Files) {
		track(file)
	}
	for _, o := range l.includes.Lookouts {
		folder := track(o.Folder)
		folders[folder] = true
		l.lookouts[folder] = append(l.lookouts[folder], o)
	}
	for folder := range l.folders {
		if !folders[folder] {
			delete(l.folders, folder)
			_ = l.fs.Remove(folder) // it may be gone already
		}
	}
	for folder := range folders {
		if !l.folders[folder] {
			l.add(folder)
		}
	}
}

func (l *watchLoop) add(folder string) {
	err := l.fs.Add(folder)
	if err == nil {
		l.folders[folder] = true
		delete(l.refused, folder)
		return
	}
	l.lost = time.After(lostRetry)
	if !l.refused[folder] {
		l.refused[folder] = true
		l.proxy.log.Warn().Err(err).Str("folder", folder).Msg("cannot watch folder for changes")
	}
}

// stepsMax bounds the links on the way to a file, as the kernel does, and the
// folders between them.
const stepsMax = 255

// trailOf lists what a change of may change what the file holds: each link on the
// way to it and, last, the file itself or the first part of its path that is not
// there. In the volumes of Kubernetes the files are links through a link "..data",
// which is all that an update replaces.
func trailOf(file string) []string {
	var trail []string
	at, rest := "/", strings.Split(strings.Trim(filepath.Clean(file), "/"), "/")
	for range stepsMax {
		if len(rest) == 0 {
			break
		}
		next := filepath.Join(at, rest[0])
		rest = rest[1:]
		s, err := os.Lstat(next)
		target := ""
		if err == nil && s.Mode()&fs.ModeSymlink != 0 {
			target, err = os.Readlink(next)
		}
		if err != nil {
			return append(trail, next)
		}
		if target == "" {
			at = next
			continue
		}
		trail = append(trail, next)
		if !filepath.IsAbs(target) {
			target = filepath.Join(at, target)
		}
		at, rest = "/", append(strings.Split(strings.Trim(filepath.Clean(target), "/"), "/"), rest...)
	}
	return append(trail, at)
}

// fingerprints is what files held, by name.
type fingerprints map[string][sha256.Size]byte

// remember notes what the files of the running configuration hold now.
func (p *proxy) remember() {
	f := p.fingerprints()
	p.seen.Store(&f)
}

// filesChanged reports whether a file of the running configuration, or one that belongs
// to it now, holds something else than when it was last read.
func (p *proxy) filesChanged() bool {
	seen := p.seen.Load()
	if seen == nil {
		return true
	}
	for name, now := range p.fingerprints() {
		if was, known := (*seen)[name]; !known || was != now {
			return true
		}
	}
	return false
}

// fingerprints reads the files of the running configuration and those that its main file
// includes now; one that cannot be read counts as empty.
func (p *proxy) fingerprints() fingerprints {
	all := fingerprints{}
	for _, name := range slices.Concat(p.watched(), config.IncludesOf(p.file, os.Environ()).Files) {
		if _, known := all[name]; !known {
			all[name] = fingerprintOf(name)
		}
	}
	return all
}

func fingerprintOf(name string) (sum [sha256.Size]byte) {
	h := sha256.New()
	if f, err := os.Open(name); err == nil {
		_, _ = io.Copy(h, f)
		_ = f.Close()
	}
	h.Sum(sum[:0])
	return sum
}
