package passwd

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"hash/maphash"
	"strings"

	"github.com/isame-lb/isame-lb/engine/auth/live"
)

// UsersMax bounds the users of a stage.
const UsersMax = 1_000_000

var (
	errForm     = errors.New("a user is name:hash")
	errName     = fmt.Errorf("a name has no colon, no control character and at most %d bytes", NameBytesMax)
	errTooMany  = fmt.Errorf("there are more than %d users", UsersMax)
	errNobodyIs = errors.New("a name is not empty")
)

// Users are the names that are known, with their hashes. They never change.
type Users struct {
	byName map[string]*user
	all    []*user
	seed   maphash.Seed // see decoy
}

type user struct {
	id   [sha256.Size]byte // of name and hash
	name []byte
	hash hash
}

// NewUsers compiles a list of name:hash, and files with one of them a line. An error of
// the list names its entry, one of a file its line, and none shows a hash.
func NewUsers(list []string, files []live.File) (*Users, error) {
	u := &Users{byName: make(map[string]*user, len(list)), seed: maphash.MakeSeed()}
	for i, text := range list {
		if err := u.add(text); err != nil {
			return nil, fmt.Errorf("users[%d]: %w", i, err)
		}
	}
	for i := range files {
		for line := range files[i].Lines() {
			if err := u.add(string(line.Text)); err != nil {
				return nil, files[i].At(line, err)
			}
		}
	}
	return u, nil
}

func (u *Users) add(text string) error {
	name, hashed, ok := strings.Cut(text, ":")
	switch {
	case !ok:
		return errForm
	case name == "":
		return errNobodyIs
	case len(name) > NameBytesMax || hasControl([]byte(name)):
		return errName
	case u.byName[name] != nil:
		return fmt.Errorf("the user %q is given twice", name)
	case len(u.all) == UsersMax:
		return errTooMany
	}
	h, err := parseHash(hashed)
	if err != nil {
		return fmt.Errorf("cannot use the hash of %q: %w", name, err)
	}
	added := &user{id: sha256.Sum256([]byte(text)), name: []byte(name), hash: h}
	u.byName[name] = added
	u.all = append(u.all, added)
	return nil
}

// Len is how many users there are.
func (u *Users) Len() int { return len(u.all) }

// find is the user of a name, or, with known false, another one whose hash is computed
// in its place: always the same for a name, so that all names cost like those of users.
func (u *Users) find(name []byte) (found *user, known bool) {
	if of := u.byName[string(name)]; of != nil {
		return of, true
	}
	return u.all[maphash.Bytes(u.seed, name)%uint64(len(u.all))], false
}

func hasControl(text []byte) bool {
	for _, c := range text {
		if c < ' ' || c == 0x7f {
			return true
		}
	}
	return false
}
