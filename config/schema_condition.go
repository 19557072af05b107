package config

// Predicates say which requests are meant: those for which all of them hold. One that is
// absent or empty holds for every request.
type Predicates struct {
	// Hosts are exact names, "*.example.org" or "app.*"; a star stands for one label or more.
	Hosts []string `example:"[api.example.com, \"*.example.org\", \"app.*\"]" koanf:"hosts"`
	// HostsRegex are RE2 expressions on the host, in lower case and without a port; one beside hosts that holds is enough.
	HostsRegex []string `example:"[\"^shop[0-9]+\\\\.example\\\\.com$\"]" koanf:"hosts_regex"`
	// Path is one exact path.
	Path string `example:"/exact" koanf:"path"`
	// PathPrefix is a prefix of whole segments.
	PathPrefix string `example:"/api" koanf:"path_prefix"`
	// PathRegex is an RE2 expression on the normalised path.
	PathRegex string `example:"\"^/v[0-9]+/\"" koanf:"path_regex"`
	// Methods are the methods, one of which it must be.
	Methods []string `example:"[GET, POST]" koanf:"methods"`
	// Headers are fields that must all be as said.
	Headers map[string]Match `example:"{X-Env: canary, User-Agent: {regex: bot}}" koanf:"headers" secrets:"true"`
	// Query holds parameters that must all be as said.
	Query map[string]Match `example:"{debug: \"1\"}" koanf:"query" secrets:"true"`
	// ClientIPs are networks, one of which the believed address of the client must be in.
	ClientIPs []string `example:"[10.0.0.0/8]" koanf:"client_ips"`
	// SNI are the names, exact or "*.example.org", one of which the client must have asked for in its TLS handshake.
	SNI []string `example:"[api.example.com]" koanf:"sni"`
	// Protocol lists what the request may come as: http1, h2, h3, and of those grpc and websocket.
	Protocol []string `enum:"http1|h2|h3|grpc|websocket" example:"[websocket]" koanf:"protocol"`
}

// Condition is a section of predicates that must all hold, and of such that must not. In a list of them one has to hold;
// one without predicates does nothing.
type Condition struct {
	Predicates
	// Not are sections of the same predicates; where all of one hold the condition does not. {} does nothing.
	Not []Predicates `example:"{path_prefix: /health}" koanf:"not" single:"true"`
}

// Match is what a header field or a parameter must be like; text is short for {is: text}. Of one that comes more than
// once one value has to be so. Names and values of parameters are compared decoded.
type Match struct {
	// Is is the whole value, which may be empty; "*" takes any, so that it only has to be there.
	Is string `example:"canary" koanf:"is" short:"true"`
	// Regex is an RE2 expression that has to match somewhere in the value.
	Regex string `example:"\"(?i)bot\"" koanf:"regex"`
	// Absent says that it must not be there.
	Absent bool `koanf:"absent"`
}

// Middleware is one named stage. Beside these keys it has those of its type.
type Middleware struct {
	// Type says what the stage does.
	Type string `example:"rate_limit" koanf:"type" required:"true" stage:"true"`
	// When lets the stage run only where a section of the list holds; absent means always. {} does nothing.
	When []Condition `example:"{path_prefix: /api}" koanf:"when" single:"true"`
	// Unless leaves the stage out where a section of the list holds; {} does nothing.
	Unless []Condition `example:"[{client_ips: [10.0.0.0/8]}, {path: /health}]" koanf:"unless" single:"true"`
	// Stage is a pointer to the struct of the type, such as *StageRateLimit, and *StageHandler for one that is registered. It is
	// never nil in what Load returns, and its keys stand beside type.
	Stage any `koanf:"-"`
}

// StageHandler are the keys of a stage that a program of the user's own has registered.
type StageHandler struct {
	// Name is the type.
	Name string `koanf:"-"`
	// Options are the stage's own; any values and names.
	Options map[string]any `example:"{realm: staff}" koanf:"options"`
}

// ClientTLS is how TLS is spoken to a service that a stage asks.
type ClientTLS struct {
	// ServerName is the name that is verified and sent as SNI; empty means the host of the address.
	ServerName string `example:"auth.internal" koanf:"server_name"`
	// CAFile holds the authorities the service must chain to; empty means the system's.
	CAFile string `example:"ca.pem" file:"true" koanf:"ca_file"`
	// CertFile is the certificate, with its chain, that the service is shown when it asks for one.
	CertFile string `example:"client.pem" file:"true" koanf:"cert_file"`
	// KeyFile is that certificate's key.
	KeyFile string `example:"client.key" file:"true" koanf:"key_file"`
	// InsecureSkipVerify accepts any certificate of any name.
	InsecureSkipVerify bool `koanf:"insecure_skip_verify"`
}
