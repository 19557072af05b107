package token

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
)

// keysMax bounds the keys of a set, triesMax those that a token without kid is tried with.
const (
	keysMax  = 256
	triesMax = 4
)

// Set is the keys that are known at one time. It never changes.
type Set struct {
	keys    []*key
	left    []error // of keys that cannot be used
	byID    map[string][]*key
	noNames []*key // keys without kid
}

func newSet(keys []*key, left []error) *Set {
	s := &Set{keys: keys, left: left, byID: make(map[string][]*key, len(keys))}
	for _, k := range keys {
		if k.id == "" {
			s.noNames = append(s.noNames, k)
		} else {
			s.byID[k.id] = append(s.byID[k.id], k)
		}
	}
	return s
}

// candidates are the keys that a token may mean: those of its kid, or else those without
// one; where it names none, all of them.
func (s *Set) candidates(id []byte) []*key {
	if len(id) == 0 {
		return s.keys
	}
	if named := s.byID[string(id)]; named != nil {
		return named
	}
	return s.noNames
}

// Len is how many keys can be used.
func (s *Set) Len() int { return len(s.keys) }

// parseSet reads a JSON Web Key Set. Keys that cannot be used are left out, as RFC 7517
// section 5 says, as long as one is left. public refuses secrets: where everybody can
// read the set they are none.
func parseSet(data []byte, public bool) (*Set, error) {
	var list struct {
		Keys []json.RawMessage `json:"keys"`
	}
	if err := json.Unmarshal(data, &list); err != nil {
		return nil, fmt.Errorf("cannot parse a JSON Web Key Set: %w", err)
	}
	if list.Keys == nil {
		return nil, errors.New("it is no JSON Web Key Set: it has no keys")
	}
	if len(list.Keys) > keysMax {
		return nil, fmt.Errorf("a JSON Web Key Set has %d keys; want at most %d", len(list.Keys), keysMax)
	}
	var keys []*key
	var left []error
	for i, one := range list.Keys {
		k, err := fromJWK(one)
		if err == nil && public && k.kind == kindSecret {
			err = errors.New("a secret that everybody can read")
		}
		if err != nil {
			left = append(left, fmt.Errorf("keys[%d] is %w", i, err))
			continue
		}
		keys = append(keys, k)
	}
	if len(keys) == 0 {
		return nil, errors.Join(append([]error{errors.New("the JSON Web Key Set has no key that can be used")}, left...)...)
	}
	return newSet(keys, left), nil
}

// parseKey reads a file with one key: PEM, a JSON Web Key, or else a secret.
func parseKey(data []byte) (*Set, error) {
	read := fromSecret
	switch text := bytes.TrimSpace(data); {
	case bytes.HasPrefix(text, []byte("{")):
		read = fromJWK
	case bytes.HasPrefix(text, []byte("-----BEGIN ")):
		read = fromPEM
	}
	k, err := read(data)
	if err != nil {
		return nil, err
	}
	return newSet([]*key{k}, nil), nil
}

// check says what is wrong with a set for algorithms: none of its keys fits one.
func (s *Set) check(chosen []*algorithm) error {
	var has error
	for _, k := range s.keys {
		for _, a := range chosen {
			switch {
			case k.fits(a):
				return nil
			case k.kind == kindSecret && a.kind == kindSecret:
				has = fmt.Errorf("the secret has %d bytes; %s wants %d or more", k.bytes, a.name, a.secretBytes)
			case has == nil:
				has = fmt.Errorf("the key is %s, which %s is not used with", k.kind, a.name)
			}
		}
	}
	return has
}
