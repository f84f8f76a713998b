import { toHost } from "../core/check.ts"
import { handOver } from "../core/handOver.ts"
import { makeClient } from "../core/makeClient.ts"
import { makeSender } from "../core/makeSender.ts"
import type { Client, EventMap, Properties } from "../core/types.ts"
import type { PortableOptions } from "./PortableOptions.ts"

export type * from "../core/types.ts"
export type { PortableOptions } from "./PortableOptions.ts"

const SIZES = { maxBatchBytes: 512 * 1024, maxQueueBytes: 16 * 1024 * 1024 }

/**
 * For workers, edge functions and other places that have `fetch` and nothing else for sure: no page, no Node, no storage.
 * The queue lives in memory.
 */
export const createClient = <Events extends EventMap<Events> = Record<string, Properties>>(
  options: PortableOptions
): Client<Events> => {
  const url = `${toHost(options.host)}/events`
  const identity = { userId: options.userId }
  const sender = makeSender({ ...SIZES, ...options }, identity, (made) => {
    const announce = handOver(made, options.waitUntil)
    return {
      // Text asks for no preflight where this runs in a page's worker.
      _post: (body, _urgent, timeoutMillis) =>
        fetch(url, { method: "POST", body, signal: AbortSignal.timeout(timeoutMillis) }),
      _put: announce,
      _remove: () => {}
    }
  })
  return makeClient(sender, {
    _identity: identity,
    _save: () => {},
    _purge: () => {},
    _mayStore: () => false,
    _close: sender._flush
  }) as Client<never>
}
