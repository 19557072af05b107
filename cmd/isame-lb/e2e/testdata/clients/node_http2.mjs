import http2 from 'node:http2'
import { address, forever, timeout } from './exchange.mjs'

let session

// usable is a session that takes requests: GOAWAY closes one.
function usable() {
  if (!session || session.closed || session.destroyed) {
    session = http2.connect(`http://${address}`)
    session.on('error', () => {}) // the streams are told, too
  }
  return session
}

await forever((method, body) => new Promise((resolve, reject) => {
  const request = usable().request({ ':method': method, ':path': '/' })
  let status
  let text = ''
  request.setEncoding('utf8')
  request.setTimeout(timeout, () => request.destroy(new Error('timeout')))
  request.on('response', head => { status = head[':status'] })
  request.on('data', piece => { text += piece })
  request.on('end', () => resolve([status, text]))
  request.on('error', reject)
  request.end(body)
}))
