package observe

import "github.com/isame-lb/isame-lb/engine/observe/expose"

// Base units, and labels that several families have.
const (
	unitSeconds = "seconds"
	unitBytes   = "bytes"

	labelBackend  = "backend"
	labelCode     = "code"
	labelListener = "listener"
	labelPool     = "pool"
	labelReason   = "reason"
	labelResult   = "result"
	labelRoute    = "route"
)

// The families, in the order in which a scrape and the table of README.md have them.
//
//nolint:gochecknoglobals // read-only table
var (
	familyRequests = expose.Family{
		Name: "isame_requests_total", Kind: expose.Counter, Labels: []string{labelListener, labelRoute, labelCode},
		Help: "Finished exchanges by the status sent to the client; 499: it has left, 0: none. An empty " +
			"route: ended before one was found.",
	}
	familyResponses = expose.Family{
		Name: "isame_responses_total", Kind: expose.Counter, Labels: []string{labelRoute, "class"},
		Help: "Finished exchanges of a route by the class of that status; none: 0. Each is there from the start.",
	}
	familyRequestDuration = expose.Family{
		Name: "isame_request_duration_seconds", Kind: expose.Histogram, Unit: unitSeconds, Labels: []string{labelRoute},
		Help: "Time from the first byte of a request to the last byte of its answer.",
	}
	familyMethods = expose.Family{
		Name: "isame_request_methods_total", Kind: expose.Counter, Labels: []string{"protocol", "method"},
		Help: "Finished exchanges by the version of HTTP and the method of their request; other: a method " +
			"that is none of the known ones.",
	}
	familyPhaseDuration = expose.Family{
		Name: "isame_phase_duration_seconds", Kind: expose.Histogram, Unit: unitSeconds, Labels: []string{"phase"},
		Help: "Time that connections and exchanges have spent in a phase which took some: see below.",
	}
	familyEnds = expose.Family{
		Name: "isame_ends_total", Kind: expose.Counter, Labels: []string{"cause", "side", "phase"},
		Help: "Exchanges, tunnels and refused connections by how they ended, whose doing it was, and how far " +
			"they had come: see below.",
	}
	familyBackendRequests = expose.Family{
		Name: "isame_backend_requests_total", Kind: expose.Counter, Labels: []string{labelPool, labelBackend, labelCode},
		Help: "Attempts by the status a backend answered, 0 when it did not.",
	}
	familyBackendResponses = expose.Family{
		Name: "isame_backend_responses_total", Kind: expose.Counter, Labels: []string{labelPool, labelBackend, "class"},
		Help: "Attempts by the class of that status; none: no answer. Each is there from the start.",
	}
	familyBackendErrors = expose.Family{
		Name: "isame_backend_errors_total", Kind: expose.Counter, Labels: []string{labelPool, labelBackend, "cause"},
		Help: "Attempts that have failed, by the word for it: see below.",
	}
	familyBackendDuration = expose.Family{
		Name: "isame_backend_duration_seconds", Kind: expose.Histogram, Unit: unitSeconds, Labels: []string{labelPool},
		Help: "Duration of the attempts that the backends of a pool have answered, to the head of the answer.",
	}
	familyBackendConnect = expose.Family{
		Name: "isame_backend_connect_seconds", Kind: expose.Summary, Unit: unitSeconds, Labels: []string{labelPool, labelBackend},
		Help: "Time that attempts have waited for a new connection to a backend, TLS included.",
	}
	familyBackendFirstByte = expose.Family{
		Name: "isame_backend_first_byte_seconds", Kind: expose.Summary, Unit: unitSeconds, Labels: []string{labelPool, labelBackend},
		Help: "Time from when an attempt had its connection to the head of the answer.",
	}
	familyBackendUp = expose.Family{
		Name: "isame_backend_up", Kind: expose.Gauge, Labels: []string{labelPool, labelBackend},
		Help: "1 when a backend may be picked now.",
	}
	familyBackendInflight = expose.Family{
		Name: "isame_backend_inflight", Kind: expose.Gauge, Labels: []string{labelPool, labelBackend},
		Help: "Attempts a backend is working on now.",
	}
	familyBackendConnections = expose.Family{
		Name: "isame_backend_connections", Kind: expose.Gauge, Labels: []string{labelPool, labelBackend, "state"},
		Help: "Open connections to a backend: active carry an attempt, idle wait for one.",
	}
	familyBreakerState = expose.Family{
		Name: "isame_breaker_state", Kind: expose.Gauge, Labels: []string{labelPool, labelBackend},
		Help: "Circuit breaker of a backend: 0 closed, 1 half-open, 2 open.",
	}
	familyBreakerTrips = expose.Family{
		Name: "isame_breaker_trips_total", Kind: expose.Counter, Labels: []string{labelPool, labelBackend},
		Help: "How often the circuit breaker of a backend has opened, also again after a trial.",
	}
	familyRetriesMade = expose.Family{
		Name: "isame_retries_total", Kind: expose.Counter, Labels: []string{labelRoute, labelReason},
		Help: "Attempts beyond the first one, by why the one before failed.",
	}
	familyRetriesRefused = expose.Family{
		Name: "isame_retries_refused_total", Kind: expose.Counter, Labels: []string{labelRoute, labelReason},
		Help: "Retries the policy wanted and that were not made, by what stood against them.",
	}
	familyHedges = expose.Family{
		Name: "isame_hedges_total", Kind: expose.Counter, Labels: []string{labelRoute, labelResult},
		Help: "Attempts sent beside a late one: won, lost, failed.",
	}
	familySplitFallbacks = expose.Family{
		Name: "isame_split_fallbacks_total", Kind: expose.Counter, Labels: []string{labelRoute, labelPool},
		Help: "Requests that another pool of the split took, by the pool that was drawn and had nobody.",
	}
	familyShed = expose.Family{
		Name: "isame_shed_total", Kind: expose.Counter, Labels: []string{labelPool, labelReason},
		Help: "Requests refused because of a limit of concurrency.",
	}
	familyQueueLength = expose.Family{
		Name: "isame_queue_length", Kind: expose.Gauge, Labels: []string{labelPool},
		Help: "Requests that wait for their turn.",
	}
	familyQueueWait = expose.Family{
		Name: "isame_queue_wait_seconds", Kind: expose.Histogram, Unit: unitSeconds, Labels: []string{labelPool},
		Help: "Time that requests have waited for their turn, whatever came of it.",
	}
	familyConcurrencyLimit = expose.Family{
		Name: "isame_concurrency_limit", Kind: expose.Gauge, Labels: []string{labelPool},
		Help: "Requests that may be in progress, configured or learned; 0 is no limit.",
	}
	familyConcurrencyInflight = expose.Family{
		Name: "isame_concurrency_inflight", Kind: expose.Gauge, Labels: []string{labelPool},
		Help: "Requests that were let in and have not ended.",
	}
	familyMiddlewareOutcome = expose.Family{
		Name: "isame_middleware_total", Kind: expose.Counter, Labels: []string{"middleware", "outcome"},
		Help: "Requests that came to a stage, by what became of them there: passed, answered, broken (ended " +
			"without an answer), client_left, failed (could not be judged as configured; what was done then is " +
			"counted as well), would_answer (on trial).",
	}
	familyRateLimited = expose.Family{
		Name: "isame_rate_limited_total", Kind: expose.Counter, Labels: []string{"middleware"},
		Help: "Requests refused by a rate limit.",
	}
	familyMirrorRequests = expose.Family{
		Name: "isame_mirror_requests_total", Kind: expose.Counter, Labels: []string{labelRoute, "outcome"},
		Help: "Copies of requests for another pool: answered, failed (no whole answer), and not sent: busy " +
			"(256 of a mirror are under way), too_long (more than 64 KiB with its head), incomplete (the request " +
			"ended before its content had come).",
	}
	familyMirrorCompared = expose.Family{
		Name: "isame_mirror_compared_total", Kind: expose.Counter, Labels: []string{labelRoute, labelResult},
		Help: "Answers to such copies that were compared with those that clients got: same, other_status, other_body.",
	}
	familyConnections = expose.Family{
		Name: "isame_connections", Kind: expose.Gauge, Labels: []string{labelListener, "state"},
		Help: "Open client connections: active carry an exchange, idle wait for one.",
	}
	familyConnectionsAccepted = expose.Family{
		Name: "isame_connections_accepted_total", Kind: expose.Counter, Labels: []string{labelListener},
		Help: "Client connections that were let in, of HTTP/3 too.",
	}
	familyConnectionsFailed = expose.Family{
		Name: "isame_connections_failed_total", Kind: expose.Counter, Labels: []string{labelListener, labelReason},
		Help: "Client connections that ended before their first request.",
	}
	familyTLSHandshakes = expose.Family{
		Name: "isame_tls_handshakes_total", Kind: expose.Counter, Labels: []string{labelListener, "version", "group"},
		Help: "Handshakes with clients that have led to keys, those of QUIC included, by the version of TLS " +
			"and the group of the key exchange; none: TLS 1.2 without one.",
	}
	familyTunnels = expose.Family{
		Name: "isame_tunnels", Kind: expose.Gauge, Labels: []string{labelListener},
		Help: "Open tunnels: WebSocket and other protocols that exchanges were switched to.",
	}
	familyHTTP2Errors = expose.Family{
		Name: "isame_http2_errors_total", Kind: expose.Counter, Labels: []string{labelListener, labelCode},
		Help: "Resets of streams and ends of sessions that clients were sent.",
	}
	familyHTTP3Errors = expose.Family{
		Name: "isame_http3_errors_total", Kind: expose.Counter, Labels: []string{labelListener, labelCode},
		Help: "The same for HTTP/3.",
	}
	familyHTTP3Passed = expose.Family{
		Name: "isame_http3_passed_packets_total", Kind: expose.Counter, Labels: []string{labelListener, labelResult},
		Help: "Packets for connections of HTTP/3 that the process before an upgrade still has: passed to it, " +
			"or lost, as it did not take them in time.",
	}
	familyClientBytes = expose.Family{
		Name: "isame_bytes_total", Kind: expose.Counter, Labels: []string{labelListener, "direction"},
		Help: "Bytes from (in) and to (out) clients, heads included.",
	}
	familyCertificateExpiry = expose.Family{
		Name: "isame_certificate_expiry_seconds", Kind: expose.Gauge, Unit: unitSeconds, Labels: []string{"name"},
		Help: "Seconds until a certificate expires; negative when it has.",
	}
	familyCertificateOrders = expose.Family{
		Name: "isame_certificate_orders_total", Kind: expose.Counter, Labels: []string{"name", labelResult},
		Help: "Attempts to obtain or renew a certificate from an ACME server; result is issued or failed.",
	}
	familyConfigGeneration = expose.Family{
		Name: "isame_config_generation", Kind: expose.Gauge,
		Help: "Number of the configuration that runs, from 1.",
	}
	familyConfigDrift = expose.Family{
		Name: "isame_config_drift", Kind: expose.Gauge,
		Help: "1 where the configuration file holds something else than what runs, else 0.",
	}
	familyConfigReloads = expose.Family{
		Name: "isame_config_reloads_total", Kind: expose.Counter, Labels: []string{labelResult},
		Help: "Finished reloads: applied or rejected.",
	}
	familyLogLinesDropped = expose.Family{
		Name: "isame_log_lines_dropped_total", Kind: expose.Counter, Labels: []string{"log"},
		Help: "Log lines lost because nobody took them in time: access, program.",
	}
	familyTraceSpans = expose.Family{
		Name: "isame_trace_spans_total", Kind: expose.Counter, Labels: []string{labelResult},
		Help: "Spans that a collector has taken: exported; and what was lost: spans that it did not take, and " +
			"exchanges while too many waited for it.",
	}
	familyPushes = expose.Family{
		Name: "isame_metrics_pushes_total", Kind: expose.Counter, Labels: []string{labelResult},
		Help: "Pushes of all metrics by OTLP: exported, or failed, as the collector has not taken all of it in time.",
	}
	familyHeadroom = expose.Family{
		Name: "isame_headroom_ratio", Kind: expose.Gauge,
		Help: "By how many times the present load may grow until the first limit is reached, an estimate: 1 is " +
			"full. Absent while there is too little load to tell.",
	}
	familyHeadroomLimit = expose.Family{
		Name: "isame_headroom_limit_ratio", Kind: expose.Gauge, Labels: []string{"limit"},
		Help: "The same for each kind of limit that can be told, of those of one kind the least.",
	}
	familyBuildInfo = expose.Family{
		Name: "isame_build_info", Kind: expose.Gauge, Labels: []string{"version", "commit", "go_version"},
		Help: "1, with what the running binary was built of.",
	}
)

