package config

import "time"

// Config is one whole configuration: defaults, file, environment and flags
// merged, validated, and with every reference resolved by name. It is plain
// data, never changed after Load returns it, and may be read by any goroutine.
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

// Size is a number of bytes, written as 512, 16KiB, 10MiB or 1GB.
type Size int64

// Secret is a string that is masked wherever a configuration is printed.
type Secret string

// Listener is one address clients connect to.
type Listener struct {
	// Address is host:port, [v6]:port, :port or unix:/path.sock.
	Address string `koanf:"address"`
	// TLS makes the listener speak HTTPS; absent means clear text.
	TLS *ListenerTLS `koanf:"tls"`
	// HTTP2 offers HTTP/2 by ALPN on a TLS listener.
	HTTP2 bool `koanf:"http2"`
	// H2C accepts HTTP/2 in clear text with prior knowledge.
	H2C bool `koanf:"h2c"`
	// HTTP3 also listens on the same port with QUIC.
	HTTP3 bool `koanf:"http3"`
	// ProxyProtocol is off, accept or require (versions 1 and 2).
	ProxyProtocol string `koanf:"proxy_protocol"`
	// TrustedProxies are the networks whose X-Forwarded-* fields are believed.
	TrustedProxies []string `koanf:"trusted_proxies"`
	// Timeouts bound how long a client may take.
	Timeouts ListenerTimeouts `koanf:"timeouts"`
	// Limits bound what clients may use.
	Limits ListenerLimits `koanf:"limits"`
}

// ListenerTimeouts bound how long a client may take. 0 means no limit.
type ListenerTimeouts struct {
	// Header is the time from the first byte of a request to the end of its header.
	Header time.Duration `koanf:"header"`
	// Body is the longest gap between two reads of a request body.
	Body time.Duration `koanf:"body"`
	// Idle is how long a keep-alive connection may wait for its next request.
	Idle time.Duration `koanf:"idle"`
	// Write is the longest gap between two writes of a response.
	Write time.Duration `koanf:"write"`
}

// ListenerLimits bound what clients may use. 0 means no limit.
type ListenerLimits struct {
	// Connections is the number of open connections.
	Connections int `koanf:"connections"`
	// ConnectionsPerIP is the number of open connections of one client address.
	ConnectionsPerIP int `koanf:"connections_per_ip"`
	// HeaderBytes bounds the request line and header together.
	HeaderBytes Size `koanf:"header_bytes"`
	// BodyBytes bounds a request body.
	BodyBytes Size `koanf:"body_bytes"`
}

// ListenerTLS is how a listener speaks TLS.
type ListenerTLS struct {
	// Certificates are chosen by SNI and reloaded when their files change.
	Certificates []Certificate `koanf:"certificates"`
	// ACME obtains certificates automatically.
	ACME *ACME `koanf:"acme"`
	// MinVersion is "1.2" or "1.3".
	MinVersion string `koanf:"min_version"`
	// ClientAuth asks clients for certificates.
	ClientAuth ClientAuth `koanf:"client_auth"`
}

// Certificate is one pair of PEM files.
type Certificate struct {
	// CertFile holds the certificate chain in PEM.
	CertFile string `koanf:"cert_file"`
	// KeyFile holds the private key in PEM.
	KeyFile string `koanf:"key_file"`
}

// ACME obtains and renews certificates from an ACME server.
type ACME struct {
	// Email is the contact of the account.
	Email string `koanf:"email"`
	// Hosts are the names to obtain certificates for.
	Hosts []string `koanf:"hosts"`
	// Directory is the URL of the ACME directory.
	Directory string `koanf:"directory"`
	// Storage is the folder that keeps account and certificates.
	Storage string `koanf:"storage"`
}

// ClientAuth asks clients for certificates.
type ClientAuth struct {
	// Mode is none, request or require.
	Mode string `koanf:"mode"`
	// CAFile holds the authorities client certificates must chain to.
	CAFile string `koanf:"ca_file"`
}

