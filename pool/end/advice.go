package end

// advice is what to do about an end, in a sentence or two for whoever runs the proxy. The
// good end has none.
var advice = [Ends]string{
	BadRequestLine: "Look at the client: it does not speak HTTP/1.1, or sends bytes behind its request that belong to none.",
	BadMethod:      "Look at the client: a method is letters, digits and a few signs, at most 32 of them.",
	BadTarget:      "Look at the client: a target has no spaces, control bytes or raw #; it has to escape them.",
	BadPath: "Look at the client: its path has a backslash, control bytes, broken escapes, or a dot segment that " +
		"backends read in different ways.",
	TLSOnPlainPort: "The client uses https on a port for clear text: mend its URL, or give the listener a tls section.",
	HTTP2Preface:   "The client speaks HTTP/2 without asking: set listeners.*.h2c, or have it use https.",
	BadLineEnd:     "Look at the client: lines end with CR LF, and neither stands alone. It may be an attempt to smuggle a request.",
	FoldedField:    "Look at the client: a field must stand on one line.",
	BadFieldName:   "Look at the client: names of fields have no spaces, and none before the colon.",
	BadFieldValue:  "Look at the client: values of fields have no control bytes.",
	MissingHost:    "Look at the client: HTTP/1.1 demands a Host field. Old health checks and scanners send none.",
	DuplicateHost:  "Look at the client, or at a proxy in front that adds a second Host.",
	BadHost:        "Look at the client: Host is a name or an address, and maybe a port.",
	BadLength:      "Look at the client: Content-Length is one number, given once.",
	ConflictingLength: "Look at the client: Content-Length and Transfer-Encoding must not stand together. It may be an " +
		"attempt to smuggle a request.",
	BadCoding:          "Look at the client: Transfer-Encoding is chunked, and nothing else. It may be an attempt to smuggle a request.",
	TooManyOptions:     "Look at the client: its Connection field names more than any client needs.",
	ConnectNotAllowed:  "Somebody takes this for a forward proxy. Nothing has to be done.",
	TargetTooLong:      "The URL is too long for listeners.*.limits.header_bytes: raise it, or have the client send a body.",
	UnknownExpectation: "Look at the client: Expect may say 100-continue alone.",
	HeaderTooLarge:     "Raise listeners.*.limits.header_bytes if the request is meant. Cookies are what grows most often.",
	TooManyFields:      "Look at the client: no honest one sends so many fields.",
	UnsupportedCoding:  "Look at the client: bodies may be chunked, and not coded otherwise.",
	UnsupportedVersion: "Look at the client: HTTP/1.0, HTTP/1.1, HTTP/2 and HTTP/3 are spoken.",
	ClearTextOnTLSPort: "The client uses http on a port for TLS: mend its URL, or add a listener with redirect_https.",
	SlowHeader:         "The client or its network is slow, or holds connections on purpose: listeners.*.timeouts.header is the bound.",

	ConnectionLimit:   "Raise listeners.*.limits.connections if the machine can take more, or look who holds so many.",
	ConnectionLimitIP: "Raise listeners.*.limits.connections_per_ip if many clients share that address.",
	ConnectionRateIP: "Raise listeners.*.limits.connection_rate_per_ip if many clients share that address, or have the " +
		"client keep its connections.",

	Misdirected:      "The client has used a connection for another host, whose TLS settings differ. It asks again on a new one by itself.",
	NoRoute:          "Add a route for this host and path, or mend the client's URL. isame-ctl routes shows what there is.",
	MethodNotAllowed: "TRACE and CONNECT are answered by nobody here. Nothing has to be done.",

	Denied: "A stage of type deny has refused it: look at its when and unless if that was not meant.",
	AddressDenied: "A stage of type ip_filter has refused the address: look at its lists, and at trusted_proxies if the " +
		"address is that of a proxy in front.",
	Unauthorized:      "The client has to send credentials that the stage of its route knows. Look whether they have expired.",
	AuthBusy:          "Many credentials come at once: each costs time to check. Look who sends them; limit them by rate_limit in front.",
	AuthRefused:       "The service of forward_auth has said no: its log says why.",
	AuthUnavailable:   "Look at the service of forward_auth: it did not answer within the stage's timeout.",
	KeysUnavailable:   "Look at jwks_url: the keys could not be fetched, or have expired since.",
	RateLimited:       "Raise rate or burst of the rate_limit stage if that client may send so much.",
	RateStoreFailed:   "Look at the Redis of the rate_limit stage; on_failure says what happens meanwhile.",
	ClientConcurrency: "Raise max_requests of the concurrency_limit stage if that client may have so many at once.",
	Maintenance:       "A stage of type maintenance is on. Switch it off when the work is done.",
	FaultInjected:     "A stage of type fault has done it on purpose. Take it out when the trial is over.",
	BodyTooLarge:      "Raise body_bytes of the listener's limits, or of a buffer_limit stage, if such bodies are meant.",
	ConcurrencyLimit:  "The pool has as many requests as its concurrency allows: add backends, let it queue, or raise max_requests.",
	QueueFull:         "More wait than pools.*.concurrency.max_queue allows: add backends, or find out why they are slow.",
	QueueTimeout:      "Requests wait longer than pools.*.concurrency.queue_timeout: add backends, or find out why they are slow.",

	FileNotFound: "Put the file there, or set routes.*.files.fallback.",
	FileDenied:   "Hidden files and those outside of the folder are not served. Mend its rights if it is meant.",
	FileFailed:   "The disk, or the file's rights: the program's log says what the system says.",

	NoBackend:        "Look at isame-ctl pools: it says of each backend why it takes nothing.",
	NoBackends:       "Give the pool backends, or find out why discovery has found none: isame-ctl pools NAME says so.",
	NoBackendEnabled: "All were drained or disabled, or have weight 0: isame-ctl backends enable ADDRESS.",
	NoHealthyBackend: "Look at the backends: isame-ctl pools NAME shows their last probes. panic_threshold decides when health is ignored.",
	CircuitOpen:      "The backends have failed in a row. Look at their failures before: isame-ctl why --pool NAME --status 5xx.",
	BackendsBusy:     "Every backend has its max_requests: add backends, raise it, or let requests wait by concurrency.max_queue.",

	ConnectRefused: "Nobody listens at the backend's address: start it, or mend the address. A health check would have taken it out.",
	ConnectTimeout: "The backend's machine or the network drops packets, or its queue of connections is full: look at " +
		"firewalls and at its load.",
	ConnectFailed: "Look whether the name resolves and the network leads there; the program may also be out of ports or descriptors.",
	TLSFailed: "isame-ctl pools NAME has tls_error, which says why: a certificate that has expired, another name, " +
		"an authority that is missing.",
	NoFreeConnection: "Raise pools.*.connections.max, add backends, or find out why they are slow.",

	ReusedDied: "The backend closes idle connections sooner than pools.*.connections.idle: set that below its " +
		"keep-alive time. A request that may be repeated is, and is never seen.",
	Reset: "The backend has crashed or was restarted, or refuses such a request: look at its log at that time.",
	Timeout: "The backend is slow or stuck: look at its log at that time. routes.*.timeout and " +
		"pools.*.timeouts.read are the bounds.",
	BadResponse:     "Look at the backend's answer: what it sends is not HTTP, or its head is larger than pools.*.limits.header_bytes.",
	Outrun:          "Nothing: the answer of another attempt was taken.",
	RetryImpossible: "The answer was one that the route repeats, and that could not be done: look at the backend that gave it.",
	UpgradeIgnored:  "The backend does not speak WebSocket there: mend its path, or the pool.",
	ClientBadBody:   "Look at the client: its chunks, or the length of its body, are wrong.",
	ClientSlow:      "The client or its network is slow: listeners.*.timeouts.body and limits.min_rate are the bounds.",

	Truncated: "The backend has broken its answer off: it has crashed, or a timeout of its own has struck. Look at " +
		"its log at that time.",
	ClientGone:    "The client did not wait: it gave up, or its user went on. Look at how long the answer took.",
	BackendGone:   "The backend has dropped a WebSocket without a close frame: it was restarted, or has crashed.",
	Idle:          "Nobody has said anything for pools.*.timeouts.tunnel: raise it, or have the application send pings.",
	Drained:       "The proxy was stopped or its listener was taken out. shutdown.drain is how long exchanges may take then.",
	InternalError: "This is a bug of the proxy: its log has the stack. Please report it.",
}

// Advice is what to do about the end; empty for the good one.
func (e End) Advice() string { return advice[e] }
