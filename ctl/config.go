package ctl

import (
	"slices"

	"github.com/isame-lb/isame-lb/ctl/api"
	"github.com/valyala/fasthttp"
)

// typeMerge is the media type of a merge patch (RFC 7396); JSON stands for it as well.
const typeMerge = "application/merge-patch+json"

// Methods, as the tables of endpoints say them.
const (
	methodGet    = fasthttp.MethodGet
	methodPut    = fasthttp.MethodPut
	methodPost   = fasthttp.MethodPost
	methodPatch  = fasthttp.MethodPatch
	methodDelete = fasthttp.MethodDelete
)

// configEndpoints are the calls about the configuration as a document. Those with fixed
// words stand before those with names.
func (s *Server) configEndpoints() []endpoint {
	return slices.Concat(s.wholeEndpoints(), s.trialEndpoints(), s.historyEndpoints(), s.sectionEndpoints(), s.objectEndpoints())
}

// configTypes are the media types of a configuration.
func configTypes() []string { return []string{typeYAML, typeJSON, typeTOML} }

// partTypes are those of a part of one.
func partTypes() []string { return []string{typeYAML, typeJSON} }

// patchTypes are those of a merge patch.
func patchTypes() []string { return []string{typeMerge, typeJSON} }

func (s *Server) wholeEndpoints() []endpoint {
	return []endpoint{
		{method: methodGet, pattern: "/api/v1/config", role: api.RoleRead, serve: s.config, doc: operation{
			id: "getConfig", summary: "The configuration as it was written, secrets masked: what PUT takes. ETag names its content",
			query: map[string]string{
				keyFormat: "json (default) or yaml; Accept: application/yaml does the same",
				"view":    "document (default), or effective: with defaults, environment and flags merged, for reading only",
				"wait":    "with If-None-Match: answers at the next change, or 304 after this time, up to 60s",
			},
			answers: answers{200: rawAnswer{typeJSON, typeYAML}, 304: nil, 409: refusal{}},
		}},
		{method: methodPut, pattern: "/api/v1/config", role: api.RoleWrite, accepts: configTypes(), serve: s.putConfig, doc: operation{
			id: "putConfig", summary: "Replaces the configuration; needs If-Match. With dry_run=1 it is checked only",
			query: changeQuery(), body: rawAnswer(configTypes()), answers: changeAnswers(),
		}},
		{method: methodPatch, pattern: "/api/v1/config", role: api.RoleWrite, accepts: patchTypes(), serve: s.patchConfig, doc: operation{
			id: "patchConfig", summary: "Changes several objects at once by a merge patch (RFC 7396); needs If-Match",
			query: changeQuery(), body: rawAnswer(patchTypes()), answers: changeAnswers(),
		}},
		{
			method: methodPost, pattern: "/api/v1/config/plan", role: api.RoleWrite, accepts: append(configTypes(), typeMerge), serve: s.planConfig,
			doc: operation{
				id: "planConfig", summary: "What a configuration, or a merge patch, would change, and what that would do to connections, keys, " +
					"limits and requests as they came. Nothing is done",
				body: rawAnswer(append(configTypes(), typeMerge)), answers: answers{200: api.Plan{}, 409: refusal{}, 422: refusal{}},
			},
		},
		{method: methodPost, pattern: "/api/v1/reload", role: api.RoleOperate, accepts: []string{typeJSON}, serve: s.reload, doc: operation{
			id: "reload", summary: "Reads the configuration file again",
			query:   map[string]string{"force": "1 takes the content of the file even where it was taken before, and left since"},
			answers: answers{200: api.ReloadResult{}, 409: refusal{}, 422: refusal{}},
		}},
	}
}

func (s *Server) sectionEndpoints() []endpoint {
	const one = "/api/v1/config/{section}"
	return []endpoint{
		{method: methodGet, pattern: one, role: api.RoleRead, serve: s.getSection, doc: operation{
			id: "getSection", summary: "One section: listeners, routes, pools and middleware with their objects by name; others are one object",
			query:   sectionQuery(),
			answers: answers{200: rawAnswer{typeJSON, typeYAML}, 304: nil, 404: refusal{}, 409: refusal{}},
		}},
		{method: methodPut, pattern: one, role: api.RoleWrite, accepts: partTypes(), serve: s.putObject, doc: operation{
			id: "putSection", summary: "Replaces a section that is one object, such as log; needs If-Match",
			query: changeQuery(), body: rawAnswer(partTypes()), answers: changeAnswers(),
		}},
		{method: methodPatch, pattern: one, role: api.RoleWrite, accepts: patchTypes(), serve: s.patchObject, doc: operation{
			id: "patchSection", summary: "Changes a section that is one object by a merge patch; needs If-Match",
			query: changeQuery(), body: rawAnswer(patchTypes()), answers: changeAnswers(),
		}},
		{method: methodDelete, pattern: one, role: api.RoleWrite, serve: s.deleteObject, doc: operation{
			id: "deleteSection", summary: "Takes out a section that is one object, so that its defaults hold; needs If-Match",
			query: changeQuery(), answers: removalAnswers(),
		}},
	}
}

func (s *Server) objectEndpoints() []endpoint {
	const one = "/api/v1/config/{section}/{name}"
	return []endpoint{
		{method: methodGet, pattern: one, role: api.RoleRead, serve: s.getObject, doc: operation{
			id: "getObject", summary: "One listener, route, pool or stage as it was written, secrets masked",
			query:   map[string]string{keyFormat: "json (default) or yaml; Accept: application/yaml does the same"},
			answers: answers{200: rawAnswer{typeJSON, typeYAML}, 304: nil, 404: refusal{}, 409: refusal{}},
		}},
		{method: methodPut, pattern: one, role: api.RoleWrite, accepts: partTypes(), serve: s.putObject, doc: operation{
			id: "putObject", summary: "Creates or replaces one object; needs If-Match, or If-None-Match: * to create only",
			query: changeQuery(), body: rawAnswer(partTypes()), answers: changeAnswers(),
		}},
		{method: methodPatch, pattern: one, role: api.RoleWrite, accepts: patchTypes(), serve: s.patchObject, doc: operation{
			id: "patchObject", summary: "Changes one object by a merge patch (RFC 7396); needs If-Match",
			query: changeQuery(), body: rawAnswer(patchTypes()), answers: changeAnswers(),
		}},
		{method: methodDelete, pattern: one, role: api.RoleWrite, serve: s.deleteObject, doc: operation{
			id: "deleteObject", summary: "Removes one object that nothing refers to; needs If-Match. 204 where it was not there, with If-Match: *",
			query: changeQuery(), answers: removalAnswers(),
		}},
	}
}
