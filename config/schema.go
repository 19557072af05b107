package config

import "time"

// Config is one whole configuration: defaults, file, environment and flags
// merged, validated, and with every reference resolved by name. It is plain
// data, never changed after Load returns it, and may be read by any goroutine.
//
// The tags beside koanf are read by the decoder and by the generator of
// README.md: default (as written in a file; lists by commas), absent (the
// default where the whole section is absent), enum, min, max, positive (not 0),
// required, numbers (a list of text that also takes numbers), file (a path,
// relative to the configuration) and example.
type Config struct {
	// Listeners are the addresses clients connect to, by name.
	Listeners map[string]Listener `koanf:"listeners"`
	// Routes decide what happens to a request, by name; the most specific one wins.
	Routes map[string]Route `koanf:"routes"`
	// Pools are groups of backends that serve the same thing, by name.
	Pools map[string]Pool `koanf:"pools"`
	// Middleware are the named steps a route may put in front of its pool.
	Middleware map[string]Middleware `koanf:"middleware"`
	// Admin is the endpoint of the API, the metrics and the dashboard.
	Admin Admin `koanf:"admin"`
	// Log is what the proxy writes about itself and its traffic.
	Log Log `koanf:"log"`
	// Metrics is the Prometheus exposition on the admin endpoint.
	Metrics Metrics `koanf:"metrics"`
	// Tracing exports OpenTelemetry spans.
	Tracing Tracing `koanf:"tracing"`
	// Shutdown bounds the drain at the end of the process.
	Shutdown Shutdown `koanf:"shutdown"`
}

// Size is a number of bytes, written with its unit: 512B, 16KiB, 10MiB or 1GB.
// KiB, MiB, GiB and TiB count in 1024, kB, MB, GB and TB in 1000.
type Size int64

// Secret is a string that is masked wherever a configuration is printed.
type Secret string

// Listener is one address clients connect to.
type Listener struct {
	// Address is where it listens: host:port, [v6]:port, :port or unix:/path.sock.
	Address string `koanf:"address" required:"true" example:"\":8080\""`
	// TLS makes the listener speak HTTPS; absent means clear text.
	TLS *ListenerTLS `koanf:"tls"`
	// HTTP2 offers HTTP/2 by ALPN on a TLS listener.
	HTTP2 bool `koanf:"http2" default:"true"`
	// H2C accepts HTTP/2 in clear text with prior knowledge.
	H2C bool `koanf:"h2c"`
	// HTTP3 also listens on the same port with QUIC.
	HTTP3 bool `koanf:"http3"`
	// ProxyProtocol says whether clients may or must begin with a PROXY header (version 1 or 2).
	ProxyProtocol string `koanf:"proxy_protocol" default:"off" enum:"off|accept|require"`
	// TrustedProxies are the networks whose X-Forwarded-* fields are believed.
	TrustedProxies []string `koanf:"trusted_proxies" example:"[10.0.0.0/8]"`
	// Timeouts bound how long a client may take.
	Timeouts ListenerTimeouts `koanf:"timeouts"`
	// Limits bound what clients may use.
	Limits ListenerLimits `koanf:"limits"`
}

// ListenerTimeouts bound how long a client may take. 0 means no limit.
type ListenerTimeouts struct {
	// Header is the time from the first byte of a request to the end of its header.
	Header time.Duration `koanf:"header" default:"10s"`
	// Body is the longest gap between two reads of a request body.
	Body time.Duration `koanf:"body" default:"60s"`
	// Idle is how long a keep-alive connection may wait for its next request.
	Idle time.Duration `koanf:"idle" default:"60s"`
	// Write is the longest gap between two writes of a response.
	Write time.Duration `koanf:"write" default:"60s"`
}

