package ledger

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"strings"

	"github.com/isame-lb/isame-lb/config"
	"github.com/isame-lb/isame-lb/ctl/api"
	"github.com/isame-lb/isame-lb/ctl/store"
)

// Files of state.dir: the history with what a restart resumes, in one file so that they
// never differ; a document each under its ETag, written before the history names it; the
// key of ETags.
const (
	journalName    = "history.json"
	documentBegin  = "config-"
	documentEnding = ".json"
	keyName        = "etag.key"
	keyBytes       = 32
)

// journalVersion is written into journalName; a higher one is not read.
const journalVersion = 1

// journal is what journalName holds.
type journal struct {
	Version int              `json:"version"`
	Next    uint64           `json:"next"` // number of the next generation
	Lines   []api.Generation `json:"lines"`
	Resume  *resumption      `json:"resume,omitempty"`
}

// resumption is what a restart resumes, as long as the file holds what it did.
type resumption struct {
	ETag           string `json:"etag"` // of the document
	File           string `json:"file"` // ETag of the content of the file
	FileGeneration uint64 `json:"file_generation"`
	HeldBack       bool   `json:"held_back"`
	Generation     uint64 `json:"generation"`
	Author         string `json:"author"`
}

// entries are the lines of a journal.
func (j *journal) entries() []*entry {
	list := make([]*entry, 0, len(j.Lines))
	for _, g := range j.Lines {
		list = append(list, &entry{Generation: g})
	}
	return list
}

// readJournal is what a process before has left; an empty one where there is none.
func (l *Ledger) readJournal() (j journal) {
	if l.opts.Dir == "" {
		return journal{}
	}
	text, err := store.Read(l.opts.Dir, journalName)
	if errors.Is(err, fs.ErrNotExist) {
		return journal{}
	}
	if err == nil {
		err = json.Unmarshal(text, &j)
	}
	if err == nil && j.Version > journalVersion {
		err = fmt.Errorf("it has version %d, which a later isame-lb has written", j.Version)
	}
	if err != nil {
		l.opts.Logger.Error().Err(err).Str("dir", l.opts.Dir).Msg("cannot read the history: a new one begins")
		if len(text) > 0 {
			_ = store.Write(l.opts.Dir, journalName+".unreadable", text) // for who wants to know what was in it
		}
		return journal{}
	}
	return j
}

// writeJournal keeps the history on the disk. A failure is logged: what runs, runs.
func (l *Ledger) writeJournal() {
	if l.opts.Dir == "" || !l.opts.Writes() {
		return
	}
	j := journal{Version: journalVersion, Next: l.mu.next, Resume: l.resumption(), Lines: make([]api.Generation, 0, len(l.mu.entries))}
	named := map[string]bool{}
	for _, e := range l.mu.entries {
		j.Lines = append(j.Lines, e.Generation)
		named[documentName(e.ETag)] = true
		if e.isNumbered() {
			l.saveDocument(e.ETag, e.packed)
		}
	}
	text, err := json.Marshal(j)
	if err == nil {
		err = store.Write(l.opts.Dir, journalName, text)
	}
	if err == nil {
		err = store.Keep(l.opts.Dir, documentEnding, func(name string) bool {
			return named[name] || !strings.HasPrefix(name, documentBegin)
		})
	}
	if err != nil {
		l.opts.Logger.Error().Err(err).Str("dir", l.opts.Dir).Msg("cannot keep the history")
	}
}

// resumption is what a restart finds: the last one that was confirmed, where it came over the API.
func (l *Ledger) resumption() *resumption {
	now, file := l.mu.now, l.mu.file
	if l.mu.trial != nil {
		now = l.mu.trial.previous
	}
	if now.source == l.fileSource() || persistOf(now.loaded) != persistState {
		return nil
	}
	return &resumption{
		ETag: now.etag, File: file.etag, FileGeneration: file.generation, HeldBack: file.heldBack,
		Generation: now.generation, Author: now.author.Name,
	}
}

