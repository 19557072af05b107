package ctl

import (
	"encoding/json"
	"errors"
	"io"
	"os"
	"regexp"
	"time"

	"github.com/isame-lb/isame-lb/ctl/api"
)

const (
	typeBundle = "application/gzip"
	keyRedact  = "redact"
	// supportRecords is how many failures, and how many slow exchanges, are in a bundle.
	supportRecords = 200
)

func (s *Server) supportEndpoints() []endpoint {
	return []endpoint{{method: methodGet, pattern: "/api/v1/support", role: api.RoleWrite, serve: s.support, doc: operation{
		id:      "support",
		summary: "A .tar.gz for a bug report: state, configuration with secrets masked, metrics, profiles, records; README.txt says what it is",
		query: map[string]string{
			keyRedact: "1: hosts and addresses are hashed, the same way within one bundle, and of paths the first segment stays",
		},
		answers: answers{200: rawAnswer{typeBundle}},
	}}}
}

// support answers with a bundle, which is made while it is sent.
func (s *Server) support(x *call) error {
	if s.opts.Sources.Status == nil {
		return notSupported("support")
	}
	if p := x.needsChunks("a bundle is made while it is sent, which"); p != nil {
		return p
	}
	redact, bad := x.flag(keyRedact)
	if bad != nil {
		return bad
	}
	b := s.bundle(redact)
	h := &x.ctx.Response.Header
	x.ctx.SetContentType(typeBundle)
	h.Set("Content-Disposition", `attachment; filename="`+b.folder+`.tar.gz"`)
	if x.ctx.IsHead() {
		return nil
	}
	b.begin()
	x.ctx.SetBodyStream(b, -1)
	return nil
}

// bundle is what a bug report needs.
func (s *Server) bundle(redact bool) *bundle {
	host, err := os.Hostname()
	if err != nil {
		host = "unknown"
	}
	b := &bundle{at: s.now().UTC().Truncate(time.Second)}
	if redact {
		b.redact = newRedactor()
		b.redact.knows(s.knownHosts()...)
		b.redact.knows(host)
		host = b.redact.name("host", host)
	}
	b.folder = "isame-support-" + unfit.ReplaceAllString(host, "_") + "-" + b.at.Format("20060102T150405Z")
	b.readme = supportReadme(host, b.at, redact)
	b.members = append(b.members, s.stateMembers()...)
	b.members = append(b.members, s.configMembers()...)
	b.members = append(b.members, s.recordMembers(b.redact)...)
	b.members = append(b.members, profileMembers()...)
	b.members = append(b.members, processMembers()...)
	return b
}

// unfit are the bytes of a host that a file's name must not have.
var unfit = regexp.MustCompile(`[^0-9A-Za-z._-]`)

// supportReadme is what stands above the list of files.
func supportReadme(host string, at time.Time, redact bool) string {
	text := "A support bundle of isame-lb on " + host + ", made at " + at.Format(time.RFC3339) + ".\n\n" +
		"Secrets of the configuration are *** in it, keys of certificates, the environment and the command line are not in\n" +
		"it. The files hold names of hosts, addresses of backends and, in records, addresses, hosts and paths that clients\n" +
		"have asked for: look at them before you pass them on, or make the bundle with --redact.\n"
	if redact {
		text = "A support bundle of isame-lb on " + host + ", made at " + at.Format(time.RFC3339) + ", redacted.\n\n" +
			"Secrets of the configuration are *** in it, keys of certificates, the environment and the command line are not in\n" +
			"it. ip-… and host-… stand for addresses and names of hosts, the same ones for the same within this bundle. Of the\n" +
			"paths of requests the first segment is left. Names of routes, pools and stages, and paths in the configuration, are\n" +
			"as they were written.\n"
	}
	return text
}

// knownHosts are names of hosts that the configuration and records have.
func (s *Server) knownHosts() (hosts []string) {
	src := &s.opts.Sources
	if src.Routes != nil {
		for _, r := range src.Routes() {
			hosts = append(hosts, r.Hosts...)
		}
	}
	if src.Pools != nil {
		for _, p := range src.Pools() {
			for i := range p.Backends {
				hosts = append(hosts, p.Backends[i].Address)
			}
		}
	}
	if src.Certificates != nil {
		for _, c := range src.Certificates() {
			hosts = append(append(hosts, c.Names...), c.Name)
		}
	}
	if src.Config != nil {
		if doc, err := src.Config(FormatYAML); err == nil {
			hosts = append(hosts, likeHosts(doc.Body)...)
		}
	}
	return hosts
}

