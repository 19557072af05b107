package api

import "time"

// States of Certificate.State.
const (
	CertificateValid       = "valid"
	CertificateExpired     = "expired"
	CertificateNotYetValid = "not_yet_valid"
	CertificateAwaited     = "awaited"
)

// Certificate is one certificate of a listener, as GET /api/v1/certificates shows it.
type Certificate struct {
	Listener string `json:"listener"`
	// Name is the first name it is good for.
	Name string `json:"name"`
	// Names are all names and addresses it is good for.
	Names []string `json:"names"`
	// State is valid, expired, not_yet_valid, or awaited: it was asked for and is not there yet.
	State string `json:"state"`
	// File is where it was read from; absent for one that is obtained from an ACME server.
	File string `json:"file,omitempty"`
	// Issuer is the common name of who has signed it.
	Issuer string `json:"issuer,omitempty"`
	// Key is the kind of its key, such as ECDSA P-256.
	Key string `json:"key,omitempty"`
	// NotBefore and NotAfter bound its validity.
	NotBefore *time.Time `json:"not_before,omitempty"`
	NotAfter  *time.Time `json:"not_after,omitempty"`
	// Renewal is when it will be renewed, or the next attempt made; absent for files.
	Renewal *time.Time `json:"renewal,omitempty"`
	// RenewalBy is what decides that: ari (the word of the server, RFC 9773), lifetime, or retry.
	RenewalBy string `json:"renewal_by,omitempty"`
	// Failure is why the last attempt to obtain it failed.
	Failure string `json:"failure,omitempty"`
}
