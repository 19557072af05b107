package passwd

import (
	"crypto/sha256"
	"crypto/sha512"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/go-crypt/x/crypt"
	"golang.org/x/crypto/argon2"
	"golang.org/x/crypto/bcrypt"
)

// What a hash may cost at most: about two seconds of a core, and this much memory.
const (
	bcryptCostMax    = 15
	shaRoundsMax     = 1_000_000
	argonMemoryMax   = 256 << 10 // KiB
	argonTimeMax     = 16
	argonThreadsMax  = 8
	argonMemoryTimes = 1 << 20 // KiB times passes
)

// hash is one that a password is compared with.
type hash interface {
	// fits computes for a long time. It looks at every byte of what it compares.
	fits(password []byte) bool
	// threads is how many cores it uses at once.
	threads() int64
}

var (
	errSHA1   = errors.New("SHA-1 without rounds is guessed too fast; use bcrypt, as htpasswd -B writes it")
	errMD5    = errors.New("MD5 (apr1, md5-crypt), the default of htpasswd, is guessed too fast; use bcrypt, as htpasswd -B writes it")
	errYes    = errors.New("yescrypt is not known; use bcrypt, argon2id or SHA-crypt")
	errBuggy  = errors.New("bcrypt 2x is that of a faulty program; use 2y or 2b")
	errArgon  = errors.New("argon2i and argon2d are not known; use argon2id")
	errNone   = errors.New("it is none of bcrypt ($2y$), argon2id ($argon2id$) and SHA-crypt ($5$, $6$); plain text and DES are not accepted")
	errBroken = errors.New("it is cut short or has characters that do not belong to it")
)

// kinds are the beginnings of hashes.
var kinds = []struct {
	prefix string
	parse  func(text string) (hash, error)
}{
	{"$2y$", parseBcrypt},
	{"$2a$", parseBcrypt},
	{"$2b$", parseBcrypt},
	{"$argon2id$", parseArgon},
	{"$5$", parseSHA},
	{"$6$", parseSHA},
	{"$2x$", refuse(errBuggy)},
	{"$argon2", refuse(errArgon)},
	{"$apr1$", refuse(errMD5)},
	{"$1$", refuse(errMD5)},
	{"$y$", refuse(errYes)},
	{"$gy$", refuse(errYes)},
	{"$7$", refuse(errYes)},
	{"{SHA}", refuse(errSHA1)},
	{"{SSHA}", refuse(errSHA1)},
}

func refuse(err error) func(string) (hash, error) {
	return func(string) (hash, error) { return nil, err }
}

func parseHash(text string) (hash, error) {
	for _, k := range kinds {
		if strings.HasPrefix(text, k.prefix) {
			return k.parse(text)
		}
	}
	return nil, errNone
}

// bcryptHash is the text of one. Of a password 72 bytes count.
type bcryptHash []byte

// bcryptBytes is the length of every bcrypt hash.
const bcryptBytes = len("$2y$10$") + 22 + 31

func parseBcrypt(text string) (hash, error) {
	cost, err := bcrypt.Cost([]byte(text))
	const digits = "./ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
	switch {
	case err != nil || len(text) != bcryptBytes || strings.Trim(text[len("$2y$10$"):], digits) != "":
		return nil, errBroken
	case cost > bcryptCostMax:
		return nil, fmt.Errorf("the cost of bcrypt is %d; want at most %d", cost, bcryptCostMax)
	}
	return bcryptHash(text), nil
}

func (h bcryptHash) fits(password []byte) bool {
	return bcrypt.CompareHashAndPassword(h, password) == nil
}

func (h bcryptHash) threads() int64 { return 1 }

// argonHash is one of argon2id.
type argonHash struct {
	memoryKiB, passes uint32
	lanes             uint8
	salt, sum         []byte
}

// parseArgon reads the form of the password hashing competition:
// $argon2id$v=19$m=65536,t=3,p=4$SALT$SUM.
func parseArgon(text string) (hash, error) {
	part := strings.Split(text, "$")
	if len(part) != 6 || part[2] != "v="+strconv.Itoa(argon2.Version) {
		return nil, errBroken
	}
	var h argonHash
	var memory, passes, lanes uint64
	for i, field := range strings.Split(part[3], ",") {
		into := []*uint64{&memory, &passes, &lanes}
		value, ok := strings.CutPrefix(field, []string{"m=", "t=", "p=", ""}[min(i, len(into))])
		if !ok || i >= len(into) {
			return nil, errBroken
		}
		n, err := strconv.ParseUint(value, 10, 32)
		if err != nil {
			return nil, errBroken
		}
		*into[i] = n
	}
	switch {
	case lanes == 0 || passes == 0 || memory < 8*lanes:
		return nil, errBroken
	case memory > argonMemoryMax || passes > argonTimeMax || lanes > argonThreadsMax || memory*passes > argonMemoryTimes:
		return nil, fmt.Errorf("argon2id costs too much: want m up to %d, t up to %d, p up to %d, m times t up to %d",
			argonMemoryMax, argonTimeMax, argonThreadsMax, argonMemoryTimes)
	}
	h.memoryKiB, h.passes, h.lanes = uint32(memory), uint32(passes), uint8(lanes)
	var saltErr, sumErr error
	h.salt, saltErr = base64.RawStdEncoding.Strict().DecodeString(part[4])
	h.sum, sumErr = base64.RawStdEncoding.Strict().DecodeString(part[5])
	if saltErr != nil || sumErr != nil || len(h.salt) < 8 || len(h.salt) > 64 || len(h.sum) < 16 || len(h.sum) > 64 {
		return nil, errBroken
	}
	return &h, nil
}

func (h *argonHash) fits(password []byte) bool {
	sum := argon2.IDKey(password, h.salt, h.passes, h.memoryKiB, h.lanes, uint32(len(h.sum)))
	return subtle.ConstantTimeCompare(sum, h.sum) == 1
}

func (h *argonHash) threads() int64 { return int64(h.lanes) }

// shaHash is one of SHA-crypt, https://www.akkadia.org/drepper/SHA-crypt.txt.
type shaHash struct {
	of256  bool // else SHA-512
	rounds int
	salt   []byte
	sum    []byte // in the digits of crypt
}

func parseSHA(text string) (hash, error) {
	h := shaHash{of256: text[1] == '5', rounds: 5000}
	part := strings.Split(text[len("$5$"):], "$")
	if rounds, given := strings.CutPrefix(part[0], "rounds="); given {
		n, err := strconv.Atoi(rounds)
		switch {
		case err != nil:
			return nil, errBroken
		case n < 1000 || n > shaRoundsMax:
			return nil, fmt.Errorf("SHA-crypt has %d rounds; want 1000 to %d", n, shaRoundsMax)
		}
		h.rounds, part = n, part[1:]
	}
	const digits = "./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
	length := 86
	if h.of256 {
		length = 43
	}
	if len(part) != 2 || len(part[0]) > 16 || hasControl([]byte(part[0])) || len(part[1]) != length || strings.Trim(part[1], digits) != "" {
		return nil, errBroken
	}
	h.salt, h.sum = []byte(part[0]), []byte(part[1])
	return &h, nil
}

func (h *shaHash) fits(password []byte) bool {
	digest := sha512.New
	if h.of256 {
		digest = sha256.New
	}
	return subtle.ConstantTimeCompare(crypt.KeySHACrypt(digest, password, h.salt, h.rounds), h.sum) == 1
}

func (h *shaHash) threads() int64 { return 1 }
