// Package frame reads and writes HTTP/2 frames (RFC 9113 sections 4 and 6). The
// HTTP/2 server of the engine uses it on the client's side, the pool on the
// backend's, both on bytes they own: a payload that was read is a part of what
// was given, and a frame is appended to what is given. It does no I/O, keeps no
// state but one [Sequence], and allocates nothing.
//
//	h, ok := frame.Parse(buf)              nine bytes
//	fault := frame.Check(h, maxFrame)      before the payload is waited for
//	fault = sequence.Next(h)               header blocks are not interrupted
//	data, fault := frame.Data(h, payload)  or another reader of payloads
//
// Everything about one frame is judged here, and about the order of the frames
// of a header block. Everything about streams is not: which are open, idle or
// closed, whose turn an identifier is, flow control, and how many frames of a
// kind are too many.
//
// # Faults
//
// What is not a frame as the RFC has it is a [Fault]: it carries the error code
// to answer with, and whether the stream or the connection has to end. All are
// package-level sentinels. Functions return a *Fault and not an error, since
// every caller wants to look into it; nil is none.
//
// It is stricter than the RFC where that costs nobody honest anything: a frame
// above the announced size ends the connection, whatever its type (section 4.2
// would let a DATA frame pass as the fault of its stream), and so does wrong
// padding of HEADERS, behind which the header block is lost. Beyond it, a header
// block has a bound of CONTINUATION frames (CVE-2024-27316), and PUSH_PROMISE is
// refused always: Isame never enables push, in neither role.
//
// # Why not golang.org/x/net/http2
//
// Its Framer owns reading and writing, which are ours (idle connections, shards,
// one write for many frames), and makes an object of each frame. Medians of nine
// interleaved rounds, go1.26, two busy cores of a Xeon: five frames read from
// memory and judged in 95 ns, x/net 574 ns and 4 allocations, its copy of the
// payloads included; three frames appended in 18 ns, x/net 65 ns.
//
// Start reading at [Header], [Check] and [Sequence], then [Data] and [Headers],
// then [AppendHeaders]. Imported by engine and pool; imports the standard library
// only.
package frame
