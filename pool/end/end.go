// Package end is the closed list of ways in which an exchange ends: one word each, whose
// side it was, and how far the exchange had come (Phase). engine/observe has the list with
// what to do. It is a leaf; everybody may import it.
package end

import "iter"

// End is how an exchange ended, as one word of a closed list. The same word stands
// in X-Isame-Error, in the field cause of the access log, and in the label cause
// of isame_ends_total. Words are added and never renamed or used again. All
// methods are pure; the zero value is the good end.
type End uint8

// Ends that are refusals of bytes have the words of package wire: see Of.
const (
	// OK is the good end: an answer was sent whole, whatever its status.
	OK End = iota

	BadRequestLine
	BadMethod
	BadTarget
	BadPath
	TLSOnPlainPort
	HTTP2Preface
	BadLineEnd
	FoldedField
	BadFieldName
	BadFieldValue
	MissingHost
	DuplicateHost
	BadHost
	BadLength
	ConflictingLength
	BadCoding
	TooManyOptions
	ConnectNotAllowed
	TargetTooLong
	UnknownExpectation
	HeaderTooLarge
	TooManyFields
	UnsupportedCoding
	UnsupportedVersion
	ClearTextOnTLSPort
	SlowHeader

	ConnectionLimit
	ConnectionLimitIP
	ConnectionRateIP

	Misdirected
	NoRoute
	MethodNotAllowed

	Denied
	AddressDenied
	Unauthorized
	AuthBusy
	AuthRefused
	AuthUnavailable
	KeysUnavailable
	RateLimited
	RateStoreFailed
	ClientConcurrency
	Maintenance
	FaultInjected
	BodyTooLarge
	ConcurrencyLimit
	QueueFull
	QueueTimeout

	FileNotFound
	FileDenied
	FileFailed

	NoBackend
	NoBackends
	NoBackendEnabled
	NoHealthyBackend
	CircuitOpen
	BackendsBusy

	ConnectRefused
	ConnectTimeout
	ConnectFailed
	TLSFailed
	NoFreeConnection

	ReusedDied
	Reset
	Timeout
	BadResponse
	Outrun
	RetryImpossible
	UpgradeIgnored
	ClientBadBody
	ClientSlow

	Truncated
	ClientGone
	BackendGone
	Idle
	Drained
	InternalError

	// Ends is how many there are.
	Ends
)

// Side says whose doing an end was.
type Side uint8

const (
	// SideNobody is the side of the good end.
	SideNobody Side = iota
	// SideClient means that another backend would have met the same.
	SideClient
	// SideBackend is what counts against a backend.
	SideBackend
	// SideProxy is a limit or a policy of ours, or a race nobody can be blamed for.
	SideProxy
	// SideService is what a stage depends on, beside the backends.
	SideService
)

// String is the value of the label side.
func (s Side) String() string {
	return [...]string{"nobody", "client", "backend", "proxy", "service"}[min(s, SideService)]
}

// Phase says how far an exchange had come at its end. An exchange goes through
// them in this order; a retry goes back to PhasePick.
type Phase uint8

const (
	// PhaseAccept is before the first request of a connection.
	PhaseAccept Phase = iota
	// PhaseRead is until the head of the request is there and checked.
	PhaseRead
	// PhaseRoute is until it is known what becomes of it.
	PhaseRoute
	// PhaseAdmit is the wait for a slot, and what limits ask of the request.
	PhaseAdmit
	// PhasePick is the choice of a backend.
	PhasePick
	// PhaseConnect is until there is a connection to it.
	PhaseConnect
	// PhaseAnswer is from the first byte of the request sent to the head of the
	// answer. The body of the request may be on its way, and for longer.
	PhaseAnswer
	// PhaseRelay is from the first byte of the answer sent to the client to its last.
	PhaseRelay
	// PhaseDone is the phase of the good end.
	PhaseDone
	// PhaseTunnel is after a switch of protocols.
	PhaseTunnel
	// Phases is how many there are.
	Phases
)

