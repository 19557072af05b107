// Package hpack reads and writes HTTP/2 header blocks (RFC 7541). The HTTP/2
// server of the engine uses it on the client's side, the pool on the backend's.
// It does no I/O, starts no goroutine, and allocates nothing in steady state.
//
//	d.Begin(block)                         HEADERS and CONTINUATION, joined
//	more, err := d.Next(&f)                one field after the other
//	err := d.Skip()                        the rest, for the table's sake
//
//	dst = e.AppendStatus(dst, 200)         or AppendEntry for :method GET
//	dst = e.AppendField(dst, name, value, hpack.Auto)
//
// What the fields say is not judged here: names in upper case, pseudo-headers out
// of order, control bytes in values pass, since the table does not care. Readers
// of a field compare [Field.ID] and [Field.Entry] instead of strings.
//
// # Who owns the bytes
//
// A decoded name or value is where it was found: in the block, in the table, in
// the scratch of Huffman-coded strings. It is valid until the next call of a
// method of the decoder. The encoder keeps copies only, in its table.
//
// # What is bounded
//
// A block costs its bytes, and what they mean no more than [Limits] say: a field
// that would exceed the limits is not delivered, and fields behind it neither.
// The table is kept in step meanwhile ([Decoder.Skip]), so the stream is answered
// 431 and the connection goes on. Even then, one block does not copy more than
// floodFactor times the limit into the table. Table, scratch and index are
// allocated when they are needed first: after the request of the benchmarks a
// decoder holds 1.2 KB, after their responses an encoder 0.6 KB. The scratch is
// given back at the end of each block.
//
// # Where it is stricter
//
// Integers of more than 31 bits are refused, which the RFC leaves to us (section
// 5.1). A peer that is told to use a smaller table must say so in its next block
// (section 4.2). Both sides use at most the table of 4096 bytes unless the
// decoder is told of more.
//
// # Why not golang.org/x/net/http2/hpack
//
// It calls back for each field, makes strings of all of them, and its encoder
// wants strings. Medians of nine interleaved rounds, go1.26, two busy cores of a
// Xeon; a request of a browser with 17 fields, a response of 10 of which length
// and validator change each time:
//
//	                                     ours             x/net
//	request, all of it in the table      242 ns           352 ns
//	request, all of it to be inserted   2.79 us           6.80 us, 22 allocations
//	request, Huffman, none in the table 2.65 us           6.03 us, 22 allocations
//	response, encoded                    595 ns, 52 bytes 1.67 us, 26 to 159 bytes
//
// Ours allocates nothing in any of them, and lower-cases the names of the response
// on the way. Its blocks are longer while a Date lasts, which x/net puts into the
// table, where it pushes out others each second.
//
// Start reading at [Decoder] and [Encoder], then table.go, which both share,
// huffmandecode.go, index.go with policy.go. Imported by engine and pool; imports
// the standard library only.
package hpack
