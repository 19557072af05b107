import { address, forever, timeout } from './exchange.mjs'

await forever(async (method, body) => {
  const response = await fetch(`http://${address}/`, { method, body, signal: AbortSignal.timeout(timeout) })
  return [response.status, await response.text()]
})