// families are all of ours but those of `count` stages and of programs: see package custom.
var families = [...]*expose.Family{ //nolint:gochecknoglobals // read-only table
	&familyRequests,
	&familyResponses,
	&familyRequestDuration,
	&familyMethods,
	&familyPhaseDuration,
	&familyEnds,
	&familyBackendRequests,
	&familyBackendResponses,
	&familyBackendErrors,
	&familyBackendDuration,
	&familyBackendConnect,
	&familyBackendFirstByte,
	&familyBackendUp,
	&familyBackendInflight,
	&familyBackendConnections,
	&familyBreakerState,
	&familyBreakerTrips,
	&familyRetriesMade,
	&familyRetriesRefused,
	&familyHedges,
	&familySplitFallbacks,
	&familyShed,
	&familyQueueLength,
	&familyQueueWait,
	&familyConcurrencyLimit,
	&familyConcurrencyInflight,
	&familyMiddlewareOutcome,
	&familyRateLimited,
	&familyMirrorRequests,
	&familyMirrorCompared,
	&familyConnections,
	&familyConnectionsAccepted,
	&familyConnectionsFailed,
	&familyTLSHandshakes,
	&familyTunnels,
	&familyHTTP2Errors,
	&familyHTTP3Errors,
	&familyHTTP3Passed,
	&familyClientBytes,
	&familyCertificateExpiry,
	&familyCertificateOrders,
	&familyConfigGeneration,
	&familyConfigDrift,
	&familyConfigReloads,
	&familyLogLinesDropped,
	&familyTraceSpans,
	&familyPushes,
	&familyHeadroom,
	&familyHeadroomLimit,
	&familyBuildInfo,
}
