package api

import (
	"time"

	"github.com/isame-lb/isame-lb/pool"
)

// States of the process in Status.State.
const (
	StateRunning  = "running"
	StateDraining = "draining"
)

// Status is the answer of GET /api/v1/status: the process as it is now.
type Status struct {
	// Name is isame-lb.
	Name string `json:"name"`
	// Version, Commit and GoVersion describe the running binary.
	Version   string `json:"version"`
	Commit    string `json:"commit"`
	GoVersion string `json:"go_version"`
	// PID is the process id.
	PID int `json:"pid"`
	// Instance is the name of this one among others: the key instance, or the name of the host.
	Instance string `json:"instance"`
	// State is running or draining.
	State string `json:"state"`
	// Started is when the process began to serve.
	Started       time.Time `json:"started"`
	UptimeSeconds float64   `json:"uptime_seconds"`
	// Generation counts the configurations that took effect, from 1.
	Generation uint64 `json:"generation"`
	// ConfigFile is the file the configuration came from; empty is the embedded default.
	ConfigFile string `json:"config_file"`
	// Config says where the running configuration comes from.
	Config *ConfigState `json:"config,omitempty"`
	// Overlay says what is different at run time; absent where nothing is.
	Overlay *OverlaySummary `json:"overlay,omitempty"`
	// LastReload is the last reload that was asked for; nil when none was.
	LastReload *Reload `json:"last_reload,omitempty"`
	// Shards is the number of accept loops of each listener.
	Shards int `json:"shards"`
	// Connections counts the open client connections, active and idle.
	Connections int64 `json:"connections"`
	// RequestsTotal counts the finished exchanges since Started.
	RequestsTotal uint64 `json:"requests_total"`
	// RequestsPerSecond is the mean of the last ten seconds.
	RequestsPerSecond float64 `json:"requests_per_second"`
	// Headroom is how much more load it takes, in brief.
	Headroom *HeadroomBrief `json:"headroom,omitempty"`
	Pools    []pool.Summary `json:"pools"`
}

// Reload is the outcome of one reload.
type Reload struct {
	At time.Time `json:"at"`
	// Result is applied or rejected.
	Result string `json:"result"`
	// Trigger is what asked for it: signal, file, etcd or api.
	Trigger string `json:"trigger,omitempty"`
	// Reason is the first problem of a rejected one.
	Reason string `json:"reason,omitempty"`
	// RestartNeeded are the keys that an applied one left as they were, because
	// only a restart changes them.
	RestartNeeded []string `json:"restart_needed,omitempty"`
}
