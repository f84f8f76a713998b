import { toHost } from "../core/check.ts"
import { makeClient } from "../core/makeClient.ts"
import { makeSender } from "../core/makeSender.ts"
import type { Client, EventMap, Properties } from "../core/types.ts"
import { uuid7 } from "../core/uuid7.ts"
import type { BrowserOptions } from "./BrowserOptions.ts"
import { isSilenced, loadIdentity, saveIdentity } from "./identity.ts"
import { joinFamily } from "./joinFamily.ts"
import { makePage } from "./makePage.ts"
import { makeStorage } from "./makeStorage.ts"

export type * from "../core/types.ts"
export type { BrowserOptions } from "./BrowserOptions.ts"

/** Importing it is safe anywhere; calling it needs a page. */
export const createClient = <Events extends EventMap<Events> = Record<string, Properties>>(
  options: BrowserOptions
): Client<Events> => {
  const { consent, flushMillis = 2_000, key = "", persistence } = options
  const url = `${toHost(options.host)}/events`
  const name = `millrace:${key}`
  const page = uuid7(Date.now())
  const forgetful = persistence === "memory"
  const identity = forgetful ? {} : loadIdentity(name)
  const silenced = isSilenced(options)
  if (silenced) identity.optedOut = true
  // Whoever answered on an earlier visit is not asked again; an id alone is no answer.
  identity.pending = consent === "pending" && identity.optedOut == null
  /** Asked for silence, we do not even keep an id. */
  const isQuiet = () => forgetful || silenced || identity.pending
  const storage = makeStorage(name, page, isQuiet)

  let life: AbortController
  const join = () => {
    life = new AbortController()
    if (!identity.optedOut) joinFamily(name, page, storage, sender, flushMillis * 5, life.signal)
  }
  const leave = () => {
    life.abort()
    storage._close()
  }
  const sender = makeSender({ maxBatchBytes: 59_392, maxQueueBytes: 4_194_304, ...options }, identity, (made) =>
    makePage(url, made, storage, join, leave)
  )
  join()
  return makeClient(sender, {
    _identity: identity,
    _save: (changed) => isQuiet() || saveIdentity(name, changed),
    _purge: storage._clear,
    _mayStore: () => !isQuiet(),
    _close: async () => {
      await sender._flush()
      leave()
    }
  }) as Client<never>
}
