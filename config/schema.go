package config

import "time"

// Config is one whole configuration: defaults, file, environment and flags
// merged, validated, and with every reference resolved by name. It is plain
// data, never changed after Load returns it, and may be read by any goroutine.
//
// The tags beside koanf are read by the decoder and by the generator of
// README.md: default (as written in a file; lists by commas), absent (the
// default where the whole section is absent), enum, min, max, positive (not 0),
// required, numbers (a list of text that also takes numbers), single (a list for
// which one item may stand), short (text may stand for a section with this key
// alone), stage (a type of middleware), vars (a template with the variables of a request, or of an answer too),
// groups (a template that also names groups of the regular expression beside it), names
// (hosts: the names of this map are host names, which a check of their own looks at), secrets
// (a map whose values are secrets where its names are of such, see isSecretName), refers (its
// texts name objects of that section; of a map, its names do), runs (a program), file
// (a path, relative to the configuration; live where
// whoever uses it reads it again by itself) and example.
type Config struct {
	// Include names further files, which are one configuration with this one: sections are joined name by name, and what
	// is said in two of them is an error. Patterns (*, ? and [) match names of one level but those that begin with a dot;
	// they start at the folder of this file and do not leave it. Included files include none themselves, may be YAML, JSON
	// or TOML each, and name other files from the folder of this one.
	Include []string `example:"[conf.d/*.yaml]" koanf:"include" single:"true"`
	// Zone is where this proxy stands, as in pools.*.backends[].zone; empty means
	// that zones do not matter. ISAME_ZONE sets it.
	Zone string `example:"a" koanf:"zone"`
	// Listeners are the addresses clients connect to, by name.
	Listeners map[string]Listener `koanf:"listeners"`
	// Routes decide what happens to a request, by name; the highest priority wins, then the most specific one.
	Routes map[string]Route `koanf:"routes"`
	// Pools are groups of backends that serve the same thing, by name.
	Pools map[string]Pool `koanf:"pools"`
	// Middleware are the named stages that routes may run.
	Middleware map[string]Middleware `koanf:"middleware"`
	// Defaults are for every route that says nothing else.
	Defaults Defaults `koanf:"defaults"`
	// Admin is the endpoint of the API, the metrics and the dashboard.
	Admin Admin `koanf:"admin"`
	// Log is what the proxy writes about itself and its traffic.
	Log Log `koanf:"log"`
	// Metrics is the Prometheus exposition on the admin endpoint, and the push to an OpenTelemetry collector.
	Metrics Metrics `koanf:"metrics"`
	// Tracing exports OpenTelemetry spans.
	Tracing Tracing `koanf:"tracing"`
	// Recorder keeps in memory what became of the last exchanges.
	Recorder Recorder `koanf:"recorder"`
	// Headroom is what the estimate of how much more load this instance takes is held against.
	Headroom Headroom `koanf:"headroom"`
	// Shutdown bounds the drain at the end of the process.
	Shutdown Shutdown `koanf:"shutdown"`
	// State is what is kept on disk.
	State State `koanf:"state"`
	// Instance is the name of this proxy among those that share a configuration, in `isame-ctl status` and in etcd; empty
	// means the name of the host. ISAME_INSTANCE sets it.
	Instance string `example:"edge-1" koanf:"instance"`
	// Source is where the configuration comes from, where that is not the file alone.
	Source Source `koanf:"source"`
	// ProxyStatus adds a member to the field Proxy-Status (RFC 9209) of every answer: isame-lb with the status that a
	// backend has sent or, in answers of the proxy's own, the type of error of that RFC and, as details, the word of
	// X-Isame-Error.
	ProxyStatus bool `koanf:"proxy_status"`
}

// Size is a number of bytes, written with its unit: 512B, 16KiB, 10MiB or 1GB.
// KiB, MiB, GiB and TiB count in 1024, kB, MB, GB and TB in 1000.
type Size int64

// Secret is a string that is masked wherever a configuration is printed.
type Secret string

