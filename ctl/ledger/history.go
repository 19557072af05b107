package ledger

import (
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"time"

	"github.com/isame-lb/isame-lb/config"
	"github.com/isame-lb/isame-lb/ctl/api"
)

// Bounds of what is remembered.
const (
	// historyMax is how many generations are kept, with their content; of what has no
	// number, or changed nothing, as many lines again.
	historyMax = 50
	// ChangesMax is how many differences of one generation are listed.
	ChangesMax = 1000
	// contentBytesMax bounds the content of one generation, unpacked.
	contentBytesMax = 64 << 20
)

// entry is one line of the history. It is not changed once it is there: become puts
// another one in its place.
type entry struct {
	api.Generation
	// packed is its document as JSON, compressed; nil where it is on the disk, or there is none.
	packed []byte
}

// isNumbered reports that it is a configuration that ran.
func (e *entry) isNumbered() bool {
	return e.Generation.Generation != 0 && e.Outcome != api.OutcomeUnchanged
}

// entryOf is the line of a configuration that serves.
func (l *Ledger) entryOf(r *running, at time.Time, changes []config.Change) *entry {
	e := &entry{Generation: api.Generation{
		Generation: r.generation, Boot: l.boot, At: at.UTC(), Trigger: r.author.Trigger, Author: r.author.Name, Message: r.author.Message,
		Outcome: api.OutcomeApplied, ETag: r.etag,
	}}
	e.Changes, e.ChangesBeyond = Describe(changes, true)
	packed, err := pack(r.doc)
	if err != nil {
		l.opts.Logger.Error().Err(err).Uint64("generation", r.generation).Msg("the history cannot keep the content of a generation")
	}
	e.packed = packed
	return e
}

// Describe turns differences into their API values, at most ChangesMax of them; with
// their values where full says so.
func Describe(changes []config.Change, full bool) (list []api.Change, beyond int) {
	list = make([]api.Change, 0, min(len(changes), ChangesMax))
	for i := range changes {
		if len(list) == ChangesMax {
			return list, len(changes) - ChangesMax
		}
		c := api.Change{Path: changes[i].Path, Action: changes[i].Action}
		if full {
			c.Old, c.New = changes[i].Old, changes[i].New
		}
		list = append(list, c)
	}
	return list, 0
}

// refusedEntry is the line of one that was refused.
func (l *Ledger) refusedEntry(a Author, err error) *entry {
	return &entry{Generation: api.Generation{
		Boot: l.boot, At: l.opts.Now().UTC(), Trigger: a.Trigger, Author: a.Name, Message: a.Message,
		Outcome: api.OutcomeRefused, Reason: reasonOf(err), Changes: []api.Change{},
	}}
}

// unchangedEntry is the line of a reload that found nothing new.
func (l *Ledger) unchangedEntry(r *running, a Author) *entry {
	return &entry{Generation: api.Generation{
		Generation: r.generation, Boot: l.boot, At: l.opts.Now().UTC(), Trigger: a.Trigger, Author: a.Name, Message: a.Message,
		Outcome: api.OutcomeUnchanged, ETag: r.etag, Changes: []api.Change{},
	}}
}

// note adds a line that changes nothing of what runs. One that says the same as the last
// one takes its place, so that a hook that asks every minute does not fill the history.
func (l *Ledger) note(e *entry) {
	l.addNote(e)
	if e.Outcome == api.OutcomeRefused {
		l.writeJournal()
	}
}

func (l *Ledger) addNote(e *entry) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if n := len(l.mu.entries); n > 0 {
		last := l.mu.entries[n-1]
		if !e.isNumbered() && last.Outcome == e.Outcome && last.Trigger == e.Trigger && last.Author == e.Author && last.Reason == e.Reason {
			l.mu.entries = l.mu.entries[:n-1]
		}
	}
	l.addLocked(e)
}

// addLocked adds a line, and drops the oldest of its kind beyond historyMax. The list is
// made anew: readers hold the one before.
func (l *Ledger) addLocked(e *entry) {
	list := append(slices.Clip(l.mu.entries), e)
	beyond := -historyMax
	for _, known := range list {
		if known.isNumbered() == e.isNumbered() {
			beyond++
		}
	}
	l.mu.entries = slices.DeleteFunc(list, func(known *entry) bool {
		if known.isNumbered() != e.isNumbered() || beyond <= 0 {
			return false
		}
		beyond--
		return true
	})
}

