import type { Platform, Sender } from "../core/makeSender.ts"
import type { Storage } from "./makeStorage.ts"

declare const fetchLater: undefined | ((url: string, init: RequestInit) => unknown)

/**
 * How events leave a page that may end at any moment: at once when it hides, and by the browser when it just dies.
 * `join` and `leave` surround the time in which the page may be frozen for the back button.
 */
export const makePage = (
  url: string,
  sender: Sender,
  storage: Storage,
  join: () => void,
  leave: () => void
): Platform => {
  let hidden = false
  let timer: ReturnType<typeof setTimeout> | undefined
  let armed: AbortController | undefined

  /** What no request carries yet is left with the browser, to be sent if the page dies without a word. */
  const arm = () => {
    timer = undefined
    armed?.abort()
    armed = new AbortController()
    const ids = sender._take()
    try {
      if (ids.length) fetchLater!(url, { method: "POST", body: sender._bodyOf(ids), signal: armed.signal })
    } catch {
      // Not offered here, or more than it takes: then there is the storage.
    }
  }

  const look = ({ persisted, type }: Partial<PageTransitionEvent>) => {
    hidden = type === "pagehide" || document.hidden
    if (!hidden) {
      if (persisted) join()
      void sender._flush()
    } else {
      sender._urge()
      if (type === "pagehide") leave()
    }
  }
  for (const type of ["visibilitychange", "pagehide", "pageshow", "online"]) addEventListener(type, look, true)

  return {
    _post: (body, urgent, timeoutMillis) => {
      arm()
      // A string goes as text/plain, which asks for no preflight. Keepalive takes 64 KiB.
      return fetch(url, {
        method: "POST",
        body,
        keepalive: urgent && body.length < 65_000,
        signal: AbortSignal.timeout(timeoutMillis)
      })
    },
    _put: (id, entry) => {
      storage._put(id, entry)
      if (hidden) queueMicrotask(sender._urge)
      else timer ??= setTimeout(arm, 50)
    },
    _remove: (ids) => {
      storage._remove(ids)
      // What was purged must not be sent by the browser either.
      arm()
    }
  }
}
