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
	// body is a value of the body's type, or rawAnswer, or nil; optional where there may be none.
	body     any
	optional bool
	// answers are values of the answers' types by status; guard and 501 answers are added.
	answers answers
}

type answers map[int]any

// rawAnswer is a body that is described by its media types alone.
type rawAnswer []string

// eventStream is a body of server-sent events: values of the types of their data, by the type of the event.
type eventStream map[string]any

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
				"Every GET is answered to HEAD too. x-isame-role is the least role that a token needs, where there are tokens: " +
				"metrics, read, observe, operate, write, each with the rights of those before; public needs none.",
		},
		"servers": []any{object{"url": "/"}},
		"paths":   paths,
		"components": object{
			"schemas":         g.byName,
			"securitySchemes": securitySchemes(),
		},
	}
	out, err := json.Marshal(doc)
	if err != nil {
		panic("BUG: the OpenAPI document cannot be encoded: " + err.Error())
	}
	return append(out, '\n')
}

// securitySchemes are the ways to show who asks.
func securitySchemes() object {
	return object{
		schemeToken: object{
			keyType: "http", "scheme": "bearer", keyDescription: "One of admin.tokens, or admin.token; needed when there is one",
		},
		schemeSession: object{
			keyType: "apiKey", "in": "cookie", "name": cookieName,
			keyDescription: "The cookie of POST /api/v1/session; changes need an Origin of this site as well",
		},
		"certificate": object{
			keyType: "mutualTLS", keyDescription: "Asked for where admin.tls.client_ca_file is set, beside a token; it has no role",
		},
	}
}

// Names of security schemes.
const (
	schemeToken   = "token"
	schemeSession = "session"
)

// security says which roles the schemes need. Without any token nothing is needed.
func (e *endpoint) security() []any {
	need := e.needs()
	if need == public {
		return []any{}
	}
	roles := []any{string(need)}
	return []any{object{}, object{schemeToken: roles}, object{schemeSession: roles}}
}

// describe is the operation object of e.
func (e *endpoint) describe(g schemas) object {
	op := object{
		"operationId": e.doc.id, "summary": e.doc.summary, "responses": e.responses(g),
		"security": e.security(), "x-isame-role": string(e.needs()),
	}
	if len(e.doc.query) > 0 {
		list := make([]any, 0, len(e.doc.query))
		for _, name := range slices.Sorted(maps.Keys(e.doc.query)) {
			list = append(list, object{
				"name": name, "in": "query", keyDescription: e.doc.query[name], keySchema: parameterSchema(name),
			})
		}
		op["parameters"] = list
	}
	if e.doc.body != nil {
		op["requestBody"] = object{"required": !e.doc.optional, "content": content(g, e.doc.body, typeJSON)}
	}
	return op
}

// parameterSchema is the schema of a query parameter.
func parameterSchema(name string) object {
	if name == keyLimit {
		return object{keyType: "integer", "minimum": 1, "maximum": limitMax}
	}
	return textSchema()
}

// responses are the documented ones and those every endpoint may give.
func (e *endpoint) responses(g schemas) object {
	all := maps.Clone(e.doc.answers)
	all[fasthttp.StatusBadRequest] = refusal{} // an unknown parameter
	all[fasthttp.StatusForbidden] = refusal{}  // a Host that is not ours
	if e.needs() != public {
		all[fasthttp.StatusUnauthorized] = refusal{}
		all[fasthttp.StatusTooManyRequests] = refusal{}
	}
	if strings.HasPrefix(e.pattern, "/api/v1/") && e.needs() != public && e.pattern != "/api/v1/openapi.json" || e.doc.id == "getMetrics" {
		all[fasthttp.StatusNotImplemented] = refusal{}
	}
	if e.isChange() {
		all[fasthttp.StatusRequestEntityTooLarge] = refusal{}
		all[fasthttp.StatusUnsupportedMediaType] = refusal{}
	}
	out := object{}
	for status, v := range all {
		r := object{keyDescription: http.StatusText(status)}
		if v != nil {
			r["content"] = content(g, v, typeJSON)
		}
		if _, isList := e.doc.query[keyAfter]; isList && status == fasthttp.StatusOK {
			r["headers"] = object{"Link": object{
				keyDescription: "Where the list goes on, with rel=next; absent on its last page", keySchema: textSchema(),
			}}
		}
		out[strconv.Itoa(status)] = r
	}
	out["default"] = object{keyDescription: "Any other refusal", "content": content(g, refusal{}, typeJSON)}
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
	if events, ok := v.(eventStream); ok {
		data := object{}
		for name, value := range events {
			data[name] = g.of(value)
		}
		return object{typeEvents: object{keySchema: textSchema(), "x-isame-events": data}}
	}
	if _, ok := v.(refusal); ok {
		mediaType, v = api.ProblemType, api.Problem{}
	}
	return object{mediaType: object{keySchema: g.of(v)}}
}

// pathParameters are the {names} of a pattern.
func pathParameters(pattern string) []any {
	var list []any
	for segment := range strings.SplitSeq(pattern, "/") {
		if name, ok := strings.CutPrefix(segment, "{"); ok {
			list = append(list, object{
				"name": strings.TrimSuffix(name, "}"), "in": "path", "required": true, keySchema: textSchema(),
			})
		}
	}
	return list
}