// become changes what is said of a generation of this boot.
func (l *Ledger) become(generation uint64, outcome, reason string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.becomeLocked(generation, outcome, reason)
}

func (l *Ledger) becomeLocked(generation uint64, outcome, reason string) {
	list := slices.Clone(l.mu.entries)
	for i := len(list) - 1; i >= 0; i-- {
		if e := list[i]; e.isNumbered() && e.Generation.Generation == generation {
			changed := *e
			changed.Outcome, changed.Reason = outcome, reason
			list[i] = &changed
			break
		}
	}
	l.mu.entries = list
}

// supersedeLocked says of what was applied that the file has taken its place. A document that
// is shared has come from there, and is followed by the next one.
func (l *Ledger) supersedeLocked(left *running) {
	if left.source != l.fileSource() && l.opts.Shared == nil {
		l.becomeLocked(left.generation, api.OutcomeSuperseded, "the content of the file changed")
	}
}

// History is what came, newest first.
func (l *Ledger) History() []api.Generation {
	l.mu.RLock()
	entries := l.mu.entries
	l.mu.RUnlock()
	list := make([]api.Generation, 0, len(entries))
	for _, e := range slices.Backward(entries) {
		list = append(list, e.Generation)
	}
	return list
}

// Since is the last generation that changed a key, or what is around or below it; 0 where
// the history does not reach it.
func (l *Ledger) Since(path string) uint64 {
	l.mu.RLock()
	entries := l.mu.entries
	l.mu.RUnlock()
	for _, e := range slices.Backward(entries) {
		if !e.isNumbered() {
			continue
		}
		for i := range e.Changes {
			if at := e.Changes[i].Path; at == path || isBelow(at, path) || isBelow(path, at) {
				return e.Generation.Generation
			}
		}
	}
	return 0
}

// Generation is one line of the history, with its document.
func (l *Ledger) Generation(number uint64) (api.Generation, error) {
	l.mu.RLock()
	entries := l.mu.entries
	l.mu.RUnlock()
	for _, e := range slices.Backward(entries) {
		if !e.isNumbered() || e.Generation.Generation != number {
			continue
		}
		g := e.Generation
		doc, err := l.documentOf(e)
		if err != nil {
			return g, nil // what is known of it
		}
		text, err := doc.Encode("yaml", true)
		if err != nil {
			return g, fmt.Errorf("cannot show generation %d: %w", number, err)
		}
		g.Document = string(text)
		return g, nil
	}
	return api.Generation{}, refusal(http.StatusNotFound, api.CodeNotFound, "the history does not reach generation %d", number)
}

// errNoContent is why a generation has no document any more.
var errNoContent = errors.New("it was not kept")

// documentOf is the document of a line.
func (l *Ledger) documentOf(e *entry) (*config.Document, error) {
	if e.packed == nil {
		return l.readDocument(e.ETag)
	}
	text, err := unpack(e.packed)
	if err != nil {
		return nil, err
	}
	return parse(text, "history")
}

// parse reads what this process has encoded.
func parse(text []byte, name string) (*config.Document, error) {
	return config.ParseDocument(text, "json", name)
}

// pack is a document as JSON with its secrets, compressed: it is about a twentieth of the tree.
func pack(d *config.Document) ([]byte, error) {
	text, err := d.Encode("json", false)
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer
	w, err := gzip.NewWriterLevel(&b, gzip.BestSpeed)
	if err == nil {
		_, err = w.Write(text)
	}
	if err == nil {
		err = w.Close()
	}
	if err != nil {
		return nil, fmt.Errorf("cannot compress a configuration: %w", err)
	}
	return b.Bytes(), nil
}

func unpack(packed []byte) ([]byte, error) {
	r, err := gzip.NewReader(bytes.NewReader(packed))
	if err != nil {
		return nil, fmt.Errorf("cannot read a configuration of the history: %w", err)
	}
	text, err := io.ReadAll(io.LimitReader(r, contentBytesMax))
	if err = errors.Join(err, r.Close()); err != nil {
		return nil, fmt.Errorf("cannot read a configuration of the history: %w", err)
	}
	return text, nil
}
