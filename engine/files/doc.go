// Package files finds the files of a folder that requests ask for, and says what of them
// is to be sent: name.go makes the name of a file of the path of a request, root.go looks
// it up, cache.go keeps those in memory that are asked for often, judge.go has the rules
// for conditions and ranges, reader.go the bytes.
//
// Nothing leads out of the folder. A name has no segment that begins with a dot, no
// backslash and no control byte, and what the disk makes of it is held by os.Root: each
// folder on the way is opened below the one before, and a symbolic link is followed where
// that stays inside. The folder itself is opened anew for each look at the disk, so one
// that is replaced, or a link that is switched, counts at once.
//
// Two kinds of callers: [Root.Held] is for an event loop, looks at memory alone, and
// neither waits nor allocates; [Root.Open] may wait for the disk.
//
// # Why not fasthttp.FS
//
// It answers a RequestCtx: an exchange would be copied into one and its answer out of it,
// with the bytes of the file in between, which the kernel can move by itself (sendfile). It
// opens files in whatever goroutine asks, so that an event loop could not ask it even for
// what it has in memory; keeps each file open, however seldom asked for, and believes what
// it knows for a fixed time; and knows no ETag, and no condition but If-Modified-Since.
//
// Package engine alone imports it. It imports pool/safely, pool/socket, pool/wire, xxhash and the
// standard library.
package files
