package ledger

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"

	"github.com/isame-lb/isame-lb/config"
	"github.com/isame-lb/isame-lb/ctl/store"
)

// promise does what may fail of keeping a configuration over a restart, as admin.persist
// of that configuration says: fulfil does the rest once it serves.
func (l *Ledger) promise(c *candidate) (p promised, err error) {
	if c.source == l.fileSource() || c.isKept {
		return p, nil
	}
	switch persist := persistOf(c.loaded); {
	case persist == persistState && !c.intoFile:
		return p, l.promiseState(c)
	case persist == persistFile || c.intoFile && l.opts.Shared == nil: // else it is put where it is shared
		p.file, err = l.stageFile(c.doc)
		if err == nil && c.onTrial { // it could be written; it is when it is confirmed
			l.discard(p)
			return promised{}, nil
		}
	}
	return p, err
}

// notKept is why the configuration file cannot have what it is to have.
func notKept(format string, args ...any) error {
	return notWritable("the configuration file is to have it, and "+format, args...)
}

// promised is what is left to do once a configuration serves.
type promised struct {
	file *store.Staged // nil where none is to be written
}

func (l *Ledger) promiseState(c *candidate) error {
	packed, err := pack(c.doc)
	if err != nil {
		return err
	}
	if err := l.putDocument(c.etag, packed); err != nil {
		return notWritable("admin.persist is state, and %s", err)
	}
	return nil
}

// stageFile writes the document beside the configuration file. Comments of what is not
// changed stay.
func (l *Ledger) stageFile(doc *config.Document) (*store.Staged, error) {
	path := l.opts.File
	if path == "" {
		return nil, notKept("there is none")
	}
	if ending := strings.ToLower(filepath.Ext(path)); ending != ".yaml" && ending != ".yml" && ending != "" {
		return nil, notKept("%q is not YAML: only that can be written without losing what else is in it", path)
	}
	if isMountPoint(path) {
		return nil, notKept("%q is mounted by itself, so that it cannot be replaced: mount its folder", path)
	}
	original, err := os.ReadFile(path)
	if err != nil {
		return nil, notKept("it cannot be read: %s", err)
	}
	before, err := config.ParseFile(original, "yaml", path)
	if err != nil {
		return nil, notKept("what %q holds now cannot be read: %s", path, reasonOf(err))
	}
	if _, includes := before.At("include"); includes {
		return nil, notKept("%q includes others: which one a change belongs to is not known", path)
	}
	if before.Hash(l.key) != l.mu.file.etag {
		return nil, notWritable("%q has changed and was not taken yet: reload it first, or write it anew", path)
	}
	text, err := doc.Rewrite(original)
	if err != nil {
		return nil, notWritable("%q cannot be rewritten: %s", path, err)
	}
	if after, err := config.ParseFile(text, "yaml", path); err != nil || after.Hash(l.key) != doc.Hash(l.key) {
		return nil, notWritable("%q cannot be rewritten so that it says what was asked for", path)
	}
	s, err := store.StageOver(path, text)
	if errors.Is(err, store.ErrNotPlain) {
		return nil, notKept("%q is a link: what it leads to belongs to somebody else", path)
	}
	if err != nil {
		return nil, notKept("%s", err)
	}
	return s, nil
}

// fulfil gives the file its new content. What was promised can hardly fail any more.
func (l *Ledger) fulfil(p promised, next *running) {
	if p.file == nil {
		return
	}
	if err := p.file.Commit(); err != nil {
		l.opts.Logger.Error().Err(err).Str("file", l.opts.File).
			Msg("the configuration serves, and the file does not say so: a restart finds the old one")
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.mu.file = fileState{etag: next.etag, generation: next.generation}
}

// isMountPoint reports that a file is mounted over, as containers have it: no rename
// replaces it.
func isMountPoint(path string) bool {
	path, err := filepath.Abs(path)
	if err != nil {
		return false
	}
	mounts, _ := os.ReadFile("/proc/self/mountinfo") // without it, the rename says so
	for line := range bytes.Lines(mounts) {
		// The fifth field is the mount point, with octal escapes.
		if fields := strings.Fields(string(line)); len(fields) > 4 && unescape(fields[4]) == path {
			return true
		}
	}
	return false
}

// unescape turns the four escapes of mountinfo back.
func unescape(text string) string {
	return strings.NewReplacer(`\040`, " ", `\011`, "\t", `\012`, "\n", `\134`, `\`).Replace(text)
}