// Listener is one address clients connect to.
type Listener struct {
	// Address is where it listens: host:port, [v6]:port, :port or unix:/path.sock.
	Address string `example:"\":8080\"" koanf:"address" required:"true"`
	// TLS makes the listener speak HTTPS; absent means clear text.
	TLS *ListenerTLS `koanf:"tls"`
	// RedirectHTTPS answers every request with a redirect to https, in clear text only.
	RedirectHTTPS *RedirectHTTPS `koanf:"redirect_https"`
	// HTTP2 offers HTTP/2 by ALPN on a TLS listener.
	HTTP2 bool `default:"true" koanf:"http2"`
	// H2C accepts HTTP/2 in clear text with prior knowledge.
	H2C bool `koanf:"h2c"`
	// HTTP3 also listens on the UDP port of the same number, with QUIC, and tells clients so (Alt-Svc).
	HTTP3 bool `koanf:"http3"`
	// ProxyProtocol says whether clients may or must begin with a PROXY header (version 1 or 2).
	ProxyProtocol string `default:"off" enum:"off|accept|require" koanf:"proxy_protocol"`
	// ProxyProtocolFrom are the networks whose PROXY headers are believed; empty means those of trusted_proxies, and
	// private is the word it is there.
	ProxyProtocolFrom []string `example:"[192.0.2.0/24]" koanf:"proxy_protocol_from"`
	// TrustedProxies are the networks whose X-Forwarded-* fields are believed. The word private stands for loopback and
	// the private networks: 127.0.0.0/8, ::1, 10.0.0.0/8, 172.16.0.0/12, 192.168.0.0/16 (RFC 1918) and fc00::/7 (RFC 4193).
	TrustedProxies []string `example:"[10.0.0.0/8]" koanf:"trusted_proxies"`
	// ClientIPHeader is the field in which trusted_proxies say who the client is. X-Forwarded-For is a list, walked from
	// the right past those who are trusted. Any other one, such as CF-Connecting-IP or X-Real-IP, has to be one line with
	// one address; where it is not, or is absent, the client is the peer. With another one X-Forwarded-For is begun anew
	// for backends, with that client and the peer, Forwarded and X-Real-IP are removed, since whoever is believed in one field may
	// pass on what a client has written into these, and the field itself is removed from who is not trusted, on every listener.
	ClientIPHeader string `default:"X-Forwarded-For" example:"CF-Connecting-IP" koanf:"client_ip_header"`
	// Timeouts bound how long a client may take.
	Timeouts ListenerTimeouts `koanf:"timeouts"`
	// Limits bound what clients may use.
	Limits ListenerLimits `koanf:"limits"`
}

// ListenerTimeouts bound how long a client may take. 0 means no limit.
type ListenerTimeouts struct {
	// Header is the time from the first byte of a request to the end of its header.
	Header time.Duration `default:"10s" koanf:"header"`
	// Body is the longest gap between two reads of a request body.
	Body time.Duration `default:"60s" koanf:"body"`
	// Idle is how long a keep-alive connection may wait for its next request.
	Idle time.Duration `default:"60s" koanf:"idle"`
	// Write is the longest gap between two writes of a response.
	Write time.Duration `default:"60s" koanf:"write"`
}

// ListenerLimits bound what clients may use. 0 means no limit.
type ListenerLimits struct {
	// Connections is the number of open connections.
	Connections int `koanf:"connections" min:"0"`
	// ConnectionsPerIP is the number of open connections of one client address.
	ConnectionsPerIP int `koanf:"connections_per_ip" min:"0"`
	// ConnectionRatePerIP is the number of new connections of one client address in a second, all of which may come at
	// once. What is above is closed without an answer. The last 65,536 addresses are remembered; IPv6 counts by /64.
	ConnectionRatePerIP int `koanf:"connection_rate_per_ip" min:"0"`
	// HeaderBytes bounds the request line and header together.
	HeaderBytes Size `default:"16KiB" koanf:"header_bytes"`
	// BodyBytes bounds a request body.
	BodyBytes Size `example:"10MiB" koanf:"body_bytes"`
	// MinRate is how many bytes a second a client has to move while it sends a
	// body or takes an answer. One below it is given up when the time it was
	// waited for in excess adds up to the body or write timeout.
	MinRate Size `default:"100B" koanf:"min_rate"`
}