// ListenerLimits bound what clients may use. 0 means no limit.
type ListenerLimits struct {
	// Connections is the number of open connections.
	Connections int `koanf:"connections" min:"0"`
	// ConnectionsPerIP is the number of open connections of one client address.
	ConnectionsPerIP int `koanf:"connections_per_ip" min:"0"`
	// HeaderBytes bounds the request line and header together.
	HeaderBytes Size `koanf:"header_bytes" default:"16KiB"`
	// BodyBytes bounds a request body.
	BodyBytes Size `koanf:"body_bytes" example:"10MiB"`
}

// ListenerTLS is how a listener speaks TLS.
type ListenerTLS struct {
	// Certificates are the pairs to choose from by SNI; they are read again when their files change.
	Certificates []Certificate `koanf:"certificates" example:"[{cert_file: a.pem, key_file: a.key}]"`
	// ACME obtains certificates automatically.
	ACME *ACME `koanf:"acme"`
	// MinVersion is the lowest version of TLS that is spoken.
	MinVersion string `koanf:"min_version" default:"1.2" enum:"1.2|1.3"`
	// ClientAuth asks clients for certificates.
	ClientAuth ClientAuth `koanf:"client_auth"`
}

// Certificate is one pair of PEM files.
type Certificate struct {
	// CertFile holds the certificate chain in PEM.
	CertFile string `koanf:"cert_file" required:"true" file:"true" example:"a.pem"`
	// KeyFile holds the private key in PEM.
	KeyFile string `koanf:"key_file" required:"true" file:"true" example:"a.key"`
}

// ACME obtains and renews certificates from an ACME server.
type ACME struct {
	// Email is the contact of the account.
	Email string `koanf:"email" example:"ops@example.com"`
	// Hosts are the names to obtain certificates for.
	Hosts []string `koanf:"hosts" required:"true" example:"[example.com]"`
	// Directory is the URL of the ACME directory.
	Directory string `koanf:"directory" default:"https://acme-v02.api.letsencrypt.org/directory"`
	// Storage is the folder that keeps account and certificates.
	Storage string `koanf:"storage" default:"/var/lib/isame/acme" file:"true"`
}

// ClientAuth asks clients for certificates.
type ClientAuth struct {
	// Mode says whether clients are asked for a certificate.
	Mode string `koanf:"mode" default:"none" enum:"none|request|require"`
	// CAFile holds the authorities client certificates must chain to.
	CAFile string `koanf:"ca_file" file:"true" example:"ca.pem"`
}

// Route says which requests it takes and what happens to them.
type Route struct {
	// Listeners are the listeners it serves; empty means all.
	Listeners []string `koanf:"listeners" example:"[web]"`
	// Hosts are exact names or "*.example.org"; empty means all.
	Hosts []string `koanf:"hosts" example:"[api.example.com, \"*.example.org\"]"`
	// Path is one exact path.
	Path string `koanf:"path" example:"/exact"`
	// PathPrefix is a prefix of whole segments.
	PathPrefix string `koanf:"path_prefix" example:"/api"`
	// PathRegex is an RE2 expression on the normalised path.
	PathRegex string `koanf:"path_regex" example:"\"^/v[0-9]+/\""`
	// Methods are the methods it takes; empty means all.
	Methods []string `koanf:"methods" example:"[GET, POST]"`
	// Headers are fields that must all be present with these values.
	Headers map[string]string `koanf:"headers" example:"{X-Env: canary}"`
	// Query holds parameters that must all be present with these values.
	Query map[string]string `koanf:"query" example:"{debug: \"1\"}"`
	// Priority decides between routes that are equally specific; higher wins.
	Priority int `koanf:"priority" example:"10"`
	// Middleware names the steps in front of the pool, in this order.
	Middleware []string `koanf:"middleware" example:"[limit]"`
	// Pool is the pool requests are forwarded to.
	Pool string `koanf:"pool" example:"api"`
	// Split shares requests between pools by weight.
	Split map[string]int `koanf:"split" min:"0" max:"65535" example:"{api: 95, api-next: 5}"`
	// Redirect answers with a redirect.
	Redirect *Redirect `koanf:"redirect"`
	// Respond answers with a fixed response.
	Respond *Respond `koanf:"respond"`
	// Mirror copies a share of the requests to another pool.
	Mirror *Mirror `koanf:"mirror"`
	// Timeout bounds the whole exchange until the response header; 0 means no limit.
	Timeout time.Duration `koanf:"timeout" default:"30s"`
	// Retry is when and how often a failed attempt is tried again.
	Retry Retry `koanf:"retry"`
	// Hedge sends a second attempt when the first one is slow.
	Hedge *Hedge `koanf:"hedge"`
}

