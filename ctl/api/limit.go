package api

// Limiter is one stage that limits clients, as GET /api/v1/limits shows it.
type Limiter struct {
	// Stage is its name in the configuration.
	Stage string `json:"stage"`
	// Type is rate_limit or concurrency_limit.
	Type string `json:"type"`
	// DryRun says that it counts and refuses nothing.
	DryRun bool `json:"dry_run,omitempty"`
	// MaxKeys is how many keys are known at once at most, Keys how many stand above rest now.
	MaxKeys int `json:"max_keys"`
	Keys    int `json:"keys"`
	// Evicted counts the keys that had to go before they were back at rest.
	Evicted uint64 `json:"evicted"`
	// MaxRequests is how many requests of a key may be in progress, InProgress how many of all keys are:
	// of concurrency_limit.
	MaxRequests int `json:"max_requests,omitempty"`
	InProgress  int `json:"in_progress,omitempty"`
	// Limits are those of rate_limit.
	Limits []RateLimit `json:"limits,omitempty"`
	// Fullest are the fullest keys that were noticed, the fullest first, at most 100. None are where
	// a shared store counts.
	Fullest []LimitKey `json:"fullest"`
	// Store is the shared store that counts; absent where this process counts alone.
	Store *LimitStore `json:"store,omitempty"`
}

// RateLimit is one limit of a stage.
type RateLimit struct {
	Name       string  `json:"name"`
	Rate       float64 `json:"rate"`
	PerSeconds float64 `json:"per_seconds"`
	Burst      int     `json:"burst"`
}

// LimitKey is how one key stands.
type LimitKey struct {
	// Key is what the bucket belongs to, up to 128 bytes; empty where that is a secret, such as a token.
	Key string `json:"key"`
	// ID tells keys apart whose text is not shown. It means nothing after a restart.
	ID string `json:"id"`
	// Limit is the name of the limit.
	Limit string `json:"limit"`
	// Remaining is how many requests it may make at once.
	Remaining int64 `json:"remaining"`
	// ResetSeconds is in how long it is back at rest.
	ResetSeconds float64 `json:"reset_seconds"`
	// Used is the used share of the burst, 0 to 1; above 1 where the key is blocked or its requests wait.
	Used float64 `json:"used"`
}

// LimitStore is the store that instances share.
type LimitStore struct {
	Address string `json:"address"`
	// Down says that it is not asked now; on_failure decides then.
	Down bool `json:"down"`
	// Trips counts how often it went down.
	Trips uint64 `json:"trips"`
	// Failure is the last one, also where all is well again.
	Failure string `json:"failure,omitempty"`
}