// Route says which requests it takes and what happens to them.
type Route struct {
	Predicates
	// Listeners are the listeners it serves; empty means all.
	Listeners []string `example:"[web]" koanf:"listeners" refers:"listeners"`
	// Not are sections of the same predicates; where all of one hold the route does not take the request. {} does nothing.
	Not []Predicates `example:"{path_prefix: /health}" koanf:"not" single:"true"`
	// Priority counts before everything else: routes of a higher one are tried first,
	// however specific those of a lower one are.
	Priority int `example:"10" koanf:"priority"`
	// Middleware names the stages that run here, in this order, behind those of defaults.middleware.
	Middleware []string `example:"[limit]" koanf:"middleware" refers:"middleware"`
	// Skip names those of defaults.middleware that do not run here.
	Skip []string `example:"[auth]" koanf:"skip" refers:"middleware"`
	// Pool is the pool requests are forwarded to.
	Pool string `example:"api" koanf:"pool" refers:"pools"`
	// Split shares requests between pools by weight. A request whose pool has nobody to pick goes to another one, by the
	// weights of those that have; a pool of weight 0 takes nothing. Where pools are sticky a client stays in the one that
	// answered it last, whatever the weights, while its backend may serve it.
	Split map[string]int `example:"{api: 95, api-next: 5}" koanf:"split" max:"65535" min:"0" refers:"pools"`
	// SplitOn keeps clients in their pool of split by a part of the request, without a cookie: source_ip, path, header:NAME,
	// cookie:NAME or query:NAME. A change of weights moves no more of them than it has to. A request without that part,
	// and every one where this is empty, is drawn at random. The cookie of a sticky pool comes first.
	SplitOn string `example:"cookie:session" koanf:"split_on"`
	// Files answers with files of a folder.
	Files *Files `koanf:"files"`
	// Redirect answers with a redirect.
	Redirect *Redirect `koanf:"redirect"`
	// Respond answers with a fixed response.
	Respond *Respond `koanf:"respond"`
	// AccessLog writes the requests of this route to log.access. Where it is false none is written, however it ends and
	// however long it takes; metrics count it all the same.
	AccessLog bool `default:"true" koanf:"access_log"`
	// Mirror copies a share of the requests to another pool.
	Mirror *Mirror `koanf:"mirror"`
	// Timeout bounds the whole exchange until the response header; 0 means no limit.
	Timeout time.Duration `default:"30s" koanf:"timeout"`
	// Retry is when and how often a failed attempt is tried again.
	Retry Retry `koanf:"retry"`
	// Hedge sends a second attempt when the first one is slow.
	Hedge *Hedge `koanf:"hedge"`
}

// Redirect answers with a redirect.
type Redirect struct {
	// To is the location: absolute, or beginning with /. What stands for a part of a path never becomes another host.
	To string `example:"\"https://{host}{uri}\"" koanf:"to" required:"true" vars:"request"`
	// Status is the status code of the answer.
	Status int `default:"308" enum:"301|302|303|307|308" koanf:"status"`
}

// Respond answers with a fixed response.
type Respond struct {
	// Status is the status code of the answer.
	Status int `default:"200" koanf:"status" max:"599" min:"200"`
	// Body is the text of the answer, sent as it stands.
	Body string `example:"ok" koanf:"body"`
	// File holds the text of the answer, in place of body. It is read again when it changes.
	File string `example:"maintenance.html" file:"true" koanf:"file"`
	// ContentType is the media type; empty means by the ending of the file, and text/plain for body.
	ContentType string `example:"text/html" koanf:"content_type"`
	// Headers are further fields of the answer.
	Headers map[string]string `example:"{Cache-Control: no-store}" koanf:"headers" secrets:"true" vars:"answer"`
}