// Redirect answers with a redirect.
type Redirect struct {
	// To is the location; {scheme}, {host}, {path}, {query} and {uri} are replaced.
	To string `koanf:"to" required:"true" example:"\"https://{host}{uri}\""`
	// Status is the status code of the answer.
	Status int `koanf:"status" default:"308" enum:"301|302|303|307|308"`
}

// Respond answers with a fixed response.
type Respond struct {
	// Status is the status code of the answer.
	Status int `koanf:"status" default:"200" min:"200" max:"599"`
	// Body is the text of the answer, sent as it stands.
	Body string `koanf:"body" example:"ok"`
	// ContentType is the media type of the body.
	ContentType string `koanf:"content_type" default:"text/plain"`
}

// Mirror copies a share of the requests to another pool and drops the answers.
type Mirror struct {
	// Pool is the pool that receives the copies.
	Pool string `koanf:"pool" required:"true" example:"shadow"`
	// Percent is the share of requests that is copied.
	Percent float64 `koanf:"percent" default:"1" min:"0" max:"100"`
}

// Retry is when and how often a failed attempt is tried again.
type Retry struct {
	// Attempts is the number of tries in all; 1 is no retry.
	Attempts int `koanf:"attempts" default:"2" min:"1" max:"16"`
	// On lists the causes of another attempt: connect_failure, reset, timeout, or a status code from 500 to 599.
	On []string `koanf:"on" default:"connect_failure,reset,timeout,502,503,504" absent:"connect_failure" numbers:"true"`
	// Methods are those that may be tried again after something was sent; a connect failure is retried for any method.
	Methods []string `koanf:"methods" default:"GET,HEAD,OPTIONS,PUT,DELETE,TRACE"`
	// PerTryTimeout bounds one attempt; 0 means only the route's timeout.
	PerTryTimeout time.Duration `koanf:"per_try_timeout" default:"5s" absent:"0s"`
	// Backoff is the wait before each further attempt.
	Backoff Backoff `koanf:"backoff"`
	// Budget bounds retries as a share of all requests.
	Budget Budget `koanf:"budget"`
	// Default says that every value is the one of a route without a retry section.
	Default bool `koanf:"-"`
}

// Backoff is an exponential wait with jitter.
type Backoff struct {
	// Initial is the wait before the second attempt.
	Initial time.Duration `koanf:"initial" default:"10ms"`
	// Max bounds the wait.
	Max time.Duration `koanf:"max" default:"1s"`
	// Factor multiplies the wait from attempt to attempt.
	Factor float64 `koanf:"factor" default:"2" min:"1" max:"100"`
	// Jitter is the random share of the wait, 0 to 1.
	Jitter float64 `koanf:"jitter" default:"0.5" min:"0" max:"1"`
}

// Budget bounds retries as a share of all requests.
type Budget struct {
	// Percent is the share of the requests of the last seconds that may be retries.
	Percent float64 `koanf:"percent" default:"20" min:"0" max:"100"`
	// MinPerSecond is the number of retries a second that is always allowed.
	MinPerSecond int `koanf:"min_per_second" default:"10" min:"0"`
}

// Hedge sends a second attempt when the first one is slow; idempotent requests only.
type Hedge struct {
	// After is the wait before the second attempt, or p95 for the route's live value.
	After string `koanf:"after" default:"50ms"`
	// Max is the number of additional attempts.
	Max int `koanf:"max" default:"1" min:"1" max:"8"`
}

