package config

import (
	"reflect"
	"slices"
	"strings"
)

// stageTypes are the built-in types of middleware, each with the struct of its keys
// beside type, when and unless. NAME stands in stage_NAME.go.
func stageTypes() map[string]reflect.Type {
	return map[string]reflect.Type{
		"affinity":          reflect.TypeFor[StageAffinity](),
		"api_key":           reflect.TypeFor[StageAPIKey](),
		"bandwidth_limit":   reflect.TypeFor[StageBandwidthLimit](),
		"basic_auth":        reflect.TypeFor[StageBasicAuth](),
		"buffer":            reflect.TypeFor[StageBuffer](),
		"buffer_limit":      reflect.TypeFor[StageBufferLimit](),
		"chain":             reflect.TypeFor[StageChain](),
		"compress":          reflect.TypeFor[StageCompress](),
		"concurrency_limit": reflect.TypeFor[StageConcurrencyLimit](),
		"cookies":           reflect.TypeFor[StageCookies](),
		"count":             reflect.TypeFor[StageCount](),
		"cors":              reflect.TypeFor[StageCORS](),
		"deny":              reflect.TypeFor[StageDeny](),
		"error_pages":       reflect.TypeFor[StageErrorPages](),
		"fault":             reflect.TypeFor[StageFault](),
		"forward_auth":      reflect.TypeFor[StageForwardAuth](),
		"headers":           reflect.TypeFor[StageHeaders](),
		"ip_filter":         reflect.TypeFor[StageIPFilter](),
		"jwt":               reflect.TypeFor[StageJWT](),
		"maintenance":       reflect.TypeFor[StageMaintenance](),
		"mirror":            reflect.TypeFor[StageMirror](),
		"rate_limit":        reflect.TypeFor[StageRateLimit](),
		"redirect":          reflect.TypeFor[StageRedirect](),
		"request_id":        reflect.TypeFor[StageRequestID](),
		"rewrite":           reflect.TypeFor[StageRewrite](),
		"security_headers":  reflect.TypeFor[StageSecurityHeaders](),
		"timeout":           reflect.TypeFor[StageTimeout](),
	}
}

// StageTypes returns the names of the built-in types of middleware, sorted.
func StageTypes() []string { return sortedNames(stageTypes()) }

// StageType returns the struct that holds the keys of a built-in type, by reflection, for
// tests and tools that list all keys; nil for a name that is none.
func StageType(name string) reflect.Type { return stageTypes()[name] }

// stage returns the struct of a type of middleware, built-in or registered.
func (s *schema) stage(name string) (t reflect.Type, known bool) {
	if t, known = stageTypes()[name]; known {
		return t, true
	}
	return reflect.TypeFor[StageHandler](), slices.Contains(s.extensions.Stages, name)
}

// stageNames are all types there are, sorted.
func (s *schema) stageNames() []string {
	return slices.Sorted(slices.Values(slices.Concat(StageTypes(), s.extensions.Stages)))
}

// keysOf returns the keys of a section; those of middleware depend on its type. Where
// that is unknown each key is as in the first type that has it.
func (s *schema) keysOf(t reflect.Type, stage string) []field {
	fields := s.fields(t)
	if t != reflect.TypeFor[Middleware]() {
		return fields
	}
	fields = slices.Clip(fields)
	if typ, known := s.stage(stage); known {
		return append(fields, s.fields(typ)...)
	}
	have := map[string]bool{}
	for _, name := range s.stageNames() {
		typ, _ := s.stage(name)
		for _, f := range s.fields(typ) {
			if !have[f.key] {
				have[f.key] = true
				fields = append(fields, f)
			}
		}
	}
	return fields
}

