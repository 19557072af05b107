package ctl

import (
	"encoding/json"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/isame-lb/isame-lb/ctl/api"
	"github.com/valyala/fasthttp"
)

// operation is what the OpenAPI document says about an endpoint.
type operation struct {
	id      string
	summary string
	// query are the query parameters with their meaning.
	query map[string]string
	// body is a value of the body's type, or rawAnswer, or nil.
	body any
	// answers are values of the answers' types by status; guard and 501 answers are added.
	answers answers
}

type answers map[int]any

// rawAnswer is a body that is described by its media types alone.
type rawAnswer []string

// problemAnswer is the body of every answer that is not a success.
var problemAnswer = api.Problem{}

// object is a JSON object; encoding/json sorts its keys, so the document is the same each time.
type object = map[string]any

// renderOpenAPI makes the OpenAPI 3.1 document of the endpoints.
func renderOpenAPI(endpoints []endpoint) []byte {
	g := schemas{}
	paths := object{}
	for i := range endpoints {
		e := &endpoints[i]
		item, ok := paths[e.pattern].(object)
		if !ok {
			item = object{}
			if ps := pathParameters(e.pattern); len(ps) > 0 {
				item["parameters"] = ps
			}
			paths[e.pattern] = item
		}
		item[strings.ToLower(e.method)] = e.describe(g)
	}
	doc := object{
		"openapi": "3.1.0",
		"info": object{
			"title": "Isame admin API", "version": "1",
			"description": "State and control of one isame-lb process. Errors are RFC 9457 problem documents. " +
				"Every GET is answered to HEAD too.",
		},
		"servers": []any{object{"url": "/"}},
		"paths":   paths,
		"components": object{
			"schemas": g,
			"securitySchemes": object{"token": object{
				"type": "http", "scheme": "bearer", "description": "admin.token; needed for changes when it is set",
			}},
		},
	}
	out, err := json.Marshal(doc)
	if err != nil {
		panic("BUG: the OpenAPI document cannot be encoded: " + err.Error())
	}
	return append(out, '\n')
}

// describe is the operation object of e.
func (e *endpoint) describe(g schemas) object {
	op := object{"operationId": e.doc.id, "summary": e.doc.summary, "responses": e.responses(g)}
	if len(e.doc.query) > 0 {
		list := []any{}
		for _, name := range slices.Sorted(maps.Keys(e.doc.query)) {
			list = append(list, object{
				"name": name, "in": "query", "description": e.doc.query[name], "schema": object{"type": "string"},
			})
		}
		op["parameters"] = list
	}
	if e.doc.body != nil {
		op["requestBody"] = object{"required": true, "content": content(g, e.doc.body, typeJSON)}
	}
	if e.isChange() {
		op["security"] = []any{object{}, object{"token": []any{}}}
	}
	return op
}

// responses are the documented ones and those every endpoint may give.
func (e *endpoint) responses(g schemas) object {
	all := maps.Clone(e.doc.answers)
	all[fasthttp.StatusForbidden] = problemAnswer
	if strings.HasPrefix(e.pattern, "/api/v1/") && e.pattern != "/api/v1/openapi.json" || e.doc.id == "getMetrics" {
		all[fasthttp.StatusNotImplemented] = problemAnswer
	}
	if e.isChange() {
		all[fasthttp.StatusUnauthorized] = problemAnswer
		all[fasthttp.StatusRequestEntityTooLarge] = problemAnswer
		all[fasthttp.StatusUnsupportedMediaType] = problemAnswer
	}
	if e.doc.body != nil || len(e.doc.query) > 0 {
		all[fasthttp.StatusBadRequest] = problemAnswer
	}
	out := object{}
	for status, v := range all {
		r := object{"description": http.StatusText(status)}
		if v != nil {
			r["content"] = content(g, v, typeJSON)
		}
		out[strconv.Itoa(status)] = r
	}
	return out
}

// content describes a body by media type.
func content(g schemas, v any, mediaType string) object {
	if raw, ok := v.(rawAnswer); ok {
		out := object{}
		for _, t := range raw {
			out[t] = object{}
		}
		return out
	}
	if _, ok := v.(api.Problem); ok {
		mediaType = api.ProblemType
	}
	return object{mediaType: object{"schema": g.of(v)}}
}

// pathParameters are the {names} of a pattern.
func pathParameters(pattern string) []any {
	var list []any
	for segment := range strings.SplitSeq(pattern, "/") {
		if name, ok := strings.CutPrefix(segment, "{"); ok {
			list = append(list, object{
				"name": strings.TrimSuffix(name, "}"), "in": "path", "required": true, "schema": object{"type": "string"},
			})
		}
	}
	return list
}
