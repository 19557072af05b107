package ctl

import (
	"crypto/sha256"
	"net/url"
	"strings"

	"github.com/isame-lb/isame-lb/ctl/api"
	"github.com/isame-lb/isame-lb/pool"
	"github.com/valyala/fasthttp"
)

// Media types of bodies.
const (
	typeJSON    = "application/json"
	typeYAML    = "application/yaml"
	typeTOML    = "application/toml"
	typeHTML    = "text/html; charset=utf-8"
	typeMetrics = "text/plain; version=0.0.4; charset=utf-8"
	// The other two formats of metrics, by their media types: parameters depend on what is asked.
	typeOpenMetrics  = "application/openmetrics-text"
	typeMetricsProto = "application/vnd.google.protobuf"
)

// endpoint is one call of the API: what is routed and what the OpenAPI
// document says, in one place, so that they cannot differ.
type endpoint struct {
	method string
	// pattern is the path; {name} takes one segment, {address} at the end the rest.
	pattern string
	// role is who may ask: public, or the least role.
	role api.Role
	// accepts are the media types of the body; the first one is documented with its schema.
	accepts []string
	serve   func(x *call) error
	doc     operation
}

// isChange says whether the guard asks where the request comes from and what its body is.
func (e *endpoint) isChange() bool {
	return e.method != fasthttp.MethodGet
}

// call is one request to an endpoint; it ends with the handler.
type call struct {
	ctx      *fasthttp.RequestCtx
	endpoint *endpoint         // nil where there is none
	params   map[string]string // unescaped

	// Who asks, unless the call is public: the name of the token, the subject of the
	// certificate or local; what they may do; and how they are known.
	author string
	role   api.Role
	via    string
	sum    [sha256.Size]byte // of their token; zero without one
}

// table lists everything that is answered.
func (s *Server) table() []endpoint {
	list := append(s.plainEndpoints(), s.stateEndpoints()...)
	list = append(list, s.dashboardEndpoints()...)
	list = append(list, s.inventoryEndpoints()...)
	list = append(list, s.explainEndpoints()...)
	list = append(list, s.backendEndpoints()...)
	list = append(list, s.overlayEndpoints()...)
	list = append(list, s.recordEndpoints()...)
	list = append(list, s.eventEndpoints()...)
	list = append(list, s.liveEndpoints()...)
	list = append(list, s.blameEndpoints()...)
	list = append(list, s.headroomEndpoints()...)
	list = append(list, s.supportEndpoints()...)
	list = append(list, s.sessionEndpoints()...)
	list = append(list, s.upgradeEndpoints()...)
	list = append(list, s.profileEndpoints()...)
	return append(list, s.configEndpoints()...)
}

func (s *Server) plainEndpoints() []endpoint {
	list := []endpoint{
		{method: "GET", pattern: "/", role: public, serve: s.index, doc: operation{
			id: "getIndex", summary: "What there is, as JSON; a browser gets the dashboard (admin.dashboard), or the same as HTML",
			answers: answers{200: index{}},
		}},
		{method: "GET", pattern: "/health", role: public, serve: s.health, doc: operation{
			id: "getHealth", summary: "Liveness: the process answers", answers: answers{200: api.Live{}},
		}},
		{method: "GET", pattern: "/ready", role: public, serve: s.ready, doc: operation{
			id: "getReady", summary: "Readiness: send traffic here, or not (503, with the reason)",
			answers: answers{200: api.Live{}, 503: refusal{}},
		}},
		{method: "GET", pattern: "/api/v1/openapi.json", role: api.RoleRead, serve: s.openAPI, doc: operation{
			id: "getOpenAPI", summary: "The OpenAPI document of this API", answers: answers{200: rawAnswer{typeJSON}},
		}},
	}
	if s.opts.MetricsPath != "" {
		list = append(list, endpoint{method: "GET", pattern: s.opts.MetricsPath, role: api.RoleMetrics, serve: s.metrics, doc: operation{
			id: "getMetrics", summary: "Metrics, by Accept in the Prometheus text format, as OpenMetrics or in the protobuf format",
			answers: answers{200: rawAnswer{typeMetrics, typeOpenMetrics, typeMetricsProto}},
		}})
	}
	return list
}

