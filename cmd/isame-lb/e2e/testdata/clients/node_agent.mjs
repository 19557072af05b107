import http from 'node:http'
import { address, forever, timeout } from './exchange.mjs'

const agent = new http.Agent({ keepAlive: true })

await forever((method, body) => new Promise((resolve, reject) => {
  const request = http.request(`http://${address}/`, { method, agent, timeout }, response => {
    let text = ''
    response.setEncoding('utf8')
    response.on('data', piece => { text += piece })
    response.on('end', () => resolve([response.statusCode, text]))
    response.on('error', reject)
  })
  request.on('timeout', () => request.destroy(new Error('timeout')))
  request.on('error', reject)
  request.end(body)
}))
