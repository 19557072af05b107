package wire

// namedField pairs a lower-case field name with its identity.
type namedField struct {
	name string
	id   FieldID
}

// nameList is every name the table knows. Frequent names without an identity
// are listed too: a name found in the table is not checked byte by byte.
var nameList = [...]namedField{
	{"host", FieldHost},
	{"content-length", FieldContentLength},
	{"transfer-encoding", FieldTransferEncoding},
	{"connection", FieldConnection},
	{"keep-alive", FieldKeepAlive},
	{"proxy-connection", FieldProxyConnection},
	{"te", FieldTE},
	{"trailer", FieldTrailer},
	{"upgrade", FieldUpgrade},
	{"proxy-authenticate", FieldProxyAuthenticate},
	{"proxy-authorization", FieldProxyAuthorization},
	{"http2-settings", FieldHTTP2Settings},
	{"x-forwarded-for", FieldXForwardedFor},
	{"x-forwarded-proto", FieldXForwardedProto},
	{"x-forwarded-host", FieldXForwardedHost},
	{"x-forwarded-port", FieldXForwardedPort},
	{"x-forwarded-client-cert", FieldXForwardedOther},
	{"forwarded", FieldForwarded},
	{"x-real-ip", FieldXRealIP},
	{"x-request-id", FieldXRequestID},
	{"client-cert", FieldClientCert},
	{"client-cert-chain", FieldClientCert},
	{"x-client-cert", FieldClientCert},
	{"ssl-client-cert", FieldClientCert},
	{"x-ssl-client-cert", FieldClientCert},
	{"via", FieldVia},
	{"expect", FieldExpect},
	{"cookie", FieldCookie},
	{"authorization", FieldAuthorization},
	{"accept", FieldAccept},
	{"accept-encoding", FieldAcceptEncoding},
	{"accept-language", FieldAcceptLanguage},
	{"user-agent", FieldUserAgent},
	{"referer", FieldReferer},
	{"origin", FieldOrigin},
	{"idempotency-key", FieldIdempotencyKey},
	{"traceparent", FieldTraceparent},
	{"tracestate", FieldTracestate},
	{"date", FieldDate},
	{"server", FieldServer},
	{"retry-after", FieldRetryAfter},
	{"set-cookie", FieldSetCookie},
	{"content-type", FieldContentType},
	{"content-encoding", FieldContentEncoding},
	{"content-range", FieldContentRange},
	{"cache-control", FieldCacheControl},
	{"range", FieldRange},
	{"if-match", FieldConditional},
	{"if-none-match", FieldConditional},
	{"if-modified-since", FieldConditional},
	{"if-unmodified-since", FieldConditional},
	{"if-range", FieldConditional},
	{"location", FieldLocation},
	{"vary", FieldVary},
	{"etag", FieldETag},
	{"last-modified", FieldLastModified},
	{"expires", FieldExpires},
	{"age", FieldAge},
	{"pragma", FieldPragma},
	{"max-forwards", FieldMaxForwards},
	{"www-authenticate", FieldWWWAuthenticate},
	{"warning", FieldWarning},
	{"x-isame-attempts", FieldIsameAttempts},
	{"accept-ranges", FieldOther},
	{"content-language", FieldOther},
	{"content-disposition", FieldOther},
	{"content-location", FieldOther},
	{"dnt", FieldOther},
	{"priority", FieldOther},
	{"sec-fetch-dest", FieldOther},
	{"sec-fetch-mode", FieldOther},
	{"sec-fetch-site", FieldOther},
	{"sec-fetch-user", FieldOther},
	{"sec-ch-ua", FieldOther},
	{"sec-ch-ua-mobile", FieldOther},
	{"sec-ch-ua-platform", FieldOther},
	{"alt-svc", FieldOther},
	{"referrer-policy", FieldOther},
	{"x-frame-options", FieldOther},
	{"x-content-type-options", FieldOther},
	{"x-requested-with", FieldOther},
	{"x-xss-protection", FieldOther},
	{"x-powered-by", FieldOther},
}

// unlistedSet are the identities that names get which are not in the list: see nameUnlisted.
const unlistedSet FieldSet = 1<<FieldOther | 1<<FieldUnderscoreTwin | 1<<FieldXForwardedOther

// theirNames are the names of identities that one name alone has, in lower case.
var theirNames = func() (names [64]string) {
	several := unlistedSet
	for _, k := range &nameList {
		if several.Has(k.id) {
			continue
		}
		if names[k.id] != "" {
			several |= 1 << k.id
			names[k.id] = ""
			continue
		}
		names[k.id] = k.name
	}
	return names
}()

// Name is the name that has this identity, in lower case; empty where several have it.
func (id FieldID) Name() string { return theirNames[id&63] }
