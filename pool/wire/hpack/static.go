package hpack

import "bytes"

// ID identifies a field name of the static table: the lowest index that has the
// name (RFC 7541 appendix A). It is an identity of names, whichever way they
// were encoded; IDOther is every name the static table does not have.
type ID uint8

// The names of the static table.
const (
	IDOther ID = 0

	IDAuthority                ID = 1
	IDMethod                   ID = 2
	IDPath                     ID = 4
	IDScheme                   ID = 6
	IDStatus                   ID = 8
	IDAcceptCharset            ID = 15
	IDAcceptEncoding           ID = 16
	IDAcceptLanguage           ID = 17
	IDAcceptRanges             ID = 18
	IDAccept                   ID = 19
	IDAccessControlAllowOrigin ID = 20
	IDAge                      ID = 21
	IDAllow                    ID = 22
	IDAuthorization            ID = 23
	IDCacheControl             ID = 24
	IDContentDisposition       ID = 25
	IDContentEncoding          ID = 26
	IDContentLanguage          ID = 27
	IDContentLength            ID = 28
	IDContentLocation          ID = 29
	IDContentRange             ID = 30
	IDContentType              ID = 31
	IDCookie                   ID = 32
	IDDate                     ID = 33
	IDETag                     ID = 34
	IDExpect                   ID = 35
	IDExpires                  ID = 36
	IDFrom                     ID = 37
	IDHost                     ID = 38
	IDIfMatch                  ID = 39
	IDIfModifiedSince          ID = 40
	IDIfNoneMatch              ID = 41
	IDIfRange                  ID = 42
	IDIfUnmodifiedSince        ID = 43
	IDLastModified             ID = 44
	IDLink                     ID = 45
	IDLocation                 ID = 46
	IDMaxForwards              ID = 47
	IDProxyAuthenticate        ID = 48
	IDProxyAuthorization       ID = 49
	IDRange                    ID = 50
	IDReferer                  ID = 51
	IDRefresh                  ID = 52
	IDRetryAfter               ID = 53
	IDServer                   ID = 54
	IDSetCookie                ID = 55
	IDStrictTransportSecurity  ID = 56
	IDTransferEncoding         ID = 57
	IDUserAgent                ID = 58
	IDVary                     ID = 59
	IDVia                      ID = 60
	IDWWWAuthenticate          ID = 61
)

// Entry is a whole field of the static table, name and value, by its index.
// EntryNone is every field it does not have.
type Entry uint8

// The fields of the static table that have a value.
const (
	EntryNone Entry = 0

	EntryMethodGET      Entry = 2
	EntryMethodPOST     Entry = 3
	EntryPathRoot       Entry = 4 // /
	EntryPathIndex      Entry = 5 // /index.html
	EntrySchemeHTTP     Entry = 6
	EntrySchemeHTTPS    Entry = 7
	EntryStatus200      Entry = 8
	EntryStatus204      Entry = 9
	EntryStatus206      Entry = 10
	EntryStatus304      Entry = 11
	EntryStatus400      Entry = 12
	EntryStatus404      Entry = 13
	EntryStatus500      Entry = 14
	EntryAcceptEncoding Entry = 16 // gzip, deflate
)

// staticEntries is the length of the static table; its first index is 1, and the
// dynamic table's first one follows the last.
const staticEntries = 61

// staticList is RFC 7541 appendix A.
//
//nolint:goconst // as it is printed there
var staticList = [staticEntries]struct{ name, value string }{
	{":authority", ""},
	{":method", "GET"},
	{":method", "POST"},
	{":path", "/"},
	{":path", "/index.html"},
	{":scheme", "http"},
	{":scheme", "https"},
	{":status", "200"},
	{":status", "204"},
	{":status", "206"},
	{":status", "304"},
	{":status", "400"},
	{":status", "404"},
	{":status", "500"},
	{"accept-charset", ""},
	{"accept-encoding", "gzip, deflate"},
	{"accept-language", ""},
	{"accept-ranges", ""},
	{"accept", ""},
	{"access-control-allow-origin", ""},
	{"age", ""},
	{"allow", ""},
	{"authorization", ""},
	{"cache-control", ""},
	{"content-disposition", ""},
	{"content-encoding", ""},
	{"content-language", ""},
	{"content-length", ""},
	{"content-location", ""},
	{"content-range", ""},
	{"content-type", ""},
	{"cookie", ""},
	{"date", ""},
	{"etag", ""},
	{"expect", ""},
	{"expires", ""},
	{"from", ""},
	{"host", ""},
	{"if-match", ""},
	{"if-modified-since", ""},
	{"if-none-match", ""},
	{"if-range", ""},
	{"if-unmodified-since", ""},
	{"last-modified", ""},
	{"link", ""},
	{"location", ""},
	{"max-forwards", ""},
	{"proxy-authenticate", ""},
	{"proxy-authorization", ""},
	{"range", ""},
	{"referer", ""},
	{"refresh", ""},
	{"retry-after", ""},
	{"server", ""},
	{"set-cookie", ""},
	{"strict-transport-security", ""},
	{"transfer-encoding", ""},
	{"user-agent", ""},
	{"vary", ""},
	{"via", ""},
	{"www-authenticate", ""},
}

// staticField is one entry of the static table, made ready.
type staticField struct {
	name, value []byte
	id          ID
	bytes       int // its size as section 4.1 counts it
}

// staticTable is read only after it was built, index 0 unused.
var staticTable = buildStatic()

func buildStatic() (table [staticEntries + 1]staticField) {
	for i, f := range &staticList {
		id := ID(i + 1)
		if previous := &table[i]; string(previous.name) == f.name {
			id = previous.id
		}
		table[i+1] = staticField{
			name: clipped(f.name), value: clipped(f.value),
			id: id, bytes: fieldBytes(len(f.name), len(f.value)),
		}
	}
	return table
}

// clipped makes bytes nobody can append to.
func clipped(s string) []byte { return []byte(s)[:len(s):len(s)] }

// Name is the name id stands for, in lower case; nil for IDOther. It must not be
// changed.
func (id ID) Name() []byte {
	if id > staticEntries {
		return nil
	}
	return staticTable[id].name
}

// entryOf finds the entry of the static table with this name and value.
func entryOf(id ID, value []byte) Entry {
	if id > IDStatus && len(value) != 0 && id != IDAcceptEncoding || id == IDOther {
		return EntryNone // all but a few have no value
	}
	for i := int(id); i <= staticEntries && staticTable[i].id == id; i++ {
		if bytes.Equal(staticTable[i].value, value) {
			return Entry(i)
		}
	}
	return EntryNone
}

const (
	idSlotBits = 8
	idSlots    = 1 << idSlotBits
)

// idTable finds a name of the static table by its hash. Read only after it was
// built.
var idTable = buildIDs()

func buildIDs() (table [idSlots]ID) {
	for i := 1; i < len(staticTable); i++ {
		f := &staticTable[i]
		slot := &table[hash(f.name)>>(64-idSlotBits)]
		if *slot != IDOther && *slot != f.id {
			panic("BUG: field name " + string(f.name) + " does not fit the table")
		}
		*slot = f.id
	}
	return table
}

// idOf identifies a name in lower case, of which h is the hash.
func idOf(name []byte, h uint64) ID {
	id := idTable[h>>(64-idSlotBits)]
	if !bytes.Equal(staticTable[id].name, name) {
		return IDOther
	}
	return id
}