// Pool is a group of backends that serve the same thing.
type Pool struct {
	// Algorithm chooses a backend for each request.
	Algorithm string `koanf:"algorithm" default:"round_robin" enum:"round_robin|weighted_round_robin|least_connections|p2c|peak_ewma|random|ip_hash|consistent_hash|maglev"`
	// HashOn is the key of the hashing algorithms: source_ip, path, header:NAME, cookie:NAME or query:NAME.
	HashOn string `koanf:"hash_on" default:"source_ip" example:"header:X-User"`
	// Protocol is what the backends are spoken to in; auto finds it out by ALPN.
	Protocol string `koanf:"protocol" default:"http1" enum:"http1|h2|h2c|auto"`
	// Backends are the members.
	Backends []Backend `koanf:"backends" example:"[{address: \"10.0.0.1:8080\"}]"`
	// Discovery finds further members.
	Discovery *Discovery `koanf:"discovery"`
	// HealthCheck probes every member.
	HealthCheck *HealthCheck `koanf:"health_check"`
	// CircuitBreaker takes a failing member out of the rotation; absent means on for connect failures, resets and timeouts alone.
	CircuitBreaker *CircuitBreaker `koanf:"circuit_breaker"`
	// Concurrency bounds the requests in flight.
	Concurrency *Concurrency `koanf:"concurrency"`
	// Sticky keeps a client on its backend with a cookie.
	Sticky *Sticky `koanf:"sticky"`
	// SlowStart raises the share of a new or recovered member over this time.
	SlowStart time.Duration `koanf:"slow_start" default:"0s" example:"30s"`
	// PanicThreshold is the percentage of healthy members below which health is ignored.
	PanicThreshold int `koanf:"panic_threshold" default:"50" min:"0" max:"100"`
	// Connections bound what is kept open to each backend.
	Connections PoolConnections `koanf:"connections"`
	// Timeouts bound how long a backend may take.
	Timeouts PoolTimeouts `koanf:"timeouts"`
	// TLS is how TLS is spoken to the backends.
	TLS PoolTLS `koanf:"tls"`
}

// Backend is one member of a pool.
type Backend struct {
	// Address is where it is reached: host:port, [v6]:port or unix:/path.sock.
	Address string `koanf:"address" required:"true" example:"\"10.0.0.1:8080\""`
	// Weight is the share of the traffic relative to the others; 0 takes nothing new.
	Weight int `koanf:"weight" default:"1" min:"0" max:"65535"`
	// Backup makes it serve only when no other one can.
	Backup bool `koanf:"backup"`
	// Zone is where the backend stands.
	Zone string `koanf:"zone" example:"a"`
	// MaxRequests bounds the requests in flight; 0 means no limit.
	MaxRequests int `koanf:"max_requests" min:"0"`
}

// Discovery finds members of a pool.
type Discovery struct {
	// DNS finds them by name.
	DNS *DNS `koanf:"dns"`
}

// DNS finds members by name.
type DNS struct {
	// Name is the name that is looked up.
	Name string `koanf:"name" required:"true" example:"api.internal"`
	// Type is the type of the records.
	Type string `koanf:"type" default:"A" enum:"A|AAAA|SRV"`
	// Port is the port of the members found; SRV records carry their own.
	Port int `koanf:"port" min:"0" max:"65535" example:"8080"`
	// Interval is the longest time between two lookups.
	Interval time.Duration `koanf:"interval" default:"10s" positive:"true"`
}

// HealthCheck probes every member of a pool.
type HealthCheck struct {
	// Type is how a member is probed.
	Type string `koanf:"type" default:"http" enum:"http|tcp|grpc"`
	// Path is the path an http probe requests.
	Path string `koanf:"path" default:"/health"`
	// Interval is the time between two probes of one member.
	Interval time.Duration `koanf:"interval" default:"5s" positive:"true"`
	// Timeout bounds one probe.
	Timeout time.Duration `koanf:"timeout" default:"1s" positive:"true"`
	// HealthyAfter is the number of good probes in a row that make a member healthy.
	HealthyAfter int `koanf:"healthy_after" default:"2" min:"1" max:"1000"`
	// UnhealthyAfter is the number of bad probes in a row that make it unhealthy.
	UnhealthyAfter int `koanf:"unhealthy_after" default:"3" min:"1" max:"1000"`
	// ExpectStatus are codes or ranges that count as good.
	ExpectStatus []string `koanf:"expect_status" default:"200-299" numbers:"true"`
	// ExpectBody is a text the body must contain.
	ExpectBody string `koanf:"expect_body" example:"ready"`
	// ExpectJSON are members of the JSON body (dots descend) that must have these values.
	ExpectJSON map[string]string `koanf:"expect_json" example:"{status: ok}"`
}

