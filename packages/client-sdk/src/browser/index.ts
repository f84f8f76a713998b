import { makeClient } from "../core/makeClient.ts"
import { makeSender } from "../core/makeSender.ts"
import type { Client, EventMap, Properties } from "../core/types.ts"
import { uuid7 } from "../core/uuid7.ts"
import type { BrowserOptions } from "./BrowserOptions.ts"
import { loadIdentity, saveIdentity } from "./identity.ts"
import { joinFamily } from "./joinFamily.ts"
import { makePage } from "./makePage.ts"
import { makeStorage } from "./makeStorage.ts"

export type * from "../core/types.ts"
export type { BrowserOptions } from "./BrowserOptions.ts"

/** Importing it is safe anywhere; calling it needs a page. */
export const createClient = <Events extends EventMap<Events> = Record<string, Properties>>(
  options: BrowserOptions
): Client<Events> => {
  const { flushMillis = 2_000, host, key = "", respectPrivacySignals } = options
  const name = `millrace:${key}`
  const page = uuid7(Date.now())
  const storage = makeStorage(name, page)
  const identity = loadIdentity(name)
  const { doNotTrack, globalPrivacyControl } = navigator as { doNotTrack?: string; globalPrivacyControl?: boolean }
  const silenced = respectPrivacySignals && (globalPrivacyControl || doNotTrack === "1")
  if (silenced) identity.optedOut = true

  let life: AbortController
  const join = () => {
    life = new AbortController()
    if (!identity.optedOut) joinFamily(name, page, storage, sender, flushMillis * 5, life.signal)
  }
  const leave = () => {
    life.abort()
    storage._close()
  }
  const sender = makeSender({ maxBatchBytes: 59_392, maxQueueBytes: 4_194_304, ...options }, (made) =>
    makePage(`${host}/events`, made, storage, join, leave)
  )
  join()
  return makeClient(sender, {
    _identity: identity,
    // Asked for silence, we do not even keep an id.
    _save: (changed) => silenced || saveIdentity(name, changed),
    _purge: storage._clear,
    _close: async () => {
      await sender._flush()
      leave()
    }
  }) as Client<never>
}
