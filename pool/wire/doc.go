// Package wire reads HTTP/1.1 message framing: request and response heads,
// chunked bodies, trailers, and the path of a request target. The engine uses
// it on the client's side, the pool on the backend's, both on bytes they own;
// nothing is copied and nothing allocated in steady state. It does no I/O. HTTP/2
// is in the packages below it: frame and hpack.
//
// Start reading at [RequestHead.Parse], then [ResponseHead.Parse] and [Chunked].
// Imported by engine and pool; imports the standard library only.
//
// # What it follows
//
// RFC 9112: message format (2), request line and target forms (3), status line
// (4), field lines (5), body length (6), chunked coding (7), persistence (9.3).
// RFC 9110: tokens and lists (5.6), trailers (6.5.1), Connection and hop-by-hop
// fields (7.6.1), Expect (10.1.1). RFC 3986: dot segments (5.2.4).
//
// # Where it is stricter, and why
//
// A head goes to the backend as the bytes the client sent. So what two readers
// of RFC 9112 might read differently must be refused here:
//
//   - bare LF as a line end, bare CR, folded lines, control bytes but tab (2.2,
//     5.2 and 5.5 allow a recipient to bear or replace them);
//   - more than one empty line before a request;
//   - Content-Length given twice or as a list, even of equal values (6.3 lets a
//     recipient merge them), and with leading zeros;
//   - Content-Length beside Transfer-Encoding (6.3 lets the latter win), and any
//     Transfer-Encoding but one plain "chunked", or in HTTP/1.0;
//   - white space around a chunk size; extensions are bounded and dropped;
//   - an empty Host, a Host that is no plain name or address;
//   - versions other than 1.0 and 1.1, absolute targets other than http and
//     https, CONNECT, methods longer than 32 bytes;
//   - paths whose dot segments depend on who decodes them (see [NormalizePath]).
//
// It is laxer in one place: a status line may end after the status code (RFC
// 9112 section 4), since many backends write it so and nothing depends on it.
//
// # Faults
//
// Every refusal is one of the Err variables. Which one comes first depends only
// on the bytes, never on how they were cut into reads: a line is judged when its
// line end is there. Only what can never become a request line or status line is
// refused before that.
package wire