// CircuitBreaker takes a failing member out of the rotation.
type CircuitBreaker struct {
	// Failures is the number of failures in a row that open it.
	Failures int `koanf:"failures" default:"5" min:"1"`
	// ErrorPercent is the share of failed requests in the window that opens it.
	ErrorPercent float64 `koanf:"error_percent" default:"50" min:"1" max:"100"`
	// MinRequests is the number of requests in the window before error_percent counts.
	MinRequests int `koanf:"min_requests" default:"20" min:"1"`
	// Window is the length of the sliding window.
	Window time.Duration `koanf:"window" default:"10s" positive:"true"`
	// OpenFor is how long it stays open before trial requests.
	OpenFor time.Duration `koanf:"open_for" default:"10s" positive:"true"`
	// HalfOpenRequests is how many requests may try at the same time, and must succeed to close it.
	HalfOpenRequests int `koanf:"half_open_requests" default:"3" min:"1"`
	// MaxEjectedPercent is the share of a pool's members that may be out at the same time.
	MaxEjectedPercent int `koanf:"max_ejected_percent" default:"50" min:"0" max:"100"`
}

// Concurrency bounds the requests in flight to a pool.
type Concurrency struct {
	// MaxRequests is the number of requests in flight in the whole pool; 0 means no limit.
	MaxRequests int `koanf:"max_requests" min:"0"`
	// MaxQueue is the number of requests that may wait.
	MaxQueue int `koanf:"max_queue" min:"0"`
	// QueueTimeout bounds the wait.
	QueueTimeout time.Duration `koanf:"queue_timeout" default:"1s"`
	// Adaptive finds the limit from measured latency.
	Adaptive bool `koanf:"adaptive"`
}

// Sticky keeps a client on its backend with a cookie.
type Sticky struct {
	// Cookie is the cookie's name.
	Cookie string `koanf:"cookie" default:"isame"`
	// TTL is the cookie's lifetime.
	TTL time.Duration `koanf:"ttl" default:"1h" positive:"true"`
}

// PoolConnections bound what is kept open to each backend.
type PoolConnections struct {
	// Max is the number of open connections to one backend; 0 means no limit.
	Max int `koanf:"max" default:"1024" min:"0"`
	// Idle is the time after which an unused connection is closed.
	Idle time.Duration `koanf:"idle" default:"90s"`
	// MaxAge is the age at which a connection is retired; 0 means no limit.
	MaxAge time.Duration `koanf:"max_age" default:"0s"`
}

// PoolTimeouts bound how long a backend may take. 0 means no limit.
type PoolTimeouts struct {
	// Connect bounds the establishing of a connection.
	Connect time.Duration `koanf:"connect" default:"2s"`
	// Read is the longest gap between two reads of a response.
	Read time.Duration `koanf:"read" default:"60s"`
	// Write is the longest gap between two writes of a request.
	Write time.Duration `koanf:"write" default:"60s"`
}

// PoolTLS is how a pool speaks TLS to its backends.
type PoolTLS struct {
	// Enabled switches TLS on.
	Enabled bool `koanf:"enabled"`
	// ServerName overrides the name that is verified and sent as SNI.
	ServerName string `koanf:"server_name" example:"api.internal"`
	// CAFile holds the authorities backends must chain to; empty means the system's.
	CAFile string `koanf:"ca_file" file:"true" example:"ca.pem"`
	// CertFile is the client certificate.
	CertFile string `koanf:"cert_file" file:"true" example:"client.pem"`
	// KeyFile is the client certificate's key.
	KeyFile string `koanf:"key_file" file:"true" example:"client.key"`
	// InsecureSkipVerify accepts any certificate.
	InsecureSkipVerify bool `koanf:"insecure_skip_verify"`
}

