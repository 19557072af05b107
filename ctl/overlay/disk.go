package overlay

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"time"

	"github.com/isame-lb/isame-lb/ctl/api"
	"github.com/isame-lb/isame-lb/ctl/store"
	"github.com/isame-lb/isame-lb/pool"
)

// fileName is the file of state.dir that has the overlay.
const fileName = "overlay.json"

// fileVersion is written into it; a higher one is not read.
const fileVersion = 1

// kept is what the file holds.
type kept struct {
	Version   int             `json:"version"`
	Overrides []pool.Override `json:"overrides"`
}

// restore reads what is kept. States whose time has passed meanwhile are over.
func (k *Keeper) restore() {
	all, err := k.found()
	if err != nil {
		k.opts.Logger.Error().Err(err).Str("dir", k.opts.Dir).
			Msg("cannot read what was asked of backends at run time: the configuration alone says how they are")
		return
	}
	good := make([]pool.Override, 0, len(all))
	for i := range all {
		if err := check(&all[i]); err != nil {
			k.opts.Logger.Error().Err(err).Str("pool", all[i].Pool).Str("backend", all[i].Address).Msg("an override is left out")
			continue
		}
		good = append(good, all[i])
	}
	k.opts.Overlay.Restore(good)
	k.opts.Overlay.Expire(time.Now())
	if n := len(k.List()); n > 0 {
		k.opts.Logger.Warn().Int("backends", n).Msg("backends are as operators have asked at run time, and not only as the configuration says")
	}
}

// found is what the process before has handed over, or else left on the disk.
func (k *Keeper) found() ([]pool.Override, error) {
	switch {
	case len(k.opts.Handed) > 0:
		return decode(k.opts.Handed)
	case k.opts.Dir == "":
		return nil, nil
	}
	return read(k.opts.Dir)
}

// encode is what the disk and the next process get.
func encode(all []pool.Override) []byte {
	if all == nil {
		all = []pool.Override{}
	}
	text, err := json.Marshal(kept{fileVersion, all})
	if err != nil {
		panic("BUG: an override cannot be written: " + err.Error())
	}
	return text
}

func decode(text []byte) ([]pool.Override, error) {
	var f kept
	if err := json.Unmarshal(text, &f); err != nil {
		return nil, fmt.Errorf("it is not what an isame-lb has written: %w", err)
	}
	if f.Version > fileVersion {
		return nil, fmt.Errorf("it has version %d, which a later isame-lb has written", f.Version)
	}
	return f.Overrides, nil
}

// read is what Dir has; nothing where there is no file. What cannot be read is put aside
// for who wants to know what was in it.
func read(dir string) ([]pool.Override, error) {
	text, err := store.Read(dir, fileName)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	var all []pool.Override
	if err == nil {
		all, err = decode(text)
	}
	if err != nil && len(text) > 0 {
		err = errors.Join(err, store.Write(dir, fileName+".unreadable", text))
	}
	return all, err
}

// check refuses what no keeper has written.
func check(v *pool.Override) error {
	inRange := func(weight int) bool { return weight >= 0 && weight <= api.WeightMax }
	switch {
	case v.Pool == "" || v.Address == "":
		return errors.New("it names no backend of a pool")
	case v.State != "" && v.State != pool.Drain && v.State != pool.Disabled:
		return fmt.Errorf("state %q is none that can be asked for", v.State)
	case v.Weight != nil && !inRange(*v.Weight), v.Added != nil && !inRange(v.Added.Weight):
		return errors.New("its weight is out of range")
	case v.Removed && v.Added != nil:
		return errors.New("it is both added and removed")
	}
	return nil
}

// saveLocked writes what is asked for, where the disk has something else.
func (k *Keeper) saveLocked(all []pool.Override) {
	if k.opts.Dir == "" || len(all) == 0 && k.mu.saved == nil && !store.Has(k.opts.Dir, fileName) {
		return
	}
	text := encode(all)
	if bytes.Equal(text, k.mu.saved) {
		return
	}
	before := k.mu.failed
	if k.mu.failed = store.Write(k.opts.Dir, fileName, text); k.mu.failed == nil {
		k.mu.saved = text
		return
	}
	if before == nil { // else it was said
		k.opts.Logger.Error().Err(k.mu.failed).
			Msg("backends are as was asked, and the disk does not say so: a restart finds them as they were before")
	}
}
