package run

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync/atomic"
	"time"

	"github.com/isame-lb/isame-lb/config"
	"github.com/isame-lb/isame-lb/ctl"
	"github.com/isame-lb/isame-lb/ctl/api"
	"github.com/isame-lb/isame-lb/ctl/ledger"
	"github.com/isame-lb/isame-lb/ctl/source"
)

// fleet is the document that this process shares with others (source.etcd). The goroutine of
// the source follows it and tells the main loop, which alone takes what comes, puts what is
// applied, and says what became of it. Nothing but a change waits for etcd.
type fleet struct {
	*source.Source

	// vault is what the certificates of all instances have in common.
	vault *source.Vault
	// local is the file of this instance, as it was read last.
	local atomic.Pointer[config.Document]
	// offered is what is about to be taken; of the main loop.
	offered *source.Document
}

// retryWait is how long a document waits for the change under way.
const retryWait = 5 * time.Second

// instance is what this process is called.
func (p *proxy) instance() string { return instanceOf(p.loaded.Load().Config) }

func instanceOf(cfg *config.Config) string {
	if cfg.Instance != "" {
		return cfg.Instance
	}
	name, err := os.Hostname()
	if err != nil {
		return "unknown" // only without /proc
	}
	return name
}

// share reads the document where the file says that it lies in etcd, for the start: from
// there, else the copy on the disk. Without source.etcd it returns the file.
func (p *proxy) share(file *config.Loaded) (*config.Loaded, error) {
	etcd := file.Config.Source.Etcd
	if etcd == nil {
		return file, nil
	}
	f := &fleet{}
	f.local.Store(file.Document())
	f.Source = source.New(source.Options{
		Etcd: etcd, Instance: p.instance(), Version: p.build.Version, CopyFile: copyFile(file.Config), Running: p.running, Logger: p.log,
	})
	p.fleet = f
	challenges := p.engine.Challenges()
	f.vault = source.OpenVault(source.VaultOptions{
		Etcd: etcd, Instance: p.instance(), Told: challenges.Told, Changed: challenges.Changed, Logger: p.log,
	})
	challenges.Share(f.vault)
	doc, err := f.Read(context.Background())
	var loaded *config.Loaded
	if err == nil {
		if loaded, err = p.loadShared(f.local.Load(), doc); err == nil {
			f.offered = doc
			return loaded, nil
		}
		f.Refused(doc, firstLine(err))
		p.logRejected(ledger.TriggerStart, err)
		err = fmt.Errorf("revision %d is refused: %w", doc.Revision, err)
	}
	return p.shareCopy(err)
}

// shareCopy begins with the copy on the disk. why is what is wrong with the document itself.
func (p *proxy) shareCopy(why error) (*config.Loaded, error) {
	f := p.fleet
	doc, at, err := f.Copy()
	var loaded *config.Loaded
	if err == nil {
		loaded, err = p.loadShared(f.local.Load(), doc)
	}
	if err != nil {
		if errors.Is(err, fs.ErrNotExist) {
			err = errors.New("there is no copy of it on the disk")
		}
		return nil, fmt.Errorf("cannot start with %s: %w; and %w", f, why, err)
	}
	p.log.Error().Err(why).Strs("endpoints", f.State().Endpoints).Time("copy_of", at).Int64("revision", doc.Revision).
		Msg("the configuration cannot be taken from etcd: STARTING WITH THE COPY ON DISK, which may be out of date")
	f.offered = doc
	return loaded, nil
}

// copyFile is where the copy lies; empty is nowhere.
func copyFile(cfg *config.Config) string {
	switch {
	case cfg.Source.Etcd.CacheFile != "":
		return cfg.Source.Etcd.CacheFile
	case cfg.State.Dir != "":
		return filepath.Join(cfg.State.Dir, "etcd.json")
	}
	return ""
}

// loadShared makes one configuration of the file of this instance and the document.
func (p *proxy) loadShared(local *config.Document, doc *source.Document) (*config.Loaded, error) {
	return loadFrom(config.Options{
		File: p.fleet.Name(), Data: doc.Text, Format: ctl.FormatYAML, BaseDir: p.baseDir(), Environ: os.Environ(), Set: p.flags.set, Local: local,
	})
}

