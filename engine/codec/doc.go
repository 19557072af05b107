// Package codec compresses the content of answers: it decides whether and how an answer
// may be compressed, says what that means for the fields of its head, and compresses
// content as it passes. It reads heads and makes bytes; it does no I/O, keeps no
// connection and knows nothing of an exchange. A request's content is never touched.
//
// Start reading at [Policy], which decides in two steps: [Policy.Offer] looks at the
// request, [Policy.Decide] at its answer. [Stream] then compresses. README.md
// holds what the codings cost.
//
// # What it follows
//
// RFC 9110: Accept-Encoding and its weights (12.5.3, 12.4.2), Content-Encoding (8.4),
// entity tags and how they are compared (8.8.3), If-None-Match (13.1.2), Vary (12.5.5),
// 206 and Content-Range (14). RFC 9111: no-transform (5.2.1.6, 5.2.2.6), what a 304
// updates (4.3.4). RFC 9530: digests of content and representation. RFC 9659: the window
// of zstd. RFC 10036: Incremental.
//
// # Where it is careful, and why
//
//   - A weight that cannot be read, or any parameter beside it, counts as q=0: what is
//     not clearly accepted is not sent.
//   - A coding named twice has the lower of its weights, so that the order of a list
//     means nothing but preference at equal weight, which is the configuration's.
//   - A request without Accept-Encoding gets identity, though RFC 9110 section 12.5.3
//     lets a server choose then: such clients are the ones that cannot decode.
package codec
