package source

import (
	"encoding/json"
	"fmt"
	"io/fs"
	"path/filepath"
	"time"

	"github.com/isame-lb/isame-lb/ctl/store"
)

// copyVersion is written into the copy; a higher one is not read.
const copyVersion = 1

// kept is what the copy on the disk holds.
type kept struct {
	Version  int       `json:"version"`
	Key      string    `json:"key"`
	Cluster  uint64    `json:"cluster"`
	Revision int64     `json:"revision"`
	At       time.Time `json:"at"`
	Document string    `json:"document"`
}

// keep writes the copy.
func (s *Source) keep(d *Document) error {
	if s.opts.CopyFile == "" {
		return nil
	}
	text, err := json.Marshal(kept{
		Version: copyVersion, Key: s.opts.Etcd.Key, Cluster: d.Cluster, Revision: d.Revision, At: time.Now().UTC(), Document: string(d.Text),
	})
	if err != nil {
		return fmt.Errorf("cannot write the copy of the document: %w", err)
	}
	return store.Write(filepath.Dir(s.opts.CopyFile), filepath.Base(s.opts.CopyFile), text)
}

// Copy is the last document that was taken, and when that was. The error says why there is
// none: fs.ErrNotExist where none was kept.
func (s *Source) Copy() (*Document, time.Time, error) {
	file := s.opts.CopyFile
	if file == "" {
		return nil, time.Time{}, fs.ErrNotExist
	}
	text, err := store.Read(filepath.Dir(file), filepath.Base(file))
	if err != nil {
		return nil, time.Time{}, err
	}
	var k kept
	err = json.Unmarshal(text, &k)
	switch {
	case err != nil:
		return nil, time.Time{}, fmt.Errorf("cannot read the copy %q: %w", file, err)
	case k.Version > copyVersion:
		return nil, time.Time{}, fmt.Errorf("cannot read the copy %q: it has version %d, which a later isame-lb has written", file, k.Version)
	case k.Key != s.opts.Etcd.Key:
		return nil, time.Time{}, fmt.Errorf("cannot use the copy %q: it is of key %s", file, k.Key)
	}
	return &Document{Text: []byte(k.Document), Cluster: k.Cluster, Revision: k.Revision, Cached: true}, k.At, nil
}