func (s *Server) stateEndpoints() []endpoint {
	return []endpoint{
		{method: "GET", pattern: "/api/v1/status", role: api.RoleRead, serve: s.status, doc: operation{
			id: "getStatus", summary: "The process, its load, and a summary of each pool", answers: answers{200: api.Status{}},
		}},
		{method: "GET", pattern: "/api/v1/pools", role: api.RoleRead, serve: s.pools, doc: operation{
			id: "listPools", summary: "Every pool with its backends", query: pageQuery(), answers: answers{200: []pool.Status{}},
		}},
		{method: "GET", pattern: "/api/v1/pools/{pool}", role: api.RoleRead, serve: s.pool, doc: operation{
			id: "getPool", summary: "One pool with its backends and their last probes", answers: answers{200: pool.Status{}, 404: refusal{}},
		}},
		{method: "GET", pattern: "/api/v1/routes", role: api.RoleRead, serve: s.routes, doc: operation{
			id: "listRoutes", summary: "Every route", query: pageQuery(), answers: answers{200: []api.RouteStatus{}},
		}},
		{method: "GET", pattern: "/api/v1/listeners", role: api.RoleRead, serve: s.listeners, doc: operation{
			id: "listListeners", summary: "Every listener", query: pageQuery(), answers: answers{200: []api.ListenerStatus{}},
		}},
		{method: "GET", pattern: "/api/v1/instances", role: api.RoleRead, serve: s.instances, doc: operation{
			id: "listInstances", summary: "Every instance that shares the configuration (source.etcd), as it reports itself, and whether it lags",
			query: pageQuery(), answers: answers{200: []api.Instance{}, 409: refusal{}},
		}},
	}
}

func (s *Server) backendEndpoints() []endpoint {
	const all, one = "/api/v1/pools/{pool}/backends", "/api/v1/pools/{pool}/backends/{address}"
	return []endpoint{
		{method: "GET", pattern: one, role: api.RoleRead, serve: s.backend, doc: operation{
			id: "getBackend", summary: "One backend with its last probes", answers: answers{200: pool.BackendStatus{}, 404: refusal{}},
		}},
		{method: fasthttp.MethodPost, pattern: all, role: api.RoleOperate, accepts: []string{typeJSON}, serve: s.addBackend, doc: operation{
			id: "addBackend", summary: "Adds a backend; it holds over reloads and, with state.dir, over restarts", body: api.NewBackend{},
			answers: answers{200: pool.BackendStatus{}, 404: refusal{}, 409: refusal{}, 422: refusal{}},
		}},
		{method: "DELETE", pattern: one, role: api.RoleOperate, serve: s.removeBackend, doc: operation{
			id: "removeBackend", summary: "Removes a backend, whose requests finish; it holds over reloads and, with state.dir, over restarts",
			answers: answers{200: pool.Status{}, 404: refusal{}, 409: refusal{}},
		}},
		{method: "PATCH", pattern: one, role: api.RoleOperate, accepts: []string{typeJSON}, serve: s.patchBackend, doc: operation{
			id: "patchBackend", summary: "Changes weight or state of a backend; it holds over reloads and, with state.dir, over restarts",
			body:    api.BackendPatch{},
			query:   map[string]string{keyWait: "with drain or disabled: answers when no request is left; 504 after this duration (30s)"},
			answers: answers{200: pool.BackendStatus{}, 404: refusal{}, 409: refusal{}, 422: refusal{}, 504: refusal{}},
		}},
	}
}

func (s *Server) upgradeEndpoints() []endpoint {
	return []endpoint{
		{
			method: fasthttp.MethodPost, pattern: "/api/v1/upgrade", role: api.RoleWrite, accepts: []string{typeJSON}, serve: s.upgrade,
			doc: operation{
				id: "upgrade", summary: "Starts the program anew and hands the sockets over: no connection is refused",
				answers: answers{200: api.UpgradeResult{}, 409: refusal{}, 422: refusal{}},
			},
		},
	}
}

// find returns the endpoint of a request, or nil and the methods the path
// allows; none means there is no such path.
func (s *Server) find(method, target string) (e *endpoint, params map[string]string, allow []string) {
	path, _, _ := strings.Cut(target, "?")
	for i := range s.endpoints {
		candidate := &s.endpoints[i]
		p, ok := match(candidate.pattern, path)
		if !ok {
			continue
		}
		if candidate.method == method || candidate.method == fasthttp.MethodGet && method == fasthttp.MethodHead {
			return candidate, p, nil
		}
		allow = append(allow, candidate.method)
		if candidate.method == fasthttp.MethodGet {
			allow = append(allow, fasthttp.MethodHead)
		}
	}
	return nil, nil, allow
}

// match compares a raw path with a pattern, segment by segment, so that an
// escaped slash stays inside its segment. {address} at the end takes what is
// left, as a unix socket's address has slashes in it.
func match(pattern, path string) (map[string]string, bool) {
	want, got := strings.Split(pattern, "/"), strings.Split(path, "/")
	if len(got) < len(want) {
		return nil, false
	}
	last := len(want) - 1
	isOpen := want[last] == "{address}"
	if len(got) > len(want) && !isOpen {
		return nil, false
	}
	var params map[string]string
	for i, w := range want {
		value := got[i]
		if i == last {
			value = strings.Join(got[i:], "/")
		}
		if !strings.HasPrefix(w, "{") {
			if w != value {
				return nil, false
			}
			continue
		}
		text, err := url.PathUnescape(value)
		if err != nil || text == "" {
			return nil, false
		}
		if params == nil {
			params = map[string]string{}
		}
		params[strings.Trim(w, "{}")] = text
	}
	return params, true
}
