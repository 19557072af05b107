import http2 from 'node:http2'
import { address, forever, timeout } from './exchange.mjs'

let session
let lastHeard // the last stream that the server still hears, as its last GOAWAY says

// usable is a session that takes requests: GOAWAY closes one.
function usable() {
  if (!session || session.closed || session.destroyed) {
    session = http2.connect(`http://${address}`)
    lastHeard = undefined
    session.on('goaway', (code, last) => { lastHeard = last })
    session.on('error', () => {}) // the streams are told, too
  }
  return session
}

// refusesItself reports that Node has refused a request by itself. Where GOAWAY comes between
// request() and the turn that writes it, nghttp2 closes its stream as refused and sends
// nothing, whatever last stream that GOAWAY names: no server can hear such a request.
const refusesItself = request =>
  request.rstCode === http2.constants.NGHTTP2_REFUSED_STREAM && request.id <= lastHeard

const exchange = (method, body) => new Promise((resolve, reject) => {
  const request = usable().request({ ':method': method, ':path': '/' })
  let status
  let text = ''
  request.setEncoding('utf8')
  request.setTimeout(timeout, () => request.destroy(new Error('timeout')))
  request.on('response', head => { status = head[':status'] })
  request.on('data', piece => { text += piece })
  request.on('end', () => resolve([status, text]))
  request.on('error', error => {
    if (refusesItself(request)) resolve(exchange(method, body))
    else reject(error)
  })
  request.end(body)
})

await forever(exchange)