// readShared is the document that is offered, or the one that runs, with the file of this
// instance as it is now. Called by the main loop.
func (p *proxy) readShared() (*config.Loaded, error) {
	file, err := load(p.flags, p.demo.addresses())
	if err != nil {
		return nil, err
	}
	if file.Config.Source.Etcd == nil {
		return nil, config.Problems{file.Problem("source.etcd", "cannot be removed by a reload: restart to take the configuration from the file")}
	}
	doc := p.fleet.offered
	if doc == nil {
		doc = p.fleet.Current()
	}
	loaded, err := p.loadShared(file.Document(), doc)
	if err == nil {
		p.fleet.local.Store(file.Document())
	}
	return loaded, err
}

// follow begins to follow the document, once what it says serves.
func (f *fleet) follow() {
	f.Taken(f.offered)
	f.offered = nil
	f.Follow()
}

// news tells of the document; nil for a process that shares none.
func (f *fleet) news() <-chan struct{} {
	if f == nil {
		return nil
	}
	return f.News()
}

// running is what this process tells the others.
func (p *proxy) running() source.Running {
	v, _ := p.ledger.View()
	return source.Running{Boot: p.ledger.Boot(), Generation: v.Generation, ETag: v.ETag}
}

// shared is the document for the ledger; nil where the file is it.
func (p *proxy) shared() *ledger.Shared {
	if p.fleet == nil {
		return nil
	}
	return &ledger.Shared{Ready: p.mayPublish, Publish: p.publish, Astray: p.fleet.Astray, CatchUp: func() { _ = p.takeDocument() }}
}

// takeDocument takes what came from etcd, if there is something and nothing is in its way: a
// trial or a process that is about to take over. It is called again when they have ended. Called by
// the main loop.
func (p *proxy) takeDocument() error {
	if p.fleet == nil || p.heir.process != nil || p.ledger.State().Pending != nil {
		return nil
	}
	doc := p.fleet.Pending()
	if doc == nil {
		return nil
	}
	p.super.reloading()
	defer func() { p.super.ready(p.serving()) }()
	p.fleet.offered = doc
	_, err := p.ledger.Reload(authorOf(doc), false) // reported
	p.fleet.offered = nil
	if err != nil {
		p.fleet.Refused(doc, firstLine(err))
		return err
	}
	p.fleet.Taken(doc)
	return nil
}

// authorOf is who put a document, as far as that is known.
func authorOf(doc *source.Document) ledger.Author {
	a := ledger.Author{Name: ledger.Self, Trigger: ledger.TriggerEtcd, Message: doc.By.Message}
	if doc.By.Author != "" {
		a.Name = doc.By.Author + " at " + doc.By.Instance
	}
	return a
}

// mayPublish says why publish could not be done.
func (p *proxy) mayPublish(over bool) error { return ofLedger(p.fleet.Ready(over)) }

// publish puts a document into etcd. Comments of what is not changed stay.
func (p *proxy) publish(pub *ledger.Publication) error {
	text, err := pub.Document.Rewrite(p.fleet.Current().Text)
	if err != nil { // JSON, and what cannot be changed in its place
		if text, err = pub.Document.Encode(ctl.FormatYAML, false); err != nil {
			return err
		}
	}
	by := source.Signature{Author: pub.Author.Name, Message: pub.Author.Message}
	return ofLedger(p.fleet.Put(text, by, pub.Over))
}

// ofLedger puts the errors of package source into the terms of the ledger.
func ofLedger(err error) error {
	if errors.Is(err, source.ErrStale) {
		return ledger.ErrStale
	}
	return err
}

// retryDocument takes a document that was refused once more, and says what came of it.
func (p *proxy) retryDocument() (err error) {
	ctx, cancel := context.WithTimeout(context.Background(), retryWait)
	defer cancel()
	if refused := p.do(ctx, func() {
		p.fleet.Retry()
		err = p.takeDocument()
	}); refused != nil {
		return errBusy
	}
	return err
}

// noteFleet adds what is known of the document to a status.
func (p *proxy) noteFleet(s *api.Status) {
	s.Instance = p.instance()
	if p.fleet != nil {
		st := p.fleet.State()
		s.Config.Etcd = &st
	}
}

// stopFleet has nothing more taken from etcd. It does not wait.
func (p *proxy) stopFleet() {
	if p.fleet != nil {
		p.fleet.Stop()
		p.fleet.vault.Stop()
	}
}

// awaitFleet waits until nothing is asked any more, for a few seconds at most.
func (p *proxy) awaitFleet(ctx context.Context) {
	if p.fleet == nil {
		return
	}
	for _, ended := range []<-chan struct{}{p.fleet.Ended(), p.fleet.vault.Ended()} {
		select {
		case <-ended:
		case <-ctx.Done():
		}
	}
}
