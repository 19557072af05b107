package api

// Headroom says how much more load this instance takes, and which limit comes first. It is an estimate from the last minute,
// in which later seconds count for more.
type Headroom struct {
	// Summary says it in words.
	Summary string `json:"summary"`
	// Concluded says that there is load enough to say anything; else Missing says what there is, and what it takes.
	Concluded bool   `json:"concluded"`
	Missing   string `json:"missing,omitempty"`
	// Times is by how much the load may grow until the first of Limits, between Low and High: 1 is full, 1000 the most that is
	// told. Absent where nothing is concluded.
	Times *float64 `json:"times,omitempty"`
	Low   *float64 `json:"low,omitempty"`
	High  *float64 `json:"high,omitempty"`
	// RequestsPerSecond is the present load, Requests how many ended in the Seconds that all of this rests on.
	RequestsPerSecond float64 `json:"requests_per_second"`
	Requests          uint64  `json:"requests"`
	Seconds           float64 `json:"seconds"`
	// P99MS is within what 99 % of those were answered, TargetMS what it must not pass: headroom.target_p99 where
	// TargetConfigured is set, else five times P99MS. TargetBeyond says that backends alone take longer than
	// headroom.target_p99, so that it does not count. Absent where there were too few.
	P99MS            *float64 `json:"p99_ms,omitempty"`
	TargetMS         *float64 `json:"target_ms,omitempty"`
	TargetConfigured bool     `json:"target_configured"`
	TargetBeyond     bool     `json:"target_beyond"`
	// Processors is what the load costs of these.
	Processors HeadroomProcessors `json:"processors"`
	// Limits are all that there are: the first one first, and last those that cannot be told.
	Limits []HeadroomLimit `json:"limits"`
}

// HeadroomProcessors is the use of processors, in processors: 1 is one of them all the time.
type HeadroomProcessors struct {
	// Available are those that the process may use, by affinity, control group and GOMAXPROCS; Others use OthersUsed of them.
	Available  float64 `json:"available"`
	Used       float64 `json:"used"`
	OthersUsed float64 `json:"others_used"`
	// Idle is the part of Used that would be used without load, RequestUS what a request costs, in microseconds.
	Idle      float64 `json:"idle"`
	RequestUS float64 `json:"request_us"`
	// GarbageShare is the share of Used that collects garbage. DelayMS is for how long goroutines that could run had to wait for
	// a processor, the longest 1 %.
	GarbageShare float64 `json:"garbage_share"`
	DelayMS      float64 `json:"delay_ms"`
}

// HeadroomLimit is one limit.
type HeadroomLimit struct {
	// Limit is processors (the tail breaks before they are used up), shard (the busiest event loop, likewise), memory (bytes),
	// descriptors, connections (of a listener), pool_requests (in progress), backend_requests (by max_requests of backends),
	// backend_connections (to the busiest backend of a pool) or backend_ports (local ports, likewise).
	Limit string `json:"limit"`
	// Name is that of the listener or pool; absent for what the process has once.
	Name string `json:"name,omitempty"`
	// Says is the limit and its use in words.
	Says string `json:"says"`
	// Use of Most, on average.
	Use  float64 `json:"use"`
	Most float64 `json:"most"`
	// Concluded says that there is load enough to tell; else Low alone is there, as what it may grow at least.
	Concluded bool     `json:"concluded"`
	Times     *float64 `json:"times,omitempty"`
	Low       *float64 `json:"low,omitempty"`
	High      *float64 `json:"high,omitempty"`
}

// HeadroomBrief is Headroom in brief.
type HeadroomBrief struct {
	Summary   string `json:"summary"`
	Concluded bool   `json:"concluded"`
	// Times, Low and High are absent where nothing is concluded, and so are Limit and Name, the first limit.
	Times *float64 `json:"times,omitempty"`
	Low   *float64 `json:"low,omitempty"`
	High  *float64 `json:"high,omitempty"`
	Limit string   `json:"limit,omitempty"`
	Name  string   `json:"name,omitempty"`
}
