package config

// StageBasicAuth asks for a name and a password (RFC 7617).
type StageBasicAuth struct {
	// Users are NAME:HASH, the hash one of bcrypt, argon2id and SHA-crypt as htpasswd and mkpasswd write them.
	Users []Secret `example:"[\"${ENV:ADMIN_USER}\"]" koanf:"users"`
	// UsersFile holds further ones, as htpasswd writes it: NAME:HASH a line. It is read again when it changes.
	UsersFile string `example:".htpasswd" file:"true" koanf:"users_file"`
	// Realm is what browsers show when they ask.
	Realm string `default:"restricted" koanf:"realm"`
	// UserHeader is the field that tells backends the name; what a client sends in it is removed.
	UserHeader string `example:"X-User" koanf:"user_header"`
	// Forward lets the Authorization field go on to the backend.
	Forward bool `koanf:"forward"`
}