// Route says which requests it takes and what happens to them.
type Route struct {
	// Listeners are the listeners it serves; empty means all.
	Listeners []string `koanf:"listeners"`
	// Hosts are exact names or "*.example.org"; empty means all.
	Hosts []string `koanf:"hosts"`
	// Path is one exact path.
	Path string `koanf:"path"`
	// PathPrefix is a prefix of whole segments.
	PathPrefix string `koanf:"path_prefix"`
	// PathRegex is an RE2 expression on the normalised path.
	PathRegex string `koanf:"path_regex"`
	// Methods restrict the route; empty means all.
	Methods []string `koanf:"methods"`
	// Headers must all be present with these values.
	Headers map[string]string `koanf:"headers"`
	// Query parameters must all be present with these values.
	Query map[string]string `koanf:"query"`
	// Priority decides between routes that are equally specific; higher wins.
	Priority int `koanf:"priority"`
	// Middleware are names of middleware, run in this order.
	Middleware []string `koanf:"middleware"`
	// Pool is the pool requests are forwarded to.
	Pool string `koanf:"pool"`
	// Split shares requests between pools by weight.
	Split map[string]int `koanf:"split"`
	// Redirect answers with a redirect.
	Redirect *Redirect `koanf:"redirect"`
	// Respond answers with a fixed response.
	Respond *Respond `koanf:"respond"`
	// Mirror copies a share of the requests to another pool.
	Mirror *Mirror `koanf:"mirror"`
	// Timeout bounds the whole exchange until the response header; 0 means no limit.
	Timeout time.Duration `koanf:"timeout"`
	// Retry is when and how often a failed attempt is tried again.
	Retry Retry `koanf:"retry"`
	// Hedge sends a second attempt when the first one is slow.
	Hedge *Hedge `koanf:"hedge"`
}

// Redirect answers with a redirect.
type Redirect struct {
	// To is the location; {scheme}, {host}, {path}, {query} and {uri} are replaced.
	To string `koanf:"to"`
	// Status is 301, 302, 303, 307 or 308.
	Status int `koanf:"status"`
}

// Respond answers with a fixed response.
type Respond struct {
	// Status is the status code, 200 to 599.
	Status int `koanf:"status"`
	// Body is sent as it stands.
	Body string `koanf:"body"`
	// ContentType is the media type of Body.
	ContentType string `koanf:"content_type"`
}

// Mirror copies a share of the requests to another pool and drops the answers.
type Mirror struct {
	// Pool receives the copies.
	Pool string `koanf:"pool"`
	// Percent is the share of requests that is copied.
	Percent float64 `koanf:"percent"`
}

// Retry is when and how often a failed attempt is tried again.
type Retry struct {
	// Attempts is the number of tries in all; 1 is no retry.
	Attempts int `koanf:"attempts"`
	// On lists the causes: connect_failure, reset, timeout, or a status code from 500 to 599.
	On []string `koanf:"on"`
	// Methods may be tried again after something was sent; a connect failure is retried for any method.
	Methods []string `koanf:"methods"`
	// PerTryTimeout bounds one attempt; 0 means only the route's timeout.
	PerTryTimeout time.Duration `koanf:"per_try_timeout"`
	// Backoff is the wait before each further attempt.
	Backoff Backoff `koanf:"backoff"`
	// Budget bounds retries as a share of all requests.
	Budget Budget `koanf:"budget"`
}

// Backoff is an exponential wait with jitter.
type Backoff struct {
	// Initial is the wait before the second attempt.
	Initial time.Duration `koanf:"initial"`
	// Max bounds the wait.
	Max time.Duration `koanf:"max"`
	// Factor multiplies the wait from attempt to attempt.
	Factor float64 `koanf:"factor"`
	// Jitter is the random share of the wait, 0 to 1.
	Jitter float64 `koanf:"jitter"`
}

// Budget bounds retries as a share of all requests.
type Budget struct {
	// Percent of the requests of the last seconds may be retries.
	Percent float64 `koanf:"percent"`
	// MinPerSecond retries are always allowed.
	MinPerSecond int `koanf:"min_per_second"`
}

// Hedge sends a second attempt when the first one is slow; idempotent requests only.
type Hedge struct {
	// After is the wait before the second attempt, or p95 for the route's live value.
	After string `koanf:"after"`
	// Max is the number of additional attempts.
	Max int `koanf:"max"`
}

