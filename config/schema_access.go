package config

import (
	_ "embed"
	"strings"
	"time"
)

// AccessLog is the log of finished exchanges.
type AccessLog struct {
	// Enabled switches it on.
	Enabled bool `koanf:"enabled"`
	// Format is the form of a line: an object of JSON, key=value pairs (logfmt), or the combined format of Apache and
	// nginx. In that one `fields` has no place.
	Format string `default:"json" enum:"json|logfmt|combined" koanf:"format"`
	// Fields are what a line has, in this order; empty means those that engine/observe/README.md marks. It lists
	// all of them. `header.NAME` is a field of the request's head, `cookie.NAME` and `query.NAME` one value of it.
	Fields []string `example:"[time, client, status, path, took_ms]" koanf:"fields"`
	// File is where the lines go; empty means stderr. It is made with mode 0640, and opened again on SIGUSR1. While it cannot be
	// written lines are lost, counted and said.
	File string `example:"/var/log/isame/access.log" file:"true" koanf:"file"`
	// Rotate starts a new file now and then.
	Rotate AccessRotation `koanf:"rotate"`
	// Redact are what is not written down in clear: `***` stands for the value of these fields of a request, and of
	// these parameters of a query (`query:NAME`; `query:*` are all of them), here and in what is recorded or kept of requests
	// in memory.
	Redact []string `default:"Authorization,Cookie,Set-Cookie,query:token" example:"[Authorization, \"query:token\"]" koanf:"redact"`
	// Sample is the share of exchanges that is logged, 0 to 1. Those that were answered with 500 and above, or not
	// answered whole, are logged in any case.
	Sample float64 `default:"1" koanf:"sample" max:"1" min:"0"`
	// Slow exchanges from this duration on are always logged; 0 means none.
	Slow time.Duration `default:"0s" example:"500ms" koanf:"slow"`
}

// AccessRotation starts a new file when the one that is written has grown: FILE becomes FILE.1, that FILE.2, and so on.
// Who uses logrotate needs none of it.
type AccessRotation struct {
	// Size is from which size on; 0 means never.
	Size Size `default:"0" example:"100MiB" koanf:"size"`
	// Keep is how many old files are kept.
	Keep int `default:"5" koanf:"keep" max:"1000" min:"0"`
}

// AccessField is a field of the access log.
type AccessField struct {
	Name string
	// Usual fields are those of a log without log.access.fields.
	Usual bool
	// Text says what it is, for the reference.
	Text string
}

// accessFieldLines has a line for each: its name, usual or asked (for), and what it says.
//
//go:embed access_fields.txt
var accessFieldLines string

// AccessFields are the fields of the access log, in the order of the usual ones.
var AccessFields = func() (all []AccessField) {
	for line := range strings.Lines(accessFieldLines) {
		name, rest, _ := strings.Cut(strings.TrimSuffix(line, "\n"), "\t")
		how, text, _ := strings.Cut(rest, "\t")
		all = append(all, AccessField{name, how == "usual", text})
	}
	return all
}()

// Prefixes of fields of the access log, and of what is redacted, that name something of a request.
const (
	FieldHeader   = "header."
	FieldCookie   = "cookie."
	FieldQuery    = "query."
	RedactedQuery = "query:"
)
