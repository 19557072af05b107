package api

import "time"

// Actions of a Change.
const (
	ChangeAdded   = "added"
	ChangeChanged = "changed"
	ChangeRemoved = "removed"
)

// Change is one difference between two configurations.
type Change struct {
	// Path is the key, for instance routes.api.timeout.
	Path string `json:"path"`
	// Action is added, changed or removed.
	Action string `json:"action"`
	// Old and New are the values as JSON text, secrets masked; a secret that is another one
	// now is "*** (changed)". Only plans and the history have them.
	Old string `json:"old,omitempty"`
	New string `json:"new,omitempty"`
}

// Override is a key that the environment or a flag says, over what the document says.
type Override struct {
	Path string `json:"path"`
	// Env or Flag name the variable or the key of --set.
	Env  string `json:"env,omitempty"`
	Flag string `json:"flag,omitempty"`
}

// Applied is the answer to a change of the configuration, once it serves.
type Applied struct {
	// Generation is the configuration that serves now.
	Generation uint64 `json:"generation"`
	// ETag is that of what was asked for: the document, or the object. It is empty for one that was removed.
	ETag string `json:"etag"`
	// Unchanged says that the configuration was so before: nothing was done.
	Unchanged bool `json:"unchanged"`
	// Changes are what is different now, at most 1,000 of them.
	Changes []Change `json:"changes"`
	// ChangesBeyond counts those that are not listed.
	ChangesBeyond int `json:"changes_beyond,omitempty"`
	// RestartNeeded are the keys that have their old values until a restart.
	RestartNeeded []ConfigProblem `json:"restart_needed"`
	// Overridden are the keys that the environment or --set decides, whatever the document says.
	Overridden []Override `json:"overridden"`
	// Warnings name what is valid and yet hardly meant.
	Warnings []ConfigProblem `json:"warnings"`
	// Previous is the generation that comes back where the change is not confirmed; absent where it need not be.
	Previous uint64 `json:"previous,omitempty"`
	// ConfirmBefore is when the generation before comes back by itself, unless POST /api/v1/config/confirm
	// comes first; absent for a change that needs no confirmation.
	ConfirmBefore *time.Time `json:"confirm_before,omitempty"`
	// AbortErrorPercent ends the trial early when the share of failed exchanges rises by so many points; 0 never.
	AbortErrorPercent *float64 `json:"abort_error_percent,omitempty"`
	// AbortP99Factor ends the trial early when the 99th percentile of the durations is so many times what it was; 0 never.
	AbortP99Factor *float64 `json:"abort_p99_factor,omitempty"`
}

// Confirmation is the body of POST /api/v1/config/confirm.
type Confirmation struct {
	// Generation is what is confirmed: that of the answer to the change.
	Generation uint64 `json:"generation"`
}

// RollbackRequest is the body of POST /api/v1/config/rollback; without one the configuration before comes back.
type RollbackRequest struct {
	// Generation is whose content comes back; 0 is the last one before that is different.
	Generation uint64 `json:"generation,omitempty"`
}

// Outcomes of a Generation.
const (
	OutcomeApplied    = "applied"
	OutcomeRefused    = "refused"
	OutcomeUnchanged  = "unchanged"
	OutcomeRolledBack = "rolled_back"
	OutcomeSuperseded = "superseded"
)

// Generation is one line of the history: a configuration that came, and what became of it.
type Generation struct {
	// Generation is its number; absent where it was refused.
	Generation uint64 `json:"generation,omitempty"`
	// Boot names the run of the process; numbers go on over restarts with state.dir only.
	Boot string `json:"boot"`
	// At is when it came.
	At time.Time `json:"at"`
	// Trigger is file, signal, api, etcd, start or rollback.
	Trigger string `json:"trigger"`
	// Author is the name of a token, the subject of a certificate, or local.
	Author string `json:"author"`
	// Message is what the author said about it.
	Message string `json:"message,omitempty"`
	// Outcome is applied, refused, unchanged, rolled_back or superseded.
	Outcome string `json:"outcome"`
	// Reason says why it was refused or rolled back.
	Reason string `json:"reason,omitempty"`
	// Restored is the generation whose content a rollback brought back.
	Restored uint64 `json:"restored,omitempty"`
	// ETag is that of its document.
	ETag string `json:"etag,omitempty"`
	// Changes are the differences from the one before, at most 1,000 of them.
	Changes []Change `json:"changes"`
	// ChangesBeyond counts those that are not listed.
	ChangesBeyond int `json:"changes_beyond,omitempty"`
	// Document is the configuration as YAML, secrets masked; only where one generation is asked for.
	Document string `json:"document,omitempty"`
}

