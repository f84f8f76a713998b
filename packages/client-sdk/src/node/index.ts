import { toHost } from "../core/check.ts"
import { handOver } from "../core/handOver.ts"
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

/** There is no page here that a path could belong to. */
const absolute = (host: string): string => {
  if (!host.startsWith("http"))
    throw new TypeError("millrace: host must be like https://events.example.com, not a path")
  return host
}

/** The process ends, so this is the last chance to tell; events in a `queueFolder` are for the next one to send. */
const sayUndelivered = ({ onError, queueFolder }: NodeOptions, eventIds: ReadonlyArray<string>, why: string) => {
  const fate = queueFolder === undefined ? "lost" : "kept in the queue folder"
  const message = `${eventIds.length} events were not delivered before the process ended, and are ${fate}: ${why}`
  try {
    if (onError) onError({ code: "undelivered", status: 0, eventIds, message })
    else console.warn("millrace: undelivered", message)
  } catch {
    // As everywhere: the application's handler must not cost events.
  }
}

export const createClient = <Events extends EventMap<Events> = Record<string, Properties>>(
  options: NodeOptions
): Client<Events> => {
  const { exitTimeoutMillis = 5_000, handleSignals = true, timeoutMillis = 10_000, userId, waitUntil } = options
  const settings = { ...SIZES, ...options }
  const url = `${absolute(toHost(options.host))}/events`
  const identity = { userId: userId }
  const queue = openQueue(settings)
  const connect = (made: Sender): Platform => {
    const announce = handOver(made, waitUntil)
    return {
      _post: (body, _urgent, millis) => post(url, body, millis),
      _put: (id, [json, at]) => {
        queue.put(id, json, at)
        announce()
      },
      _remove: (ids) => queue.remove(ids)
    }
  }
  const sender = makeSender(settings, identity, connect)
  queue.adopt(sender)

  const sayLast = () => {
    const batches = queue.batches()
    if (batches.length === 0) return
    const bodies = batches.map(({ body }) => body)
    const { judged, problem } = deliverBlocking({ url, bodies, timeoutMillis, limitMillis: exitTimeoutMillis })
    queue.remove(batches.flatMap(({ ids }, index) => (judged[index] ? ids : [])))
    const lost = batches.flatMap(({ ids }, index) => (judged[index] ? [] : ids))
    if (lost.length > 0) sayUndelivered(options, lost, problem)
  }
  const takeBack = atExit(sayLast, handleSignals)
  return makeClient(sender, {
    _identity: identity,
    _save: () => {},
    _purge: () => {},
    _mayStore: () => false,
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