// Mirror copies a share of the requests to another pool and drops the answers.
type Mirror struct {
	// Pool is the pool that receives the copies.
	Pool string `example:"shadow" koanf:"pool" refers:"pools" required:"true"`
	// Percent is the share of requests that is copied.
	Percent float64 `default:"1" koanf:"percent" max:"100" min:"0"`
	// Compare counts the copies whose answer has another status or body than the original's.
	Compare bool `koanf:"compare"`
}

// Retry is when and how often a failed attempt is tried again.
type Retry struct {
	// Attempts is the number of tries in all; 1 is no retry.
	Attempts int `default:"2" koanf:"attempts" max:"16" min:"1"`
	// On lists the causes of another attempt: connect_failure, reset, timeout, or a status code from 500 to 599.
	// Without the section a reset counts only before the first byte of an answer.
	On []string `absent:"connect_failure,reset" default:"connect_failure,reset,timeout,502,503,504" koanf:"on" numbers:"true"`
	// Methods are those that may be tried again after something was sent; a connect failure is retried for any method.
	Methods []string `default:"GET,HEAD,OPTIONS,PUT,DELETE,TRACE,QUERY" koanf:"methods"`
	// IdempotencyKey makes a request with an Idempotency-Key field as good as one with a method of the list.
	IdempotencyKey bool `koanf:"idempotency_key"`
	// PerTryTimeout bounds one attempt; 0 means only the route's timeout.
	PerTryTimeout time.Duration `default:"0s" example:"5s" koanf:"per_try_timeout"`
	// Backoff is the wait before each further attempt. Where no other backend is left a Retry-After of up to 1m is
	// waited for as well; an answer that asks for more, or for more than the timeout leaves, goes to the client.
	Backoff Backoff `koanf:"backoff"`
	// Budget bounds retries as a share of all requests.
	Budget Budget `koanf:"budget"`
	// Default says that every value is the one of a route without a retry section.
	Default bool `koanf:"-"`
}

// Backoff is an exponential wait with jitter.
type Backoff struct {
	// Initial is the wait before the second attempt.
	Initial time.Duration `default:"10ms" koanf:"initial"`
	// Max bounds the wait.
	Max time.Duration `default:"1s" koanf:"max"`
	// Factor multiplies the wait from attempt to attempt.
	Factor float64 `default:"2" koanf:"factor" max:"100" min:"1"`
	// Jitter is the random share of the wait, 0 to 1.
	Jitter float64 `default:"0.5" koanf:"jitter" max:"1" min:"0"`
}

// Budget bounds retries as a share of all requests.
type Budget struct {
	// Percent is the share of the requests of the last seconds that may be retries.
	Percent float64 `default:"20" koanf:"percent" max:"100" min:"0"`
	// MinPerSecond is the number of retries a second that is always allowed.
	MinPerSecond int `default:"10" koanf:"min_per_second" min:"0"`
}

// Hedge sends a second attempt when the first one is slow; idempotent requests only.
type Hedge struct {
	// After is the wait before the second attempt, or p95 for the route's live value.
	After string `default:"50ms" koanf:"after"`
	// Max is the number of additional attempts.
	Max int `default:"1" koanf:"max" max:"8" min:"1"`
}

