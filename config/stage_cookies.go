package config

// StageCookies changes the cookies of answers.
type StageCookies struct {
	// Set adds cookies, by name, and replaces those of the backend with the same names.
	Set map[string]string `example:"{seen: \"{request_id}\"}" koanf:"set" vars:"answer"`
	// Remove takes away cookies of these names before clients see them.
	Remove []string `example:"[debug]" koanf:"remove"`
	// Path is what all cookies of the answer get as Path; empty leaves it as it is.
	Path string `example:"/" koanf:"path"`
	// Domain is what all cookies of the answer get as Domain; empty leaves it as it is.
	Domain string `example:"example.com" koanf:"domain"`
	// SameSite is what all cookies of the answer get as SameSite; empty leaves it as it is.
	SameSite string `enum:"strict|lax|none" example:"lax" koanf:"same_site"`
	// Secure makes all cookies of the answer Secure.
	Secure bool `koanf:"secure"`
}
