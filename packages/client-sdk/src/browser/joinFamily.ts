import type { Sender } from "../core/makeSender.ts"
import type { Storage } from "./makeStorage.ts"

/**
 * The pages of one origin. Each holds a lock under its own name as long as it lives; one of them holds the family's
 * lock, and sends what pages left that live no more. Aborting leaves: locks bar a page from the back/forward cache.
 */
export const joinFamily = (
  name: string,
  page: string,
  storage: Storage,
  sender: Sender,
  pauseMillis: number,
  signal: AbortSignal
): void => {
  const { locks } = navigator

  const adopt: () => unknown = async () => {
    const settled = sender._settled()
    const stored = await storage._all()
    // Asked after reading: whoever wrote an entry had the lock before.
    const held = (await locks?.query())?.held
    if (signal.aborted) return
    // What was settled meanwhile may have been read before, and would be sent again.
    for (const [id, value] of sender._settled() > settled ? [] : stored) {
      const { 0: owner, 1: json, 2: at } = Object(value)
      if (held?.some((lock) => lock.name === owner)) continue
      // What begins well and is broken all the same is found by halving, like any body that is refused.
      if (`${json}`.startsWith(`{"event_id":"${id as string}"`)) sender._add(id as string, json, at, true)
      else sender._refuse(id as string, "corrupt")
    }
    if (locks) setTimeout(adopt, pauseMillis)
  }

  const hold = (lock: string, held?: () => unknown) =>
    locks
      .request(lock, { signal }, () => {
        held?.()
        return new Promise((release) => signal.addEventListener("abort", release))
      })
      .catch(() => {})

  if (locks) {
    void hold(page)
    void hold(name, adopt)
  } else adopt()
}