// stagesWith are the built-in types that have a key, sorted.
func (s *schema) stagesWith(key string) []string {
	var names []string
	for name, typ := range stageTypes() {
		if slices.ContainsFunc(s.fields(typ), func(f field) bool { return f.key == key }) {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

// stage fills one stage: first what every type has, then what its type has. A type that
// is unknown is one problem, and its keys are not looked at.
func (d *decoder) stage(n *node, path string, m *Middleware) {
	common := d.schema.fields(reflect.TypeFor[Middleware]())
	d.keys(n, path, reflect.ValueOf(m).Elem(), common)
	typ, known := d.schema.stage(m.Type)
	if !known {
		if m.Type != "" {
			d.unknownStage(n.child("type"), path+".type", m.Type)
		}
		return
	}
	v := reflect.New(typ)
	fields := d.schema.fields(typ)
	d.unknownStageKeys(n, path, m.Type, slices.Concat(common, fields))
	d.keys(n, path, v.Elem(), fields)
	if h, ok := reflect.TypeAssert[*StageHandler](v); ok {
		h.Name = m.Type
	}
	m.Stage = v.Interface()
}

// unknownStage notes a type that is none.
func (d *decoder) unknownStage(n *node, path, name string) {
	if d.problems.full() {
		d.badf(n, path, "is no type of middleware")
		return
	}
	shown := quoted(name)
	if raw, ok := d.raw[path]; ok {
		shown, name = quoted(raw), ""
	}
	if meant := meantStage(name, d.schema.stageNames()); meant != "" {
		d.badf(n, path, "%s is no type of middleware%s", shown, didYouMean(quoted(meant)))
		return
	}
	d.badf(n, path, "%s is no type of middleware: there are %s", shown, strings.Join(d.schema.stageNames(), ", "))
}

// unknownStageKeys notes keys that the type of a stage does not have.
func (d *decoder) unknownStageKeys(n *node, path, stage string, fields []field) {
	if n == nil {
		return
	}
	names := keyNames(fields)
	for _, e := range n.entries {
		if slices.Contains(names, e.name) {
			continue
		}
		at := e.value.key
		if at.IsDefault() {
			at = e.value.from
		}
		message := "unknown key"
		if !d.problems.full() {
			message = d.schema.unknownStageKey(e.name, stage, fields)
			if meant := nearest(e.name, names); meant != "" && n.child(meant) == nil {
				d.broken[joinPath(path, meant)] = true // said already: not also reported as missing
			}
		}
		d.problems.addf(at, joinPath(path, e.name), "%s", message)
	}
}

// unknownStageKey says what is wrong with a key that a type of middleware does not have.
func (s *schema) unknownStageKey(key, stage string, fields []field) string {
	names := keyNames(fields)
	if others := s.stagesWith(key); len(others) > 0 {
		return "is no key of " + stage + " but of " + strings.Join(others, ", ")
	}
	if meant := nearest(key, names); meant != "" {
		return "unknown key" + didYouMean(quoted(meant))
	}
	const common = 3 // type, when and unless
	own := names[common:]
	if len(own) == 0 {
		return "unknown key"
	}
	return "unknown key: keys of " + stage + " are " + strings.Join(own, ", ")
}

func keyNames(fields []field) []string {
	names := make([]string, len(fields))
	for i := range fields {
		names[i] = fields[i].key
	}
	return names
}

// stageSynonymText lists what other proxies call their middleware, each with our type.
const stageSynonymText = `
limit_req=rate_limit ratelimit=rate_limit throttle=rate_limit limit_conn=concurrency_limit inflightreq=concurrency_limit
limit_rate=bandwidth_limit block=deny return=deny respond=deny reject=deny
ipallowlist=ip_filter ipwhitelist=ip_filter allow=ip_filter rbac=ip_filter
auth_basic=basic_auth basicauth=basic_auth auth_request=forward_auth forwardauth=forward_auth ext_authz=forward_auth
apikey=api_key jwt_authn=jwt oidc=jwt auth_jwt=jwt
add_header=headers header=headers proxy_set_header=headers request_header=headers
stripprefix=rewrite stripprefixregex=rewrite addprefix=rewrite replacepath=rewrite replacepathregex=rewrite
uri=rewrite handle_path=rewrite
redirectscheme=redirect redirectregex=redirect redir=redirect
gzip=compress encode=compress brotli=compress zstd=compress compression=compress
buffering=buffer client_max_body_size=buffer_limit request_body=buffer_limit
errors=error_pages error_page=error_pages handle_errors=error_pages
hsts=security_headers secure=security_headers mirroring=mirror`

// meantStage guesses which type of middleware was meant, or "".
func meantStage(word string, names []string) string {
	if word == "" {
		return ""
	}
	low := strings.ToLower(word)
	for pair := range strings.FieldsSeq(stageSynonymText) {
		if theirs, ours, _ := strings.Cut(pair, "="); theirs == low {
			return ours
		}
	}
	return nearest(word, names)
}

// stageType is the type of the middleware that an assignment goes below, or "": as
// this layer sets it, else as those below have it.
func (w *walk) stageType() string {
	if section(w.typ) != reflect.TypeFor[Middleware]() {
		return ""
	}
	keys := slices.Clone(w.a.keys)
	keys = append(keys[:min(2, len(keys))], "type")
	for _, a := range slices.Backward(w.as) {
		if slices.EqualFunc(a.keys, keys, func(x, y string) bool { return x == y || w.a.fold && strings.EqualFold(x, y) }) {
			return strings.TrimSpace(a.value)
		}
	}
	if over := textOf(w.over.child("type")); over != "" {
		return over
	}
	return textOf(w.base.child("type"))
}

// textOf is the text of a scalar, or "".
func textOf(n *node) string {
	if n == nil {
		return ""
	}
	return n.text
}

// setWhole writes only what is not so yet: goroutines share the trees of documents, in which all is.
func (n *node) setWhole(whole bool) {
	if n.whole != whole {
		n.whole = whole
	}
}

// settle marks the sections of one layer that a higher one replaces as a whole: those that
// stand for a list of one, and those that text is short for.
func (s *schema) settle(n *node, t reflect.Type) {
	if n == nil || n.kind != kindMap {
		return
	}
	switch shapeOf(t) {
	case shapeSection:
		n.setWhole(s.short(t) != "")
		fields := s.fields(section(t))
		for _, e := range n.entries {
			f := fieldOf(fields, e.name)
			if f == nil {
				continue
			}
			if e.value.kind == kindMap && f.single {
				e.value.setWhole(true)
			}
			s.settle(e.value, f.typ)
		}
	case shapeNames:
		for _, e := range n.entries {
			s.settle(e.value, t.Elem())
		}
	default:
	}
}
