package api

import (
	"time"

	"github.com/isame-lb/isame-lb/pool"
)

// OverlaySummary says in Status what is different at run time from what the configuration
// says of backends.
type OverlaySummary struct {
	// Backends counts those of which something is asked.
	Backends int `json:"backends"`
	// Persisted says that a restart finds it: state.dir is set, and the disk has it.
	Persisted bool `json:"persisted"`
	// Failure says why the disk has it not.
	Failure string `json:"failure,omitempty"`
}

// OverlayWritten is the answer to POST /api/v1/overlay/write, once the configuration serves.
type OverlayWritten struct {
	Applied

	// Written is what the configuration says by itself now, and the overlay not any more.
	Written []pool.Override `json:"written"`
	// Left is what stays in the overlay.
	Left []OverlayLeft `json:"left"`
}

// OverlayLeft is what a configuration cannot say.
type OverlayLeft struct {
	Pool    string `json:"pool"`
	Address string `json:"address"`
	// Why says so in words.
	Why string `json:"why"`
}

// The least and the longest time of BackendPatch.For.
const (
	ForLeast = time.Second
	ForMost  = 30 * 24 * time.Hour
)
