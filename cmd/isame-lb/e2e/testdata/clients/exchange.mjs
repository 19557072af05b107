// What the clients in Node have in common.
import { setTimeout } from 'node:timers/promises'

export const address = process.argv[2]
export const timeout = 20_000

// forever calls one with the method and the body of each exchange.
export async function forever(one) {
  for (let n = 0; ; n++) {
    const [method, body] = n % 2 ? ['POST', 'content'] : ['GET', undefined]
    try {
      const [status, text] = await one(method, body)
      console.log(status === 200 && text === 'fine' ? 'ok' : `got ${status} ${text}`)
    } catch (e) {
      console.log(`failed: ${e} ${e.cause ?? ''} ${e.code ?? ''}`)
    }
    await setTimeout(50)
  }
}
