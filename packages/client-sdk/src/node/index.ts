import { makeClient } from "../core/makeClient.ts"
import { makeSender, type Platform, type Sender } from "../core/makeSender.ts"
import type { Client, EventMap, Properties } from "../core/types.ts"
import { atExit } from "./atExit.ts"
import { deliverBlocking } from "./deliverBlocking.ts"
import type { NodeOptions } from "./NodeOptions.ts"
import { openQueue } from "./openQueue.ts"
import { post } from "./post.ts"

export type * from "../core/types.ts"
export type { NodeOptions } from "./NodeOptions.ts"

const SIZES = { maxBatchBytes: 512 * 1024, maxQueueBytes: 64 * 1024 * 1024 }
const POLL_MILLIS = 20

export const createClient = <Events extends EventMap<Events> = Record<string, Properties>>(
  options: NodeOptions
): Client<Events> => {
  const { exitTimeoutMillis = 5_000, handleSignals = true, host, timeoutMillis = 10_000, userId, waitUntil } = options
  const settings = { ...SIZES, ...options }
  const url = `${host}/events`
  const queue = openQueue(settings)
  let handedOver = false
  const handOver = (made: Sender) => {
    if (!waitUntil || handedOver) return
    handedOver = true
    // In a later turn: what this one tracks goes along.
    const delivery = Promise.resolve().then(() => {
      handedOver = false
      return made._flush()
    })
    waitUntil(delivery)
  }
  const connect = (made: Sender): Platform => ({
    _post: (body, _urgent, millis) => post(url, body, millis),
    _put: (id, [json, at]) => {
      queue.put(id, json, at)
      handOver(made)
    },
    _remove: (ids) => queue.remove(ids)
  })
  const sender = makeSender(settings, connect)
  queue.adopt(sender)

  const sayLast = () => {
    const batches = queue.batches()
    if (batches.length === 0) return
    const bodies = batches.map(({ body }) => body)
    const judged = deliverBlocking({ url, bodies, timeoutMillis, limitMillis: exitTimeoutMillis })
    queue.remove(batches.flatMap(({ ids }, index) => (judged[index] ? ids : [])))
  }
  const takeBack = atExit(sayLast, handleSignals)
  return makeClient(sender, {
    _identity: { userId },
    _save: () => {},
    _purge: () => {},
    _close: async () => {
      const until = Date.now() + exitTimeoutMillis
      await sender._flush()
      while (queue.size() > 0 && Date.now() < until) await new Promise((resolve) => setTimeout(resolve, POLL_MILLIS))
      if (queue.size() > 0) return
      takeBack()
      queue.close()
    }
  }) as Client<never>
}
