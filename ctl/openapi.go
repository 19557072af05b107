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

// refusal stands for the body of every answer that is not a success: a problem document.
type refusal struct{}

// object is a JSON object; encoding/json sorts its keys, so the document is the same each time.
type object = map[string]any

// renderOpenAPI makes the OpenAPI 3.1 document of the endpoints.
func renderOpenAPI(endpoints []endpoint) []byte {
	g := schemas{byName: object{}, fields: readFields()}
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
			keyDescription: "State and control of one isame-lb process. Errors are RFC 9457 problem documents. " +
				"Every GET is answered to HEAD too.",
		},
		"servers": []any{object{"url": "/"}},
		"paths":   paths,
		"components": object{
			"schemas": g.byName,
			"securitySchemes": object{"token": object{
				keyType: "http", "scheme": "bearer", keyDescription: "admin.token; needed for changes when it is set",
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
		list := make([]any, 0, len(e.doc.query))
		for _, name := range slices.Sorted(maps.Keys(e.doc.query)) {
			list = append(list, object{
				"name": name, "in": "query", keyDescription: e.doc.query[name], "schema": textSchema(),
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
	all[fasthttp.StatusForbidden] = refusal{}
	if strings.HasPrefix(e.pattern, "/api/v1/") && e.pattern != "/api/v1/openapi.json" || e.doc.id == "getMetrics" {
		all[fasthttp.StatusNotImplemented] = refusal{}
	}
	if e.isChange() {
		all[fasthttp.StatusUnauthorized] = refusal{}
		all[fasthttp.StatusRequestEntityTooLarge] = refusal{}
		all[fasthttp.StatusUnsupportedMediaType] = refusal{}
	}
	if e.doc.body != nil || len(e.doc.query) > 0 {
		all[fasthttp.StatusBadRequest] = refusal{}
	}
	out := object{}
	for status, v := range all {
		r := object{keyDescription: http.StatusText(status)}
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
	if _, ok := v.(refusal); ok {
		mediaType, v = api.ProblemType, api.Problem{}
	}
	return object{mediaType: object{"schema": g.of(v)}}
}

// pathParameters are the {names} of a pattern.
func pathParameters(pattern string) []any {
	var list []any
	for segment := range strings.SplitSeq(pattern, "/") {
		if name, ok := strings.CutPrefix(segment, "{"); ok {
			list = append(list, object{
				"name": strings.TrimSuffix(name, "}"), "in": "path", "required": true, "schema": textSchema(),
			})
		}
	}
	return list
}