// Touched names the objects of one section that a plan touches.
type Touched struct {
	Added   []string `json:"added"`
	Changed []string `json:"changed"`
	Removed []string `json:"removed"`
}

// Plan is what a change would do. Nothing was done.
type Plan struct {
	// Generation and Base are the running generation and its ETag, which the plan was made for.
	Generation uint64 `json:"generation"`
	Base       string `json:"base"`
	// ETag is that of the document as it would be.
	ETag string `json:"etag"`
	// Unchanged says that nothing would be different.
	Unchanged bool `json:"unchanged"`
	// Changes are the differences, at most 1,000 of them.
	Changes []Change `json:"changes"`
	// ChangesBeyond counts those that are not listed.
	ChangesBeyond int `json:"changes_beyond,omitempty"`
	// Listeners, Routes, Pools and Middleware are the objects it touches.
	Listeners  Touched `json:"listeners"`
	Routes     Touched `json:"routes"`
	Pools      Touched `json:"pools"`
	Middleware Touched `json:"middleware"`
	// Effects are what it would do to what lives now; Replay to requests as they came.
	Effects *Effects `json:"effects,omitempty"`
	Replay  *Replay  `json:"replay,omitempty"`
	// RestartNeeded are the keys that only a restart would change.
	RestartNeeded []ConfigProblem `json:"restart_needed"`
	// Overridden are the keys that the environment or --set decides, whatever the document says.
	Overridden []Override `json:"overridden"`
	// Warnings name what is valid and yet hardly meant.
	Warnings []ConfigProblem `json:"warnings"`
}

// Pending is a configuration that waits for its confirmation.
type Pending struct {
	Generation uint64 `json:"generation"`
	// Previous is the generation that comes back without it.
	Previous uint64 `json:"previous"`
	// Author is who applied it.
	Author string `json:"author"`
	// ConfirmBefore is when it is rolled back.
	ConfirmBefore time.Time `json:"confirm_before"`
}

// Sources of the running configuration in ConfigState.Source.
const (
	SourceDefault  = "default"
	SourceFile     = "file"
	SourceAPI      = "api"
	SourceRollback = "rollback"
	SourceState    = "state"
	SourceEtcd     = "etcd"
)

// ConfigState says where the running configuration comes from.
type ConfigState struct {
	// Source is default (the embedded one), file, etcd, api, rollback or state (resumed after a restart).
	Source string `json:"source"`
	// ETag is that of the running document.
	ETag string `json:"etag"`
	// Drift says that the file holds something else than what runs.
	Drift bool `json:"drift"`
	// FileGeneration is the generation that took the content which the file had last.
	FileGeneration uint64 `json:"file_generation"`
	// HeldBack says that a rollback left the content of the file: it is not loaded again
	// until it changes, or by POST /api/v1/reload?force=1.
	HeldBack bool `json:"held_back"`
	// Persist is what becomes of a configuration that is applied over the API: memory, state or file.
	Persist string `json:"persist"`
	// Pending is what waits for its confirmation; absent where nothing does.
	Pending *Pending `json:"pending,omitempty"`
	// Etcd is the document that is shared with other instances; absent where none is (source.etcd). Drift
	// and FileGeneration are about it, in place of the file.
	Etcd *EtcdState `json:"etcd,omitempty"`
}

// Current is what runs, in the answer to a change that was made for something else.
type Current struct {
	// ETag is that of what was asked for; empty where it is not there.
	ETag       string `json:"etag"`
	Generation uint64 `json:"generation"`
	// Author is who applied it.
	Author string `json:"author"`
}

// Why is where the value of a key comes from.
type Why struct {
	// Path is the key, for instance pools.api.algorithm.
	Path string `json:"path"`
	// Value is the effective one as JSON text, secrets masked.
	Value string `json:"value"`
	// Origin is default, FILE:LINE:COL, env NAME or flag --set KEY.
	Origin string `json:"origin"`
	// Generation is what runs, with who applied it and how it came.
	Generation uint64 `json:"generation"`
	Author     string `json:"author"`
	Trigger    string `json:"trigger"`
	// Since is the generation, as far as the history reaches, that gave the key its value; 0 where it is older.
	Since uint64 `json:"since"`
}