// Pool is a group of backends that serve the same thing.
type Pool struct {
	// Algorithm chooses a backend for each request; a program of your own may register more.
	Algorithm string `default:"round_robin" enum:"round_robin|weighted_round_robin|least_connections|p2c|peak_ewma|random|ip_hash|consistent_hash|maglev" koanf:"algorithm"` //nolint:lll // every algorithm
	// HashOn is the key of the hashing algorithms: source_ip, path, header:NAME, cookie:NAME or query:NAME.
	HashOn string `default:"source_ip" example:"header:X-User" koanf:"hash_on"`
	// Protocol is what the backends are spoken to in; auto finds it out by ALPN.
	Protocol string `default:"http1" enum:"http1|h2|h2c|auto" koanf:"protocol"`
	// Backends are the members.
	Backends []Backend `example:"[{address: \"10.0.0.1:8080\"}]" koanf:"backends"`
	// Discovery finds further members.
	Discovery *Discovery `koanf:"discovery"`
	// HealthCheck probes every member.
	HealthCheck *HealthCheck `koanf:"health_check"`
	// CircuitBreaker takes a failing member out of the rotation; absent means on for connect failures, resets and timeouts alone.
	CircuitBreaker *CircuitBreaker `koanf:"circuit_breaker"`
	// Concurrency bounds the requests in progress.
	Concurrency *Concurrency `koanf:"concurrency"`
	// Sticky keeps a client on its backend with a cookie.
	Sticky *Sticky `koanf:"sticky"`
	// Host is what backends see as Host, also over HTTP/2: keep is what the client has sent, backend the host of each
	// backend's address, with its port unless that is the scheme's own (of a member that was found, discovery.dns.name;
	// of a unix socket, localhost), anything else is taken as it stands. A stage that sets Host wins; X-Forwarded-Host
	// is the client's all the same.
	Host string `default:"keep" example:"backend" koanf:"host"`
	// SlowStart raises the share of a new or recovered member over this time.
	SlowStart time.Duration `default:"0s" example:"30s" koanf:"slow_start"`
	// PanicThreshold is the percentage of healthy members below which health is
	// ignored, as probes that fail everywhere mean a broken probe; members where
	// nobody answers at all, and those whose breaker is open, stay out even so.
	PanicThreshold int `default:"50" koanf:"panic_threshold" max:"100" min:"0"`
	// Connections bound what is kept open to each backend.
	Connections PoolConnections `koanf:"connections"`
	// Limits bound what a backend may send.
	Limits PoolLimits `koanf:"limits"`
	// Timeouts bound how long a backend may take.
	Timeouts PoolTimeouts `koanf:"timeouts"`
	// TLS is how TLS is spoken to the backends.
	TLS PoolTLS `koanf:"tls"`
	// ProxyProtocol makes connections to backends, those of health probes too, begin with a PROXY header of this version,
	// before TLS. Each request has a connection of its own then.
	ProxyProtocol string `default:"off" enum:"off|v1|v2" koanf:"proxy_protocol"`
}

// Backend is one member of a pool.
type Backend struct {
	// Address is where it is reached: host:port, [v6]:port or unix:/path.sock.
	Address string `example:"\"10.0.0.1:8080\"" koanf:"address" required:"true"`
	// Weight is the share of the traffic relative to the others; 0 takes nothing new.
	Weight int `default:"1" koanf:"weight" max:"65535" min:"0"`
	// Backup makes it serve only when no other one can.
	Backup bool `koanf:"backup"`
	// Zone is where the backend stands. Backends in the proxy's own zone (the key
	// zone at the top) take all requests while at least 70 % of the weight they
	// have together may serve; below that all zones share. The other zones, then
	// the backups, take the retries that nobody else is left for.
	Zone string `example:"a" koanf:"zone"`
	// MaxRequests bounds the attempts of this pool in flight; 0 means no limit. When all backends are full a request gets 503, or
	// waits as concurrency says.
	MaxRequests int `koanf:"max_requests" min:"0"`
}

// CircuitBreaker takes a failing member out of the rotation of this pool; other pools that name the same address judge
// for themselves.
type CircuitBreaker struct {
	// Failures is the number of failures in a row that open it.
	Failures int `default:"5" koanf:"failures" min:"1"`
	// ErrorPercent is the share of failed requests in the window that opens it.
	ErrorPercent float64 `default:"50" koanf:"error_percent" max:"100" min:"1"`
	// MinRequests is the number of requests in the window before error_percent counts.
	MinRequests int `default:"20" koanf:"min_requests" min:"1"`
	// Window is the length of the sliding window.
	Window time.Duration `default:"10s" koanf:"window" positive:"true"`
	// OpenFor is how long it stays open before trial requests.
	OpenFor time.Duration `default:"10s" koanf:"open_for" positive:"true"`
	// HalfOpenRequests is how many requests may try at the same time, and must succeed to close it.
	HalfOpenRequests int `default:"3" koanf:"half_open_requests" min:"1"`
	// MaxEjectedPercent is the share of a pool's members that may be out at the same time, rounded down: with the default
	// a single backend is never taken out, which a warning says. 100 allows it; while a backup stands by all may be out.
	MaxEjectedPercent int `default:"50" koanf:"max_ejected_percent" max:"100" min:"0"`
}

