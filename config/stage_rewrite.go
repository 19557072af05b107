package config

// StageRewrite changes the path that backends see, octet for octet what it leaves alone. The route is found before.
type StageRewrite struct {
	// StripPrefix is taken from the front of the path, by whole segments; /a without /a is /. Backends are told of it by X-Forwarded-Prefix.
	StripPrefix string `example:"/api" koanf:"strip_prefix"`
	// AddPrefix is put in front of the path.
	AddPrefix string `example:"/v1" koanf:"add_prefix" vars:"request"`
	// Regex is an RE2 expression on the path without the query; one that does not match leaves the path unchanged.
	Regex string `example:"\"^/user/([0-9]+)$\"" koanf:"regex"`
	// With is what the whole path becomes; $1 and ${1} are groups of regex. A ? begins a query, which takes the place of the old one.
	With string `example:"/users/$1/profile" koanf:"with" vars:"request"`
	// Host is what backends see as Host; empty leaves it as it is.
	Host string `example:"app.internal" koanf:"host" vars:"request"`
	// Answers puts the prefix back into Location, Refresh and the Path of cookies.
	Answers bool `koanf:"answers"`
}
