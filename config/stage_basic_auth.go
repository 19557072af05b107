package config

import (
	"slices"
	"strings"
)

// StageBasicAuth asks for a name and a password (RFC 7617).
type StageBasicAuth struct {
	// Users are NAME:HASH, the hash one of bcrypt, argon2id and SHA-crypt as htpasswd and mkpasswd write them.
	Users []Secret `example:"[\"${ENV:ADMIN_USER}\"]" koanf:"users"`
	// UsersFile holds further ones, as htpasswd writes it: NAME:HASH a line. It is read again when it changes,
	// without a reload, and the last good one is kept.
	UsersFile string `example:".htpasswd" file:"live" koanf:"users_file"`
	// Realm is what browsers show when they ask.
	Realm string `default:"restricted" koanf:"realm"`
	// UserHeader is the field that tells backends the name; what a client sends in it is removed, with underscores for hyphens, too.
	UserHeader string `example:"X-User" koanf:"user_header"`
	// Forward lets the Authorization field go on to the backend.
	Forward bool `koanf:"forward"`
}

// check reports what is wrong with the keys.
func (s *StageBasicAuth) check(c *checker, path string) {
	if len(s.Users) == 0 && s.UsersFile == "" {
		c.reportf(path, "lets nobody pass: it needs users or users_file")
	}
	first := map[string]int{}
	for i, user := range s.Users {
		at := indexPath(path+".users", i)
		name, hash, ok := strings.Cut(string(user), ":")
		if !ok || name == "" {
			if !c.broken[at] {
				c.reportf(at, "must be NAME:HASH, as htpasswd -B writes it")
			}
			continue
		}
		if was, twice := first[name]; twice {
			c.reportf(at, "has the name of users[%d]", was)
		}
		first[name] = i
		if why := PasswordHashProblem(hash); why != "" {
			c.reportf(at, "%s", why)
		}
	}
	if strings.ContainsAny(s.Realm, "\"\\") {
		c.reportf(path+".realm", "must not contain a quote or a backslash")
	}
	c.toldField(path+".user_header", s.UserHeader)
}

// PasswordHashProblem says why the hash of a password is none of those that are taken, by what
// it begins with, or "". The message does not show it.
func PasswordHashProblem(hash string) string {
	known := []string{"$2a$", "$2b$", "$2y$", "$argon2id$", "$5$", "$6$"}
	if slices.ContainsFunc(known, func(begin string) bool { return strings.HasPrefix(hash, begin) && len(hash) > len(begin) }) {
		return ""
	}
	what := "no hash that is known"
	for _, other := range []struct{ begin, name string }{
		{"$$", "one with its dollars doubled, as labels of containers need them"},
		{"$apr1$", "apr1-MD5, the default of htpasswd"},
		{"$1$", "MD5"},
		{"{SHA}", "SHA-1"},
		{"{SSHA}", "SHA-1"},
		{"$argon2i$", "argon2i"},
		{"$argon2d$", "argon2d"},
		{"$y$", "yescrypt"},
		{"{PLAIN}", "no hash"},
		{"$2x$", "a broken bcrypt"},
	} {
		if strings.HasPrefix(hash, other.begin) {
			what = other.name
			break
		}
	}
	return "the password's hash is " + what + ": write bcrypt (htpasswd -B), argon2id or SHA-crypt (mkpasswd -m sha-512)"
}
