package end

// Types of errors of RFC 9209 section 2.3, the registry of Proxy-Status, as far as an end is
// one.
const (
	typeNotFound        = "destination_not_found"
	typeUnavailable     = "destination_unavailable"
	typeRefused         = "connection_refused"
	typeTerminated      = "connection_terminated"
	typeConnectTimeout  = "connection_timeout"
	typeLimitReached    = "connection_limit_reached"
	typeTLS             = "tls_protocol_error"
	typeRequestError    = "http_request_error"
	typeRequestDenied   = "http_request_denied"
	typeIncomplete      = "http_response_incomplete"
	typeResponseTimeout = "http_response_timeout"
	typeUpgradeFailed   = "http_upgrade_failed"
	typeProtocolError   = "http_protocol_error"
	typeOwnResponse     = "proxy_internal_response"
	typeOwnError        = "proxy_internal_error"
)

// proxyErrors are the types of ends. What ends a tunnel or an attempt alone has none.
var proxyErrors = [Ends]string{
	OK: typeOwnResponse,

	BadRequestLine: typeRequestError, BadMethod: typeRequestError, BadTarget: typeRequestError, BadPath: typeRequestError,
	TLSOnPlainPort: typeRequestError, HTTP2Preface: typeRequestError, BadLineEnd: typeRequestError, FoldedField: typeRequestError,
	BadFieldName: typeRequestError, BadFieldValue: typeRequestError, MissingHost: typeRequestError, DuplicateHost: typeRequestError,
	BadHost: typeRequestError, BadLength: typeRequestError, ConflictingLength: typeRequestError, BadCoding: typeRequestError,
	TooManyOptions: typeRequestError, ConnectNotAllowed: typeRequestError, TargetTooLong: typeRequestError,
	UnknownExpectation: typeRequestError, HeaderTooLarge: typeRequestError, TooManyFields: typeRequestError,
	UnsupportedCoding: typeRequestError, UnsupportedVersion: typeRequestError,
	ClearTextOnTLSPort: typeRequestError, SlowHeader: typeRequestError,

	ConnectionLimit: typeRequestDenied, ConnectionLimitIP: typeRequestDenied, ConnectionRateIP: typeRequestDenied,

	Misdirected: typeRequestError, NoRoute: typeNotFound, MethodNotAllowed: typeRequestDenied,

	Denied: typeRequestDenied, AddressDenied: typeRequestDenied, Unauthorized: typeRequestDenied, AuthBusy: typeRequestDenied,
	AuthRefused: typeRequestDenied, AuthUnavailable: typeOwnError, KeysUnavailable: typeOwnError, RateLimited: typeRequestDenied,
	RateStoreFailed: typeOwnError, ClientConcurrency: typeRequestDenied, Maintenance: typeOwnResponse, FaultInjected: typeOwnResponse,
	BodyTooLarge: typeRequestError, ConcurrencyLimit: typeUnavailable, QueueFull: typeUnavailable, QueueTimeout: typeUnavailable,

	FileNotFound: typeNotFound, FileDenied: typeRequestDenied, FileFailed: typeOwnError,

	NoBackend: typeUnavailable, NoBackends: typeUnavailable, NoBackendEnabled: typeUnavailable, NoHealthyBackend: typeUnavailable,
	CircuitOpen: typeUnavailable, BackendsBusy: typeLimitReached,

	ConnectRefused: typeRefused, ConnectTimeout: typeConnectTimeout, ConnectFailed: typeUnavailable, TLSFailed: typeTLS,
	NoFreeConnection: typeLimitReached,

	ReusedDied: typeTerminated, Reset: typeTerminated, Timeout: typeResponseTimeout, BadResponse: typeProtocolError,
	RetryImpossible: typeUnavailable, UpgradeIgnored: typeUpgradeFailed, ClientBadBody: typeRequestError, ClientSlow: typeRequestError,

	Truncated: typeIncomplete, ClientGone: typeRequestError, Drained: typeOwnResponse, InternalError: typeOwnError,
}

// ProxyError is the type of the end in Proxy-Status (RFC 9209): what the parameter error
// says of an answer that the proxy makes. Empty is none.
func (e End) ProxyError() string { return proxyErrors[e] }
