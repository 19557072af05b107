package hpack

// Indexing says what a field may do to the table.
type Indexing uint8

const (
	// Auto takes what [IndexingOf] says of the name.
	Auto Indexing = iota
	// Index puts the field into the table, unless it takes most of it.
	Index
	// IndexRepeated puts it there when it was sent before, not long ago: right
	// for what is the same from message to message, or never is.
	IndexRepeated
	// NoIndex does not, because the next message will have another value.
	NoIndex
	// NeverIndex forbids it to everybody on the way as well (RFC 7541 section
	// 7.1.3): for secrets, and for each field that was received so.
	NeverIndex
)

// policies is what [IndexingOf] says of the names of the static table.
//
// Never: credentials. Who can have fields of his choice sent over the same
// connection, and sees how long they become, could guess them otherwise (section
// 7.1). nghttp2 does so with Authorization and with cookies below 20 bytes, which
// are guessed soonest; it puts longer ones into the table, and Set-Cookie is
// NoIndex there. Here all are NeverIndex: it costs no byte more than NoIndex, the hop
// behind us is bound as well, and our connections to backends carry the cookies
// of many users, who would push each other out of the table.
//
// No: values that are new in each message (lengths, dates, validators, ranges),
// and URLs, which are long, many, and may hold a token.
//
// Repeated: what depends on the client. On a connection to a backend they are
// mixed, and each would push out the others.
var policies = [staticEntries + 1]Indexing{
	IDOther:         IndexRepeated,
	IDAuthorization: NeverIndex, IDProxyAuthorization: NeverIndex, IDCookie: NeverIndex, IDSetCookie: NeverIndex,

	IDPath: NoIndex, IDAge: NoIndex, IDContentDisposition: NoIndex, IDContentLength: NoIndex, IDContentLocation: NoIndex,
	IDContentRange: NoIndex, IDDate: NoIndex, IDETag: NoIndex, IDIfMatch: NoIndex, IDIfModifiedSince: NoIndex,
	IDIfNoneMatch: NoIndex, IDIfRange: NoIndex, IDIfUnmodifiedSince: NoIndex, IDLastModified: NoIndex,
	IDLocation: NoIndex, IDProxyAuthenticate: NoIndex, IDRange: NoIndex, IDReferer: NoIndex, IDRefresh: NoIndex,
	IDRetryAfter: NoIndex, IDWWWAuthenticate: NoIndex,

	IDAccept: IndexRepeated, IDAcceptCharset: IndexRepeated, IDAcceptEncoding: IndexRepeated,
	IDAcceptLanguage: IndexRepeated, IDExpires: IndexRepeated, IDFrom: IndexRepeated, IDLink: IndexRepeated,
	IDMaxForwards: IndexRepeated, IDUserAgent: IndexRepeated, IDVia: IndexRepeated,

	IDAuthority: Index, IDMethod: Index, IDScheme: Index, IDStatus: Index, IDAcceptRanges: Index,
	IDAccessControlAllowOrigin: Index, IDAllow: Index, IDCacheControl: Index, IDContentEncoding: Index,
	IDContentLanguage: Index, IDContentType: Index, IDExpect: Index, IDHost: Index, IDServer: Index,
	IDStrictTransportSecurity: Index, IDTransferEncoding: Index, IDVary: Index,
}

// IndexingOf says whether fields of this name, in lower case, are worth a place
// in the table. It is never Auto.
func IndexingOf(id ID, name []byte) Indexing {
	if id != IDOther {
		return policies[id]
	}
	switch string(name) {
	case "x-api-key", "api-key", "apikey", "x-auth-token", "x-access-token", "x-csrf-token", "x-xsrf-token",
		"x-amz-security-token", "x-goog-iap-jwt-assertion", "cf-access-jwt-assertion", "x-forwarded-access-token",
		"x-vault-token", "private-token", "authentication-info", "sec-websocket-key":
		return NeverIndex
	}
	return IndexRepeated
}