// Middleware is one named step; which keys apply depends on its type.
type Middleware struct {
	// Type is what the step does.
	Type string `koanf:"type" required:"true" enum:"rate_limit" example:"rate_limit"`
	// Rate is the number of requests that are allowed in the time per.
	Rate float64 `koanf:"rate" default:"100" min:"0"`
	// Per is the time that rate counts for.
	Per time.Duration `koanf:"per" default:"1s" positive:"true"`
	// Burst is how many requests may come at once.
	Burst int `koanf:"burst" default:"200" min:"1"`
	// Key is what clients are told apart by: as hash_on, or route.
	Key string `koanf:"key" default:"source_ip" example:"route"`
}

// Admin is the endpoint of the API, the metrics and the dashboard.
type Admin struct {
	// Address is where it listens: host:port or unix:/path.sock; empty switches the endpoint off.
	Address string `koanf:"address" default:"127.0.0.1:9901"`
	// Token is what every change must present; required when the address is not loopback.
	Token Secret `koanf:"token" example:"${ENV:ISAME_TOKEN}"`
	// TLS makes the endpoint speak HTTPS.
	TLS AdminTLS `koanf:"tls"`
	// AllowedHosts are further Host names that are answered, beside loopback names and the address itself.
	AllowedHosts []string `koanf:"allowed_hosts" example:"[isame.internal]"`
}

// AdminTLS makes the admin endpoint speak HTTPS.
type AdminTLS struct {
	// CertFile holds the certificate chain in PEM.
	CertFile string `koanf:"cert_file" file:"true" example:"admin.pem"`
	// KeyFile holds the private key in PEM.
	KeyFile string `koanf:"key_file" file:"true" example:"admin.key"`
}

// Log is what the proxy writes about itself and its traffic.
type Log struct {
	// Level is the lowest level that is written.
	Level string `koanf:"level" default:"info" enum:"debug|info|warn|error"`
	// Format is the form of a line; unset means text on a terminal and json elsewhere.
	Format string `koanf:"format" enum:"json|text" example:"json"`
	// Access is the log of finished exchanges.
	Access AccessLog `koanf:"access"`
}

// AccessLog is the log of finished exchanges.
type AccessLog struct {
	// Enabled switches it on.
	Enabled bool `koanf:"enabled"`
	// Sample is the share of exchanges that is logged, 0 to 1.
	Sample float64 `koanf:"sample" default:"1" min:"0" max:"1"`
	// Slow exchanges from this duration on are always logged; 0 means none.
	Slow time.Duration `koanf:"slow" default:"0s" example:"500ms"`
}

// Metrics is the Prometheus exposition on the admin endpoint.
type Metrics struct {
	// Enabled switches it on.
	Enabled bool `koanf:"enabled" default:"true"`
	// Path is where it is served.
	Path string `koanf:"path" default:"/metrics"`
}

// Tracing exports OpenTelemetry spans.
type Tracing struct {
	// Enabled switches it on.
	Enabled bool `koanf:"enabled"`
	// Endpoint is the base URL of an OTLP/HTTP collector.
	Endpoint string `koanf:"endpoint" default:"http://127.0.0.1:4318"`
	// Sample is the share of exchanges that is traced, 0 to 1.
	Sample float64 `koanf:"sample" default:"0.01" min:"0" max:"1"`
	// ServiceName is the service.name of the spans.
	ServiceName string `koanf:"service_name" default:"isame-lb"`
}

// Shutdown bounds the drain at the end of the process.
type Shutdown struct {
	// Drain is how long exchanges in flight may take to finish.
	Drain time.Duration `koanf:"drain" default:"30s"`
}