// Concurrency bounds the requests in progress in a pool, so that an overload costs
// those that are too many and not all. Each of them counts from its admission to
// the last byte of its answer, however many attempts it needs. What is refused
// gets 503 with Retry-After and one of the causes concurrency_limit, queue_full
// and queue_timeout.
type Concurrency struct {
	// MaxRequests is the number of requests in progress in the whole pool; 0 means no limit, or at most 1000 with adaptive.
	MaxRequests int `koanf:"max_requests" min:"0"`
	// MaxQueue is the number of requests that may wait for their turn, or for a backend below its max_requests. The
	// oldest is served first; while the queue has not been empty for 100ms (or half of queue_timeout) the newest is,
	// waits end after a tenth of queue_timeout, and a full queue drops its oldest.
	MaxQueue int `koanf:"max_queue" min:"0"`
	// QueueTimeout bounds the wait.
	QueueTimeout time.Duration `default:"1s" koanf:"queue_timeout" positive:"true"`
	// Adaptive finds the limit from measured latency: it is raised while answers come about as fast as with few
	// requests in progress, and lowered when they come later. max_requests stays its upper bound.
	Adaptive bool `koanf:"adaptive"`
}

// PoolConnections bound what is kept open to each backend.
type PoolConnections struct {
	// Max is the number of open connections of this pool to one backend; 0 means no limit.
	Max int `default:"1024" koanf:"max" min:"0"`
	// Idle is the time after which an unused connection is closed.
	Idle time.Duration `default:"90s" koanf:"idle"`
	// MaxAge is the age at which a connection is closed, between two exchanges, or takes no new streams over
	// HTTP/2: at random up to a tenth before it, so that not all are made anew at once. 0 means no limit.
	MaxAge time.Duration `default:"0s" koanf:"max_age"`
}

// PoolLimits bound what a backend may send.
type PoolLimits struct {
	// HeaderBytes bounds the status line and header of an answer together, 1KiB to
	// 256KiB. A longer one is answered with 502 (bad_response). Over HTTP/2 each field
	// counts 32 bytes more, as the protocol has it.
	HeaderBytes Size `default:"64KiB" koanf:"header_bytes"`
}

// PoolTimeouts bound how long a backend may take. 0 means no limit.
type PoolTimeouts struct {
	// Connect bounds the establishing of a connection: PROXY header, TLS handshake and the first word of HTTP/2
	// included. An exchange waits no longer for it than its route's timeout and per_try_timeout allow; a connection
	// that comes later is kept for the next.
	Connect time.Duration `default:"2s" koanf:"connect"`
	// Read is the longest gap between two reads of a response. A client that leaves ends the exchange before, also
	// with 0s: at once by a reset, and when the backend has said nothing for 1s where it has closed or ended its half
	// alone; what the backend says until then still goes to it.
	Read time.Duration `default:"60s" koanf:"read"`
	// Write is the longest gap between two writes of a request.
	Write time.Duration `default:"60s" koanf:"write"`
	// Tunnel is how long a connection that was switched to another protocol
	// (WebSocket) may be silent in both directions.
	Tunnel time.Duration `default:"1h" koanf:"tunnel"`
}

