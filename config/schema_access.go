package config

import "time"

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

// AccessFields are the fields of the access log, in the order of the usual ones.
var AccessFields = []AccessField{
	{"level", true, "always `info`, whatever `log.level` says"},
	{"log", true, "always `access`"},
	{"client", true, "the address that is believed: the peer, or whom `trusted_proxies` name by `client_ip_header`"},
	{"peer", true, "who has opened the connection, or whom a PROXY header names"},
	{"request_id", true, "`X-Request-Id` as the backend got it; where no backend was asked, that of a trusted peer"},
	{"method", true, "of the request, as it came; left out, as all that a head says, where its head was refused"},
	{"host", true, "of the request, as it came"},
	{"target", true, "of the request, as it came, with its query"},
	{"status", true, "sent to the client; 499 and 503 with `cause` `client_gone` and `drained` were sent to nobody"},
	{"took_ms", true, "from the first byte of the request to the end of the exchange"},
	{"backend_ms", true, "from the begin of the last attempt, its connect included, to the head of its answer"},
	{"bytes_in", true, "from the client, heads included"},
	{"bytes_out", true, "to the client, heads included"},
	{"listener", true, "the listener's name"},
	{"protocol", true, "HTTP/1.0, HTTP/1.1, HTTP/2 or HTTP/3"},
	{"route", true, "the route's name; left out where none was found"},
	{"pool", true, "of the last attempt"},
	{"backend", true, "of the last attempt"},
	{"attempts", true, "how many there were"},
	{"no_retry", true, "why a retry that the policy wanted was not made: body, budget, deadline"},
	{"tunnel", true, "`true` on the line of a tunnel's end, whose bytes and time are the tunnel's"},
	{"cause", true, "how it ended, a word of the list below; left out for `ok`"},
	{"time", true, "when the line was written"},
	{"side", false, "whose doing the end was: client, backend, proxy, service; left out for `ok`"},
	{"phase", false, "how far the exchange had come"},
	{"path", false, "of the request, as it came, without its query"},
	{"query", false, "of the request, as it came"},
	{"user_agent", false, "the field User-Agent"},
	{"referer", false, "the field Referer"},
	{"scheme", false, "http or https, as it is believed: of the connection, or what a trusted proxy says"},
	{"tls", false, "the version of TLS: 1.2, 1.3; left out in clear text"},
	{"cipher", false, "the cipher suite of TLS"},
	{"sni", false, "the name that the client asked for in its TLS handshake"},
	{"trace_id", false, "that of the request's `traceparent`, where it is valid"},
	{"generation", false, "of the configuration that the exchange ran with"},
	{"read_ms", false, "until the head of the request was there"},
	{"body_ms", false, "what was waited for its content"},
	{"admit_ms", false, "stages, and the wait for a place, before a backend was asked"},
	{"retry_ms", false, "attempts whose answer was not taken"},
	{"pause_ms", false, "between attempts"},
	{"connect_ms", false, "until the last attempt had a connection"},
	{"answer_ms", false, "from then to the head of its answer"},
	{"relay_ms", false, "what was waited for the rest of the answer"},
	{"send_ms", false, "what the answer was on its way to the client"},
	{"own_ms", false, "an answer of the proxy's own, until the client had it"},
}

// Prefixes of fields of the access log, and of what is redacted, that name something of a request.
const (
	FieldHeader   = "header."
	FieldCookie   = "cookie."
	FieldQuery    = "query."
	RedactedQuery = "query:"
)