// errUnavailable says that this process has no such source.
var errUnavailable = errors.New("this process does not have it")

// asJSON writes what a source says; a nil source has none.
func asJSON[T any](name, about string, source func() T) member {
	return member{name: name, about: about, isText: true, write: func(w io.Writer) error {
		if source == nil {
			return errUnavailable
		}
		return writeIndented(w, source())
	}}
}

func writeIndented(w io.Writer, v any) error {
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	return enc.Encode(v) //nolint:wrapcheck // the file that is left out is named
}

func (s *Server) stateMembers() []member {
	src := &s.opts.Sources
	return []member{
		asJSON("status.json", "GET /api/v1/status: version, build, generation, load", src.Status),
		asJSON("routes.json", "GET /api/v1/routes", src.Routes),
		asJSON("pools.json", "GET /api/v1/pools: backends, health, breakers, last probes", src.Pools),
		asJSON("listeners.json", "GET /api/v1/listeners", src.Listeners),
		asJSON("certificates.json", "GET /api/v1/certificates: names and times, no keys", src.Certificates),
		asJSON("overlay.json", "GET /api/v1/overlay: what was changed of backends at run time", s.overrides()),
		asJSON("limits.json", "GET /api/v1/limits: limits of clients, their fullest keys", src.Limits),
		{name: "metrics.txt", about: "GET /metrics", isText: true, write: func(w io.Writer) error {
			if src.WriteMetrics == nil {
				return errUnavailable
			}
			src.WriteMetrics(w, "")
			return nil
		}},
	}
}

func (s *Server) configMembers() []member {
	src := &s.opts.Sources
	return []member{
		{name: "config/document.yaml", about: "GET /api/v1/config: what was written, secrets masked", isText: true, write: s.writeDocument},
		{name: "config/effective.yaml", about: "the same with defaults, environment and flags", isText: true, write: func(w io.Writer) error {
			if src.Config == nil {
				return errUnavailable
			}
			doc, err := src.Config(FormatYAML)
			return writeAll(w, doc.Body, err)
		}},
		{name: "config/history.json", about: "GET /api/v1/config/history: changes, and whose", isText: true, write: func(w io.Writer) error {
			if src.Ledger == nil {
				return errUnavailable
			}
			return writeIndented(w, src.Ledger.History())
		}},
	}
}

func (s *Server) writeDocument(w io.Writer) error {
	if s.opts.Sources.Ledger == nil {
		return errUnavailable
	}
	v, err := s.view()
	if err != nil {
		return err
	}
	text, err := v.Document.Encode(FormatYAML, true)
	return writeAll(w, text, err)
}

// writeAll writes text, unless there was an error before.
func writeAll(w io.Writer, text []byte, err error) error {
	if err == nil {
		_, err = w.Write(text)
	}
	return err
}

func (s *Server) recordMembers(redact *redactor) []member {
	list := func(q RecordQuery) func(w io.Writer) error {
		return func(w io.Writer) error { return s.writeRecords(w, &q, redact) }
	}
	return []member{
		{
			name: "records/errors.json", about: "the last exchanges that failed, as GET /api/v1/records has them", isText: true,
			write: list(RecordQuery{Errors: true, Limit: supportRecords}),
		},
		{
			name: "records/slowest.json", about: "the slowest ones that are kept", isText: true,
			write: list(RecordQuery{Slowest: true, Limit: supportRecords}),
		},
		{name: "records/blame.json", about: "GET /api/v1/blame: whose the time of the slowest is", isText: true, write: s.writeBlame},
	}
}

func (s *Server) writeRecords(w io.Writer, q *RecordQuery, redact *redactor) error {
	if s.opts.Sources.Records == nil {
		return errUnavailable
	}
	page, err := s.opts.Sources.Records(q)
	if err != nil {
		return err
	}
	if redact != nil {
		for i := range page.Records {
			redact.knows(page.Records[i].Host)
		}
		redact.records(page.Records)
	}
	return writeIndented(w, filled(page.Records))
}

func (s *Server) writeBlame(w io.Writer) error {
	if s.opts.Sources.Blame == nil {
		return errUnavailable
	}
	b, err := s.opts.Sources.Blame(&BlameQuery{Rows: blameRows})
	if err != nil {
		return err
	}
	b.Summary, b.Concluded = blameSummary(b)
	return writeIndented(w, b)
}