// PoolTLS is how a pool speaks TLS to its backends: version 1.2 or 1.3, in requests
// and in health probes. The files are read again when they change; connections are
// made anew then, and what is known of the backends stays.
type PoolTLS struct {
	// Enabled switches TLS on.
	Enabled bool `koanf:"enabled"`
	// ServerName is the name that is verified and sent as SNI; empty means the host of each address, or discovery.dns.name
	// for backends found there. An IP address is verified as such and not sent.
	ServerName string `example:"api.internal" koanf:"server_name"`
	// CAFile holds the authorities backends must chain to; empty means the system's.
	CAFile string `example:"ca.pem" file:"true" koanf:"ca_file"`
	// CertFile is the certificate, with its chain, that backends are shown when they ask for one.
	CertFile string `example:"client.pem" file:"true" koanf:"cert_file"`
	// KeyFile is that certificate's key.
	KeyFile string `example:"client.key" file:"true" koanf:"key_file"`
	// InsecureSkipVerify accepts any certificate of any name: whoever stands in between can read and change everything.
	InsecureSkipVerify bool `koanf:"insecure_skip_verify"`
}

// Admin is the endpoint of the API, the metrics and the dashboard.
type Admin struct {
	// Address is where it listens: host:port or unix:/path.sock; empty switches the endpoint off.
	Address string `default:"127.0.0.1:9901" koanf:"address"`
	// Token is short for one of tokens, of role write, which is called admin.token.
	Token Secret `example:"${ENV:ISAME_TOKEN}" koanf:"token"`
	// Tokens are what requests have to present, each for its role. With any of them, or token, reads and /metrics need one
	// too; /health, /ready and / do not. One is required when the address is not loopback. A unix socket has role write.
	Tokens []AdminToken `example:"[{name: grafana, role: metrics, secret: \"${ENV:GRAFANA_TOKEN}\"}]" koanf:"tokens"`
	// TLS makes the endpoint speak HTTPS.
	TLS AdminTLS `koanf:"tls"`
	// AllowedHosts are further Host names that are answered, beside loopback names and the address itself.
	AllowedHosts []string `example:"[isame.internal]" koanf:"allowed_hosts"`
	// Persist is what becomes of a configuration that is applied over the API: memory ends with the process; state is
	// resumed after a restart, as long as the file holds what it did when it was applied, and needs state.dir; file is
	// written into the configuration file, where that is YAML, includes no others and can be replaced.
	Persist string `default:"memory" enum:"memory|state|file" koanf:"persist"`
	// FileRoots are the folders below which a configuration that is sent over the API may name files, wherever links on the
	// way lead. Files that the running configuration names may stay in any case. The list grows in the file only.
	FileRoots []string `example:"[/etc/isame]" file:"true" koanf:"file_roots"`
	// EnvNames are the variables that a configuration that is sent over the API may refer to as ${ENV:NAME}, beside those
	// of the running one. The list grows in the file only.
	EnvNames []string `example:"[API_TOKEN]" koanf:"env_names"`
	// Dashboard answers GET / of the endpoint with a page for browsers: traffic as it is, and what can be done about it.
	// false leaves a list of the calls there.
	Dashboard bool `default:"true" koanf:"dashboard"`
}

// Log is what the proxy writes about itself and its traffic.
type Log struct {
	// Level is the lowest level that is written.
	Level string `default:"info" enum:"debug|info|warn|error" koanf:"level"`
	// Format is the form of a line; unset means text on a terminal and json elsewhere.
	Format string `enum:"json|text" example:"json" koanf:"format"`
	// Access is the log of finished exchanges.
	Access AccessLog `koanf:"access"`
}

// Shutdown bounds the drain at the end of the process.
type Shutdown struct {
	// Drain is how long exchanges in flight may take to finish. Connections without
	// one stay for a share of it, an eighth to a quarter and at most 5 s: a request
	// that is on its way is answered, with Connection: close.
	Drain time.Duration `default:"30s" koanf:"drain"`
	// Delay is how long everything goes on before the drain begins, while /ready says 503 already: time for a load balancer in front to
	// look elsewhere. A reload that removes a listener does not wait.
	Delay time.Duration `default:"0s" example:"10s" koanf:"delay"`
	// Jitter is the share of the drain, 0 to 1, over which connections are told to close, one after the other: clients that connect anew do
	// not all come to the next proxy at once. 0 tells all of them with their next answer.
	Jitter float64 `default:"0" example:"0.5" koanf:"jitter" max:"1" min:"0"`
}