// Pool is a group of backends that serve the same thing.
type Pool struct {
	// Algorithm chooses a backend for each request.
	Algorithm string `koanf:"algorithm"`
	// HashOn is the key of the hashing algorithms: source_ip, path, header:NAME, cookie:NAME or query:NAME.
	HashOn string `koanf:"hash_on"`
	// Protocol is spoken to the backends: http1, h2, h2c or auto.
	Protocol string `koanf:"protocol"`
	// Backends are the members.
	Backends []Backend `koanf:"backends"`
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
	SlowStart time.Duration `koanf:"slow_start"`
	// PanicThreshold is the percentage of healthy members below which health is ignored.
	PanicThreshold int `koanf:"panic_threshold"`
	// Connections bound what is kept open to each backend.
	Connections PoolConnections `koanf:"connections"`
	// Timeouts bound how long a backend may take.
	Timeouts PoolTimeouts `koanf:"timeouts"`
	// TLS is how the backends are spoken to.
	TLS PoolTLS `koanf:"tls"`
}

// Backend is one member of a pool.
type Backend struct {
	// Address is host:port, [v6]:port or unix:/path.sock.
	Address string `koanf:"address"`
	// Weight is the share of the traffic relative to the others, 0 to 65535; 0 takes nothing new.
	Weight int `koanf:"weight"`
	// Backup members serve only when no other one can.
	Backup bool `koanf:"backup"`
	// Zone is where the backend stands.
	Zone string `koanf:"zone"`
	// MaxRequests bounds the requests in flight; 0 means no limit.
	MaxRequests int `koanf:"max_requests"`
}

// Discovery finds members of a pool.
type Discovery struct {
	// DNS finds members by name.
	DNS *DNS `koanf:"dns"`
}

// DNS finds members by name.
type DNS struct {
	// Name is looked up.
	Name string `koanf:"name"`
	// Type is A, AAAA or SRV.
	Type string `koanf:"type"`
	// Port of the members found; SRV records carry their own.
	Port int `koanf:"port"`
	// Interval is the longest time between two lookups.
	Interval time.Duration `koanf:"interval"`
}

// HealthCheck probes every member of a pool.
type HealthCheck struct {
	// Type is http, tcp or grpc.
	Type string `koanf:"type"`
	// Path is requested by an http probe.
	Path string `koanf:"path"`
	// Interval is the time between two probes of one member.
	Interval time.Duration `koanf:"interval"`
	// Timeout bounds one probe.
	Timeout time.Duration `koanf:"timeout"`
	// HealthyAfter good probes in a row make a member healthy.
	HealthyAfter int `koanf:"healthy_after"`
	// UnhealthyAfter bad probes in a row make it unhealthy.
	UnhealthyAfter int `koanf:"unhealthy_after"`
	// ExpectStatus are codes or ranges that count as good.
	ExpectStatus []string `koanf:"expect_status"`
	// ExpectBody must be contained in the body.
	ExpectBody string `koanf:"expect_body"`
	// ExpectJSON are members of the JSON body (dots descend) that must have these values.
	ExpectJSON map[string]string `koanf:"expect_json"`
}

// CircuitBreaker takes a failing member out of the rotation.
type CircuitBreaker struct {
	// Failures in a row open it.
	Failures int `koanf:"failures"`
	// ErrorPercent of the requests in the window open it.
	ErrorPercent float64 `koanf:"error_percent"`
	// MinRequests in the window before ErrorPercent counts.
	MinRequests int `koanf:"min_requests"`
	// Window is the length of the sliding window.
	Window time.Duration `koanf:"window"`
	// OpenFor is how long it stays open before trial requests.
	OpenFor time.Duration `koanf:"open_for"`
	// HalfOpenRequests may try at the same time, and must succeed to close it.
	HalfOpenRequests int `koanf:"half_open_requests"`
	// MaxEjectedPercent of a pool's members may be open at the same time.
	MaxEjectedPercent int `koanf:"max_ejected_percent"`
}

// Concurrency bounds the requests in flight to a pool.
type Concurrency struct {
	// MaxRequests in flight in the whole pool; 0 means no limit.
	MaxRequests int `koanf:"max_requests"`
	// MaxQueue requests may wait.
	MaxQueue int `koanf:"max_queue"`
	// QueueTimeout bounds the wait.
	QueueTimeout time.Duration `koanf:"queue_timeout"`
	// Adaptive finds the limit from measured latency.
	Adaptive bool `koanf:"adaptive"`
}

// Sticky keeps a client on its backend with a cookie.
type Sticky struct {
	// Cookie is the cookie's name.
	Cookie string `koanf:"cookie"`
	// TTL is the cookie's lifetime.
	TTL time.Duration `koanf:"ttl"`
}