// String is the value of the label phase.
func (p Phase) String() string {
	return [...]string{
		"accept", "read", "route", "admit", "pick", "connect", "answer", "relay", "done", "tunnel", "",
	}[min(p, Phases)]
}

// phases is a set of them.
type phases uint16

func in(all ...Phase) (set phases) {
	for _, p := range all {
		set |= 1 << p
	}
	return set
}

// waits are the phases in which a client can leave and a drain can cut.
var waits = in(PhaseRead, PhaseAdmit, PhasePick, PhaseConnect, PhaseAnswer, PhaseRelay, PhaseTunnel)

// listedEnd is what is known of an End.
type listedEnd struct {
	word   string
	side   Side
	phases phases
	text   string // for people: a sentence in ASCII, without percent signs and quotes
}

// endings is the list.
var endings = [Ends]listedEnd{
	OK: {"ok", SideNobody, in(PhaseDone, PhaseTunnel), "The answer was sent whole."},

	BadRequestLine:     {"bad_request_line", SideClient, in(PhaseRead), "The first line is not that of a request."},
	BadMethod:          {"bad_method", SideClient, in(PhaseRead), "The method is not a token."},
	BadTarget:          {"bad_target", SideClient, in(PhaseRead), "The request target is not valid."},
	BadPath:            {"bad_path", SideClient, in(PhaseRoute, PhaseAdmit), "The path has bytes or escapes that are not allowed."},
	TLSOnPlainPort:     {"tls_on_plain_port", SideClient, in(PhaseRead), "TLS was spoken where clear text is expected."},
	HTTP2Preface:       {"http2_preface", SideClient, in(PhaseRead), "HTTP/2 was spoken where HTTP/1.1 is expected."},
	BadLineEnd:         {"bad_line_end", SideClient, in(PhaseRead), "A line does not end as HTTP demands."},
	FoldedField:        {"folded_field", SideClient, in(PhaseRead), "A field line is folded."},
	BadFieldName:       {"bad_field_name", SideClient, in(PhaseRead), "The name of a field is not valid."},
	BadFieldValue:      {"bad_field_value", SideClient, in(PhaseRead), "The value of a field is not valid."},
	MissingHost:        {"missing_host", SideClient, in(PhaseRead), "The Host field is missing."},
	DuplicateHost:      {"duplicate_host", SideClient, in(PhaseRead), "There is more than one Host field."},
	BadHost:            {"bad_host", SideClient, in(PhaseRead, PhaseRoute, PhaseAdmit), "The Host field is not valid."},
	BadLength:          {"bad_content_length", SideClient, in(PhaseRead), "The Content-Length is not valid."},
	ConflictingLength:  {"conflicting_length", SideClient, in(PhaseRead), "The request states its length in two ways."},
	BadCoding:          {"bad_transfer_encoding", SideClient, in(PhaseRead), "The Transfer-Encoding is not valid."},
	TooManyOptions:     {"too_many_connection_options", SideClient, in(PhaseRead), "The Connection field names too many options."},
	ConnectNotAllowed:  {"connect_not_allowed", SideClient, in(PhaseRead), "CONNECT is not allowed here."},
	TargetTooLong:      {"target_too_long", SideClient, in(PhaseRead), "The request target is longer than allowed."},
	UnknownExpectation: {"unknown_expectation", SideClient, in(PhaseRead), "The expectation is not known."},
	HeaderTooLarge:     {"header_too_large", SideClient, in(PhaseRead), "The request header is larger than allowed."},
	TooManyFields:      {"too_many_fields", SideClient, in(PhaseRead), "The request has more fields than allowed."},
	UnsupportedCoding:  {"unsupported_transfer_coding", SideClient, in(PhaseRead), "The transfer coding is not supported."},
	UnsupportedVersion: {"unsupported_version", SideClient, in(PhaseRead), "This version of HTTP is not supported."},
	ClearTextOnTLSPort: {"clear_text_on_tls_port", SideClient, in(PhaseAccept), "Clear text was spoken where TLS is expected."},
	SlowHeader:         {"slow_header", SideClient, in(PhaseRead), "The request header did not arrive in time."},

	ConnectionLimit:   {"connection_limit", SideProxy, in(PhaseAccept), "Too many open connections."},
	ConnectionLimitIP: {"connection_limit_ip", SideProxy, in(PhaseAccept), "Too many open connections from this address."},
	ConnectionRateIP:  {"connection_rate_ip", SideProxy, in(PhaseAccept), "Too many new connections from this address in a second."},

	Misdirected:      {"misdirected_request", SideClient, in(PhaseRoute), "The connection was opened for another host."},
	NoRoute:          {"no_route", SideProxy, in(PhaseRoute), "No route matches this host and path."},
	MethodNotAllowed: {"method_not_allowed", SideProxy, in(PhaseRoute), "This method is not allowed here."},

	Denied:            {"denied", SideProxy, in(PhaseAdmit), "This request is not allowed here."},
	AddressDenied:     {"address_denied", SideProxy, in(PhaseAdmit), "Requests from this address are not allowed here."},
	Unauthorized:      {"unauthorized", SideClient, in(PhaseAdmit), "The request has no credentials that are good here."},
	AuthBusy:          {"auth_busy", SideProxy, in(PhaseAdmit), "Too many credentials are being checked already."},
	AuthRefused:       {"auth_refused", SideProxy, in(PhaseAdmit), "The authentication service has not let the request pass."},
	AuthUnavailable:   {"auth_unavailable", SideService, in(PhaseAdmit), "The authentication service could not be asked."},
	KeysUnavailable:   {"keys_unavailable", SideService, in(PhaseAdmit), "The keys that tokens are checked with could not be had."},
	RateLimited:       {"rate_limited", SideProxy, in(PhaseAdmit), "Too many requests have come in too short a time."},
	RateStoreFailed:   {"rate_store_failed", SideService, in(PhaseAdmit), "The store that requests are counted in could not be asked."},
	ClientConcurrency: {"client_concurrency", SideProxy, in(PhaseAdmit), "As many requests of this client as allowed are in progress."},
	Maintenance:       {"maintenance", SideProxy, in(PhaseAdmit), "The service is down for maintenance."},
	FaultInjected:     {"fault_injected", SideProxy, in(PhaseAdmit), "The fault was injected on purpose."},
	BodyTooLarge:      {"body_too_large", SideClient, in(PhaseAdmit, PhaseAnswer), "The request body is larger than allowed."},
	ConcurrencyLimit:  {"concurrency_limit", SideProxy, in(PhaseAdmit), "As many requests as allowed are in progress."},
	QueueFull:         {"queue_full", SideProxy, in(PhaseAdmit), "Too many requests are waiting already."},
	QueueTimeout:      {"queue_timeout", SideProxy, in(PhaseAdmit), "The request has waited too long for its turn."},

	FileNotFound: {"file_not_found", SideProxy, in(PhaseAdmit), "No file has this name."},
	FileDenied:   {"file_denied", SideProxy, in(PhaseAdmit), "The file of this name is not to be read."},
	FileFailed:   {"file_failed", SideProxy, in(PhaseAdmit, PhaseRelay), "The file could not be read."},

	NoBackend:        {"no_backend", SideBackend, in(PhasePick), "No backend of the pool can take requests now."},
	NoBackends:       {"no_backends", SideProxy, in(PhasePick), "The pool has no backends."},
	NoBackendEnabled: {"no_backend_enabled", SideProxy, in(PhasePick), "No backend of the pool is enabled."},
	NoHealthyBackend: {"no_healthy_backend", SideBackend, in(PhasePick), "No backend of the pool is healthy."},
	CircuitOpen:      {"circuit_open", SideBackend, in(PhasePick), "The backends have failed too often lately."},
	BackendsBusy:     {"backends_busy", SideProxy, in(PhasePick), "All backends have as many requests as they may."},

	ConnectRefused:   {"connect_refused", SideBackend, in(PhaseConnect), "The backend refuses connections."},
	ConnectTimeout:   {"connect_timeout", SideBackend, in(PhaseConnect), "The backend could not be reached in time."},
	ConnectFailed:    {"connect_failed", SideBackend, in(PhaseConnect), "The backend could not be reached."},
	TLSFailed:        {"tls_failed", SideBackend, in(PhaseConnect, PhaseAnswer), "The backend and the proxy could not agree on TLS."},
	NoFreeConnection: {"no_free_connection", SideProxy, in(PhaseConnect), "All connections to the backend are in use."},

	ReusedDied:      {"reused_connection_died", SideProxy, in(PhaseAnswer), "The backend closed the connection before it answered."},
	Reset:           {"reset", SideBackend, in(PhaseAnswer), "The backend broke the connection before it answered."},
	Timeout:         {"timeout", SideBackend, in(PhaseAnswer, PhaseRelay), "The backend did not answer in time."},
	BadResponse:     {"bad_response", SideBackend, in(PhaseAnswer, PhaseRelay), "The backend sent something that is not a valid answer."},
	Outrun:          {"outrun", SideProxy, in(PhaseAnswer), "Another attempt was faster."},
	RetryImpossible: {"retry_impossible", SideBackend, in(PhaseAnswer), "The backend failed, and no other attempt could be made."},
	UpgradeIgnored:  {"upgrade_ignored", SideBackend, in(PhaseAnswer), "The backend has not switched to the protocol that was asked for."},
	ClientBadBody:   {"client_bad_body", SideClient, in(PhaseAnswer, PhaseRelay), "The request body is not framed as HTTP demands."},
	ClientSlow:      {"client_slow", SideClient, in(PhaseAnswer, PhaseRelay), "The request body did not arrive in time."},

	Truncated:     {"truncated", SideBackend, in(PhaseAnswer, PhaseRelay), "The backend broke its answer off."},
	ClientGone:    {"client_gone", SideClient, waits, "The client has left."},
	BackendGone:   {"backend_gone", SideBackend, in(PhaseTunnel), "The backend broke a tunnel off."},
	Idle:          {"idle", SideProxy, in(PhaseTunnel), "A tunnel was silent for too long."},
	Drained:       {"drained", SideProxy, waits, "The proxy is shutting down, or its listener is gone."},
	InternalError: {"internal_error", SideProxy, waits | in(PhaseRoute), "The proxy met an error of its own."},
}

// Word is the name of the end.
func (e End) Word() string { return endings[e].word }

// String is Word.
func (e End) String() string { return endings[e].word }

// Side says whose doing it was.
func (e End) Side() Side { return endings[e].side }

// Text says it in a sentence for people, which fits into a header field and JSON
// as it is.
func (e End) Text() string { return endings[e].text }

// In is the phase an exchange with this end is counted under that had come as far
// as p: p or, where the end has no business there, the next one of its phases, and
// behind the last that one.
func (e End) In(p Phase) Phase {
	last := p
	for at := range e.Under() {
		if at >= p {
			return at
		}
		last = at
	}
	return last
}

// Under are the phases that e is counted under, in their order.
func (e End) Under() iter.Seq[Phase] {
	return func(yield func(Phase) bool) {
		for p := range Phases {
			if endings[e].phases>>p&1 == 1 && !yield(p) {
				return
			}
		}
	}
}

// Of is the end with this word; false where the list has none.
func Of(word string) (End, bool) {
	for e := range Ends {
		if endings[e].word == word {
			return e, true
		}
	}
	return OK, false
}
