package token

import (
	"context"
	"fmt"

	"github.com/isame-lb/isame-lb/engine/auth/live"
)

// Source is where the keys of a verifier come from.
type Source struct {
	file *live.Value[Set]
	url  *fetcher
}

// Current is the keys in force, nil before any were fetched. It allocates nothing.
func (s *Source) Current() *Set {
	if s.file != nil {
		return s.file.Load()
	}
	return s.url.set.Load()
}

// Trouble says why what a file or a URL has now is not in force; nil when it is.
func (s *Source) Trouble() error {
	if s.file != nil {
		return s.file.Trouble()
	}
	return s.url.troubled()
}

// Close gives a source back: its file is not read again, or its URL not fetched again
// unless somebody else has it, too. Its keys stay what they are.
func (s *Source) Close() error {
	if s.file != nil {
		return s.file.Close()
	}
	s.url.sources.release(s.url)
	return nil
}

// mayFetch reports that a fetch goes on or may begin.
func (s *Source) mayFetch() bool { return s.url != nil && s.url.mayFetch() }

// refresh waits for a fetch, if one goes on or may begin.
func (s *Source) refresh(ctx context.Context) {
	if s.url != nil {
		s.url.refresh(ctx)
	}
}

// OpenSet reads a file with a JSON Web Key Set, and again whenever it changes. At least
// one of its keys must fit one of the algorithms.
func OpenSet(k *live.Keeper, name, file string, algorithms []string) (*Source, error) {
	return openFile(k, name, file, algorithms, func(data []byte) (*Set, error) { return parseSet(data, false) })
}

// OpenKey reads a file with one key, and again whenever it changes: a public one in PEM
// or as a JSON Web Key, or else the bytes of a secret, without a line end. It must fit
// one of the algorithms.
func OpenKey(k *live.Keeper, name, file string, algorithms []string) (*Source, error) {
	return openFile(k, name, file, algorithms, parseKey)
}

func openFile(k *live.Keeper, name, file string, algorithms []string, parse func([]byte) (*Set, error)) (*Source, error) {
	chosen, err := choose(algorithms)
	if err != nil {
		return nil, err
	}
	value, err := live.Open(k, name, []string{file}, func(files []live.File) (*Set, error) {
		set, err := parse(files[0].Data)
		if err == nil {
			err = set.check(chosen)
		}
		if err != nil {
			return nil, fmt.Errorf("cannot use the keys of %q: %w", files[0].Name, err)
		}
		return set, nil
	})
	if err != nil {
		return nil, err
	}
	return &Source{file: value}, nil
}
