package hpack

// Fault says why a header block was not decoded. All values are package-level
// sentinels, compared by pointer or [errors.Is], and returning one allocates
// nothing.
type Fault struct { //nolint:errname // as wire.Refusal
	// Cause is one short snake_case word, fit for X-Isame-Error, for a metric
	// label and for a log field.
	Cause string
}

// Error implements error.
func (f *Fault) Error() string { return "cannot decode header block: " + f.Cause }

// Faults of a block. After [ErrTooLarge] the rest of it can still be decoded (see
// [Decoder.Skip]). After any other the two tables are no longer in step: the
// connection must end with COMPRESSION_ERROR (RFC 9113 section 4.3), or
// ENHANCE_YOUR_CALM for [ErrFlood].
var (
	// ErrTruncated is a block that ends inside a field.
	ErrTruncated = &Fault{"truncated_header_block"}
	// ErrInteger is a number of more than 31 bits, or of too many bytes.
	ErrInteger = &Fault{"bad_header_integer"}
	// ErrIndex is an index without an entry.
	ErrIndex = &Fault{"bad_header_index"}
	// ErrHuffman is a string with EOS in it, or with wrong or long padding.
	ErrHuffman = &Fault{"bad_huffman_code"}
	// ErrTableSize is a table above the limit, announced or kept.
	ErrTableSize = &Fault{"bad_header_table_size"}
	// ErrLateSize is a table size update behind a field.
	ErrLateSize = &Fault{"late_header_table_size"}
	// ErrFlood is a block that fills the table over and over.
	ErrFlood = &Fault{"header_table_flood"}
	// ErrUnread is a mistake of the caller, see [Decoder.Begin].
	ErrUnread = &Fault{"header_block_unread"}
	// ErrTooLarge is a field longer than Limits.StringBytes or a list larger
	// than Limits.ListBytes: a request is answered 431, a response becomes 502.
	ErrTooLarge = &Fault{"header_too_large"}
)
