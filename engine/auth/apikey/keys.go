package apikey

import (
	"bytes"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"

	"github.com/isame-lb/isame-lb/engine/auth/live"
)

// The most keys of a stage, and the longest key that is looked at.
const (
	KeysMax     = 1_000_000
	KeyBytesMax = 1024
)

var (
	errSum     = errors.New("the SHA-256 of a key is 64 hexadecimal digits")
	errName    = errors.New("a key has a name")
	errForm    = errors.New("a key is name:sha256")
	errEmpty   = errors.New("this is the SHA-256 of an empty key")
	errTooMany = fmt.Errorf("there are more than %d keys", KeysMax)
)

// Key is one that is accepted.
type Key struct {
	Name   string
	SHA256 string // 64 hexadecimal digits
}

// Keys are all of a stage. They never change, and any goroutine may use them.
type Keys struct {
	// byStart leads from the first eight bytes of a sum to the key. Two sums that begin
	// alike do not exist but by intent; the second one is refused.
	byStart map[uint64]known
}

type known struct {
	sum  [sha256.Size]byte
	name string
}

// New compiles a list of keys, and files with name:sha256 a line. Several keys may have
// one name. An error of the list names its entry, one of a file its line.
func New(list []Key, files []live.File) (*Keys, error) {
	k := &Keys{byStart: make(map[uint64]known, len(list))}
	for i, entry := range list {
		if err := k.add(entry); err != nil {
			return nil, fmt.Errorf("keys[%d]: %w", i, err)
		}
	}
	for i := range files {
		for line := range files[i].Lines() {
			colon := bytes.LastIndexByte(line.Text, ':')
			if colon < 0 {
				return nil, files[i].At(line, errForm)
			}
			entry := Key{Name: strings.TrimSpace(string(line.Text[:colon])), SHA256: strings.TrimSpace(string(line.Text[colon+1:]))}
			if err := k.add(entry); err != nil {
				return nil, files[i].At(line, err)
			}
		}
	}
	return k, nil
}

// add never puts what it was given into an error: it may be a key, by mistake.
func (k *Keys) add(entry Key) error {
	if entry.Name == "" || strings.ContainsFunc(entry.Name, isControl) {
		return errName
	}
	sum, err := hex.DecodeString(entry.SHA256)
	if err != nil || len(sum) != sha256.Size {
		return errSum
	}
	added := known{sum: [sha256.Size]byte(sum), name: entry.Name}
	if added.sum == sha256.Sum256(nil) {
		return errEmpty
	}
	if before, ok := k.byStart[start(&added.sum)]; ok {
		return fmt.Errorf("the key of %q is that of %q, too", entry.Name, before.name)
	}
	if len(k.byStart) == KeysMax {
		return errTooMany
	}
	k.byStart[start(&added.sum)] = added
	return nil
}

func isControl(r rune) bool { return r < ' ' || r == 0x7f }

func start(sum *[sha256.Size]byte) uint64 { return binary.BigEndian.Uint64(sum[:8]) }

// Find is the name of a key that was presented. How long it takes tells nothing of
// other keys: only sums are compared, which a client cannot choose, and the last step
// looks at all bytes. It allocates nothing, and keeps nothing of the key.
func (k *Keys) Find(presented []byte) (name string, ok bool) {
	if len(presented) == 0 || len(presented) > KeyBytesMax {
		return "", false
	}
	sum := sha256.Sum256(presented)
	found := k.byStart[start(&sum)]
	if found.name == "" || subtle.ConstantTimeCompare(found.sum[:], sum[:]) != 1 {
		return "", false
	}
	return found.name, true
}

// Len is how many keys there are.
func (k *Keys) Len() int { return len(k.byStart) }

// bearer is the scheme of RFC 6750 section 2.1, in lower case, with its space.
const bearer = "bearer "

// Bare is the value of an Authorization field without the word Bearer, whose case does
// not matter (RFC 9110 section 11.1), or the value itself. It is a part of value.
func Bare(value []byte) []byte {
	if len(value) < len(bearer) {
		return value
	}
	for i := range len(bearer) {
		if c := value[i]; c != bearer[i] && (c < 'A' || c > 'Z' || c+'a'-'A' != bearer[i]) {
			return value
		}
	}
	value = value[len(bearer):]
	for len(value) > 0 && value[0] == ' ' {
		value = value[1:]
	}
	return value
}
