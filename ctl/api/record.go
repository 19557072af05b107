package api

import "time"

// Record is what the recorder keeps of one exchange, or of a tunnel, that has ended.
type Record struct {
	// RequestID is X-Request-Id as the backend got it; where no backend was asked, that of a trusted peer. It is not unique
	// where clients choose it.
	RequestID string `json:"request_id,omitempty"`
	// RequestIDCut says that the id is longer: 16 bytes of it are kept. It is found by these, and by the whole.
	RequestIDCut bool `json:"request_id_cut,omitempty"`
	// Started is when the first byte of the request came.
	Started time.Time `json:"started"`
	// TookMS is from then to the last byte of the answer, or to the end of the tunnel.
	TookMS float64 `json:"took_ms"`
	// ReadMS is how long the head of the request took to come; absent where it came at once.
	ReadMS float64 `json:"read_ms,omitempty"`
	// AdmitMS is how long it was until the first attempt began: stages, and the wait for a place.
	AdmitMS float64 `json:"admit_ms,omitempty"`
	// BodyWaitMS is what was waited for the client to send the content of its request, to a seventh of the time until the answer
	// began; SendWaitMS what the answer was on its way to it, to a fifteenth of the time from then on.
	BodyWaitMS float64 `json:"body_wait_ms,omitempty"`
	SendWaitMS float64 `json:"send_wait_ms,omitempty"`

	// Generation is the configuration it was served by. Listener, Route and Pool are names in that one; empty where it did not come so far.
	Generation uint64 `json:"generation"`
	Listener   string `json:"listener"`
	Route      string `json:"route,omitempty"`
	Pool       string `json:"pool,omitempty"`
	// Backend is the address of the one that answered or, where none has, that was asked last.
	Backend string `json:"backend,omitempty"`

	// Client is the address that is believed; empty for a unix socket.
	Client string `json:"client,omitempty"`
	// Protocol is HTTP/1.0, HTTP/1.1, HTTP/2 or HTTP/3; TLS says whether it was spoken over TLS.
	Protocol string `json:"protocol"`
	TLS      bool   `json:"tls"`
	// Tunnel says that it was switched to another protocol, and that this has ended.
	Tunnel bool `json:"tunnel,omitempty"`
	// Method, Host and Path are those of the request, as they came; empty where its head was refused. The query is not kept.
	Method string `json:"method"`
	Host   string `json:"host"`
	// HostCut says that the host is longer: 32 bytes of it are kept.
	HostCut bool   `json:"host_cut,omitempty"`
	Path    string `json:"path"`
	// PathCut says that the path is longer: 64 bytes of it are kept.
	PathCut bool `json:"path_cut,omitempty"`

	// Status is what the client was sent; 499 and 0 were sent to nobody.
	Status int `json:"status"`
	// Cause is how it ended, a word of the closed list of ends, with whose doing it was and how far it had come.
	Cause string `json:"cause"`
	Side  string `json:"side"`
	Phase string `json:"phase"`
	// Meaning says the cause in a sentence, Advice what to do about it.
	Meaning string `json:"meaning"`
	Advice  string `json:"advice,omitempty"`

	// Attempts is how many there were, Hedges how many of these ran beside another one.
	Attempts int `json:"attempts"`
	Hedges   int `json:"hedges,omitempty"`
	// Tries are the first three attempts and the last one.
	Tries []RecordTry `json:"tries,omitempty"`
	// NoRetry is why no further attempt was made although the policy wants one: body, budget or deadline.
	NoRetry string `json:"no_retry,omitempty"`

	// BytesIn and BytesOut are from and to the client, heads included.
	BytesIn  int64 `json:"bytes_in"`
	BytesOut int64 `json:"bytes_out"`
}

// RecordTry is one attempt of a Record.
type RecordTry struct {
	// Attempt counts those of the exchange, from 1.
	Attempt int    `json:"attempt"`
	Backend string `json:"backend"`
	// BeganMS is when it began, counted from the first byte of the request.
	BeganMS float64 `json:"began_ms"`
	// ConnectMS is how long it took to get a connection.
	ConnectMS float64 `json:"connect_ms"`
	// AnswerMS is from its begin to the head of the answer or, without one, to its end.
	AnswerMS float64 `json:"answer_ms"`
	// Reused says that the connection had carried a request before. ConnectionAgeSeconds is its age, about, and IdleMS how long it had waited.
	Reused               bool    `json:"reused"`
	ConnectionAgeSeconds float64 `json:"connection_age_seconds,omitempty"`
	IdleMS               float64 `json:"idle_ms,omitempty"`
	// Hedge says that it ran beside an attempt that was late, HedgeWon that its answer was taken.
	Hedge    bool `json:"hedge,omitempty"`
	HedgeWon bool `json:"hedge_won,omitempty"`
	// Trial says that the circuit breaker of the backend was half-open and let it through, Breaker what its end has done to
	// that: opened or closed.
	Trial   bool   `json:"trial,omitempty"`
	Breaker string `json:"breaker,omitempty"`
	// Status is what the backend answered; 0 is nothing.
	Status int `json:"status"`
	// Cause is how the attempt ended, by the same words as the exchange.
	Cause string `json:"cause"`
}
