package api

import "time"

// Types of events of GET /api/v1/events, and of GET /api/v1/tap.
const (
	EventGeneration  = "generation"
	EventBackend     = "backend"
	EventBreaker     = "breaker"
	EventCertificate = "certificate"
	EventReload      = "reload"
	EventOverlay     = "overlay"
	// EventReset says that some events before it cannot be given: what was known is to be read anew.
	EventReset = "reset"
	// EventDropped says how many were lost because they were not read fast enough.
	EventDropped = "dropped"
	// EventExchange is one of GET /api/v1/tap; its data is a Record.
	EventExchange = "exchange"
)

// Event is the data of an event of GET /api/v1/events.
type Event interface {
	// EventType is the type of the event.
	EventType() string
}

// GenerationEvent says that another configuration serves.
type GenerationEvent struct {
	At         time.Time `json:"at"`
	Generation uint64    `json:"generation"`
	// Trigger is file, signal, api, etcd, start or rollback.
	Trigger string `json:"trigger"`
	// Author is the name of a token, the subject of a certificate, local, or isame-lb.
	Author string `json:"author"`
	// Message is what the author said about it.
	Message string `json:"message,omitempty"`
	// ConfirmBefore is when the configuration before comes back unless this one is confirmed.
	ConfirmBefore *time.Time `json:"confirm_before,omitempty"`
}

// EventType is generation.
func (GenerationEvent) EventType() string { return EventGeneration }

// BackendEvent is a change of a backend in a pool. Up, State and Weight are as they are then.
type BackendEvent struct {
	At      time.Time `json:"at"`
	Pool    string    `json:"pool"`
	Backend string    `json:"backend"`
	// Change is up, down (whether it may be picked), state, weight (what the operator asks), added or removed.
	Change string `json:"change"`
	Up     bool   `json:"up"`
	State  string `json:"state"`
	Weight int    `json:"weight"`
	// Reason says why it is up or down; the others have none.
	Reason string `json:"reason,omitempty"`
}

// EventType is backend.
func (BackendEvent) EventType() string { return EventBackend }

// BreakerEvent is a change of a circuit breaker.
type BreakerEvent struct {
	At      time.Time `json:"at"`
	Pool    string    `json:"pool"`
	Backend string    `json:"backend"`
	// Change is opened, half-open or closed.
	Change string `json:"change"`
	// Last is how the attempt ended that opened it: a status or a word of the list of ends.
	Last string `json:"last,omitempty"`
}

// EventType is breaker.
func (BreakerEvent) EventType() string { return EventBreaker }

// Changes of a CertificateEvent.
const (
	CertificateRenewed = "renewed"
	CertificateFailed  = "failed"
	CertificateExpires = "expires"
)

// CertificateEvent is a change of a certificate of a listener.
type CertificateEvent struct {
	At       time.Time `json:"at"`
	Listener string    `json:"listener"`
	// Name is the first name it is good for.
	Name string `json:"name"`
	// Change is renewed (another one is in use, from the ACME server or from a file), failed (the attempt to renew it), or
	// expires: a fifth of its lifetime is left, 14 days at most, and again when nothing is.
	Change   string     `json:"change"`
	NotAfter *time.Time `json:"not_after,omitempty"`
	// Failure is why the attempt failed.
	Failure string `json:"failure,omitempty"`
}

// EventType is certificate.
func (CertificateEvent) EventType() string { return EventCertificate }

// Results of a ReloadEvent.
const (
	ReloadApplied = "applied"
	ReloadRefused = "refused"
)

// ReloadEvent is the end of a change of the configuration, whoever asked for it.
type ReloadEvent struct {
	At time.Time `json:"at"`
	// Result is applied or refused.
	Result string `json:"result"`
	// Trigger is file, signal, api, etcd or rollback.
	Trigger string `json:"trigger"`
	// Author is the name of a token, the subject of a certificate, local, or isame-lb.
	Author string `json:"author"`
	// Generation is what serves then; absent where it was refused.
	Generation uint64 `json:"generation,omitempty"`
	// Unchanged says that nothing was done, but for certificates and files that were read again.
	Unchanged bool `json:"unchanged,omitempty"`
	// Reason is the first problem of a refused one.
	Reason string `json:"reason,omitempty"`
	// RestartNeeded are the keys that have their old values until a restart.
	RestartNeeded []string `json:"restart_needed,omitempty"`
}

// EventType is reload.
func (ReloadEvent) EventType() string { return EventReload }

// Changes of an OverlayEvent.
const (
	OverlayState  = "state"
	OverlayWeight = "weight"
	OverlayAdd    = "add"
	OverlayRemove = "remove"
	OverlayExpire = "expire"
	OverlayForget = "forget"
	OverlayClear  = "clear"
	OverlayWrite  = "write"
)

// OverlayEvent is a change of backends at run time, which lies above the configuration.
type OverlayEvent struct {
	At      time.Time `json:"at"`
	Pool    string    `json:"pool"`
	Backend string    `json:"backend"`
	// Change is state, weight, add or remove; expire where the time of a state is over, forget where nobody has named
	// the backend for long, clear, or write where the configuration file says it now.
	Change string `json:"change"`
	// Author is who made it; isame-lb for what ends by itself.
	Author string `json:"author,omitempty"`
	// State is the new one of a change of state, Until when it ends by itself.
	State string     `json:"state,omitempty"`
	Until *time.Time `json:"until,omitempty"`
	// Weight is the new one of a change of weight.
	Weight *int `json:"weight,omitempty"`
}

// EventType is overlay.
func (OverlayEvent) EventType() string { return EventOverlay }

// ResetEvent says that events are missing between the one that the client had seen last and those that follow.
type ResetEvent struct {
	// LastEventID is what the client has sent.
	LastEventID string `json:"last_event_id"`
}

// DroppedEvent says that the client did not read fast enough.
type DroppedEvent struct {
	// Dropped is how many were lost since it was said last.
	Dropped uint64 `json:"dropped"`
}