// PoolConnections bound what is kept open to each backend.
type PoolConnections struct {
	// Max open connections to one backend; 0 means no limit.
	Max int `koanf:"max"`
	// Idle connections are closed after this time.
	Idle time.Duration `koanf:"idle"`
	// MaxAge of a connection; 0 means no limit.
	MaxAge time.Duration `koanf:"max_age"`
}

// PoolTimeouts bound how long a backend may take. 0 means no limit.
type PoolTimeouts struct {
	// Connect bounds the establishing of a connection.
	Connect time.Duration `koanf:"connect"`
	// Read is the longest gap between two reads of a response.
	Read time.Duration `koanf:"read"`
	// Write is the longest gap between two writes of a request.
	Write time.Duration `koanf:"write"`
}

// PoolTLS is how a pool speaks TLS to its backends.
type PoolTLS struct {
	// Enabled switches TLS on.
	Enabled bool `koanf:"enabled"`
	// ServerName overrides the name that is verified and sent as SNI.
	ServerName string `koanf:"server_name"`
	// CAFile holds the authorities backends must chain to; empty means the system's.
	CAFile string `koanf:"ca_file"`
	// CertFile is the client certificate.
	CertFile string `koanf:"cert_file"`
	// KeyFile is the client certificate's key.
	KeyFile string `koanf:"key_file"`
	// InsecureSkipVerify accepts any certificate.
	InsecureSkipVerify bool `koanf:"insecure_skip_verify"`
}

// Middleware is one named step; which keys apply depends on its type.
type Middleware struct {
	// Type is rate_limit.
	Type string `koanf:"type"`
	// Rate is the number of requests allowed in Per.
	Rate float64 `koanf:"rate"`
	// Per is the time Rate counts for.
	Per time.Duration `koanf:"per"`
	// Burst is how many requests may come at once.
	Burst int `koanf:"burst"`
	// Key tells clients apart: as hash_on, or route.
	Key string `koanf:"key"`
}

// Admin is the endpoint of the API, the metrics and the dashboard.
type Admin struct {
	// Address is host:port or unix:/path.sock; empty switches the endpoint off.
	Address string `koanf:"address"`
	// Token is asked for by every change; required when Address is not loopback.
	Token Secret `koanf:"token"`
	// TLS makes the endpoint speak HTTPS.
	TLS AdminTLS `koanf:"tls"`
	// AllowedHosts are further Host names that are answered, beside loopback names and the address itself.
	AllowedHosts []string `koanf:"allowed_hosts"`
}

// AdminTLS makes the admin endpoint speak HTTPS.
type AdminTLS struct {
	// CertFile holds the certificate chain in PEM.
	CertFile string `koanf:"cert_file"`
	// KeyFile holds the private key in PEM.
	KeyFile string `koanf:"key_file"`
}

// Log is what the proxy writes about itself and its traffic.
type Log struct {
	// Level is debug, info, warn or error.
	Level string `koanf:"level"`
	// Format is json or text; unset means text on a terminal and json elsewhere.
	Format string `koanf:"format"`
	// Access is the log of finished exchanges.
	Access AccessLog `koanf:"access"`
}

// AccessLog is the log of finished exchanges.
type AccessLog struct {
	// Enabled switches it on.
	Enabled bool `koanf:"enabled"`
	// Sample is the share of exchanges that is logged, 0 to 1.
	Sample float64 `koanf:"sample"`
	// Slow exchanges from this duration on are always logged; 0 means none.
	Slow time.Duration `koanf:"slow"`
}

// Metrics is the Prometheus exposition on the admin endpoint.
type Metrics struct {
	// Enabled switches it on.
	Enabled bool `koanf:"enabled"`
	// Path is where it is served.
	Path string `koanf:"path"`
}

// Tracing exports OpenTelemetry spans.
type Tracing struct {
	// Enabled switches it on.
	Enabled bool `koanf:"enabled"`
	// Endpoint is the base URL of an OTLP/HTTP collector.
	Endpoint string `koanf:"endpoint"`
	// Sample is the share of exchanges that is traced, 0 to 1.
	Sample float64 `koanf:"sample"`
	// ServiceName is the service.name of the spans.
	ServiceName string `koanf:"service_name"`
}

// Shutdown bounds the drain at the end of the process.
type Shutdown struct {
	// Drain is how long exchanges in flight may take to finish.
	Drain time.Duration `koanf:"drain"`
}