// resume is what was applied before the restart, in place of what the file says; nil
// where the file counts.
func (l *Ledger) resume(r *resumption, file *running) *running {
	if r == nil || persistOf(file.loaded) != persistState {
		return nil
	}
	log := l.opts.Logger.With().Uint64("dropped", r.Generation).Str("author", r.Author).Logger()
	doc, err := l.readDocument(r.ETag)
	if err != nil {
		log.Error().Err(err).Msg("what was applied before the restart is lost: the file counts")
		return nil
	}
	if r.File != file.etag {
		changes := config.Diff(file.doc, doc, l.key)
		var named []string
		for i := range min(len(changes), droppedMax) {
			named = append(named, changes[i].Action+" "+changes[i].Path)
		}
		log.Warn().Int("changes", len(changes)).Strs("first", named).
			Msg("the file has changed since a configuration was applied over the API: the file counts, and that one is dropped")
		return nil
	}
	loaded, err := l.opts.Load(doc, "state.dir")
	if err != nil {
		log.Error().Err(err).Msg("what was applied before the restart is refused now: the file counts")
		return nil
	}
	l.opts.Logger.Info().Uint64("resumed", r.Generation).Str("author", r.Author).
		Msg("going on with what was applied over the API before the restart")
	return &running{
		generation: file.generation, loaded: loaded, doc: doc, etag: doc.Hash(l.key), source: api.SourceState,
		author: Author{Name: r.Author, Trigger: TriggerStart},
	}
}

// droppedMax bounds the changes that a log line names.
const droppedMax = 10

// documentName is the file of a document; ETags are unreserved characters, and an old
// one that is not does no harm.
func documentName(etag string) string { return documentBegin + url.PathEscape(etag) + documentEnding }

// saveDocument writes the document of a generation, once.
func (l *Ledger) saveDocument(etag string, packed []byte) {
	if packed == nil { // it is there, or nowhere
		return
	}
	if err := l.putDocument(etag, packed); err != nil {
		l.opts.Logger.Error().Err(err).Str("dir", l.opts.Dir).Msg("cannot keep the content of a generation")
	}
}

func (l *Ledger) putDocument(etag string, packed []byte) error {
	if store.Has(l.opts.Dir, documentName(etag)) {
		return nil
	}
	text, err := unpack(packed)
	if err != nil {
		return err
	}
	return store.Write(l.opts.Dir, documentName(etag), text)
}

// readDocument reads a document that putDocument has written.
func (l *Ledger) readDocument(etag string) (*config.Document, error) {
	if l.opts.Dir == "" || etag == "" {
		return nil, errNoContent
	}
	text, err := store.Read(l.opts.Dir, documentName(etag))
	if err != nil {
		return nil, err
	}
	return parse(text, "state.dir")
}

// etagKey is the key of ETags and of differences of secrets. It is the same after a
// restart: from state.dir, or, without one, of this machine since it was started, which
// nobody who asks over the network knows.
func etagKey(dir string) ([]byte, error) {
	if dir == "" {
		h := sha256.New()
		h.Write([]byte("isame etag"))
		for _, file := range []string{"/etc/machine-id", "/proc/sys/kernel/random/boot_id", "/proc/sys/kernel/hostname"} {
			text, _ := os.ReadFile(file) // one is enough
			h.Write(text)
		}
		return h.Sum(nil), nil
	}
	text, err := store.Read(dir, keyName)
	if err == nil {
		if key, bad := hex.DecodeString(strings.TrimSpace(string(text))); bad == nil && len(key) == keyBytes {
			return key, nil
		}
		return nil, fmt.Errorf("cannot use %q of state.dir %q: it is not a key; remove it", keyName, dir)
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	key := make([]byte, keyBytes)
	_, _ = rand.Read(key) // never fails
	return key, store.Write(dir, keyName, []byte(hex.EncodeToString(key)+"\n"))
}
