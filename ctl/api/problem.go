package api

import (
	"net/http"
	"strings"
)

// ProblemType is the media type of a Problem.
const ProblemType = "application/problem+json"

// Problem is an RFC 9457 problem document: every answer of the admin API that
// is not a success. It is an error, so a handler returns it and a client gets
// it back as it was.
type Problem struct { //nolint:errname // the word of RFC 9457; it is a value of the API before it is an error
	// Type is Code as a URI.
	Type string `json:"type"`
	// Title is the phrase of Status.
	Title string `json:"title"`
	// Status is the HTTP status code.
	Status int `json:"status"`
	// Code is the word for what is wrong, of a closed list.
	Code Code `json:"code"`
	// Detail says what is wrong here and what to do about it.
	Detail string `json:"detail"`
	// Instance is the path that was asked for.
	Instance string `json:"instance,omitempty"`
	// Errors are all problems of a configuration that was refused.
	Errors []ConfigProblem `json:"errors,omitempty"`
	// Current is what runs, where the change was made for something else.
	Current *Current `json:"current,omitempty"`
	// Pending is the configuration that waits for its confirmation and is in the way.
	Pending *Pending `json:"pending,omitempty"`
	// Referrers are the keys that name an object which is in use.
	Referrers []string `json:"referrers,omitempty"`
}

// NewProblem returns the problem document of a status code, with the code that this
// status has most often; WithCode gives it another one.
func NewProblem(status int, detail string) *Problem {
	p := &Problem{Title: http.StatusText(status), Status: status, Detail: detail}
	return p.WithCode(codeOf(status))
}

// WithCode sets Code, and Type with it, and returns p.
func (p *Problem) WithCode(code Code) *Problem {
	p.Code, p.Type = code, code.uri()
	return p
}

// Error is Detail, or Title when there is none, followed by every
// configuration problem on a line of its own.
func (p *Problem) Error() string {
	var sb strings.Builder
	if p.Detail != "" {
		sb.WriteString(p.Detail)
	} else {
		sb.WriteString(p.Title)
	}
	for i := range p.Errors {
		sb.WriteString("\n")
		sb.WriteString(p.Errors[i].Text)
	}
	return sb.String()
}

// ConfigProblem is one problem of a configuration.
type ConfigProblem struct {
	// Text is the whole problem as isame-lb check prints it.
	Text string `json:"text"`
	// File, Line and Column say where; Line is 0 when no place is known.
	File   string `json:"file,omitempty"`
	Line   int    `json:"line,omitempty"`
	Column int    `json:"column,omitempty"`
	// Env or Flag name the environment variable or --set key the value came from.
	Env  string `json:"env,omitempty"`
	Flag string `json:"flag,omitempty"`
	// Path is the key, for instance pools.api.backends[0].address.
	Path string `json:"path,omitempty"`
	// Pointer is where it stands in the body that was sent, as a JSON pointer (RFC 6901).
	Pointer string `json:"pointer,omitempty"`
	// Message says what is wrong with it.
	Message string `json:"message,omitempty"`
	// Warning says that the configuration is taken all the same.
	Warning bool `json:"warning,omitempty"`
}

// CheckResult is the answer to a configuration that was checked and found good.
type CheckResult struct {
	Valid bool `json:"valid"`
	// Warnings name what is valid and yet hardly meant.
	Warnings []ConfigProblem `json:"warnings,omitempty"`
	// Unchanged says that it is what runs.
	Unchanged bool `json:"unchanged,omitempty"`
	// Changes are what would be different, at most 1,000 of them.
	Changes []Change `json:"changes,omitempty"`
	// ChangesBeyond counts those that are not listed.
	ChangesBeyond int `json:"changes_beyond,omitempty"`
	// RestartNeeded are the keys that only a restart would change.
	RestartNeeded []ConfigProblem `json:"restart_needed,omitempty"`
	// Overridden are the keys that the environment or --set decides, whatever the document says.
	Overridden []Override `json:"overridden,omitempty"`
}

// ReloadResult is the answer to a reload that took effect.
type ReloadResult struct {
	// Generation is the configuration that serves now.
	Generation uint64 `json:"generation"`
	// RestartNeeded are the keys that changed and are read at the start only: the
	// process goes on with their old values.
	RestartNeeded []ConfigProblem `json:"restart_needed,omitempty"`
	// Warnings name what is valid and yet hardly meant.
	Warnings []ConfigProblem `json:"warnings,omitempty"`
	// Unchanged says that the file holds what it did when it was last taken: certificates
	// and files that the running configuration names were read again, and nothing else.
	Unchanged bool `json:"unchanged,omitempty"`
	// HeldBack says that a rollback left this content of the file: it is loaded by force=1 only.
	HeldBack bool `json:"held_back,omitempty"`
}

// Live is the answer of GET /health and, when it is good, of GET /ready.
type Live struct {
	// Status is ok for /health and ready for /ready.
	Status string `json:"status"`
}
