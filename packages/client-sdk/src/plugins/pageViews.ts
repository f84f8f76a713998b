import type { AnyClient } from "../core/types.ts"

export interface PageViewsOptions {
  /** Also when only the part after `#` changes. Default false. */
  readonly hash?: boolean
}

interface NavigationLike extends EventTarget {
  readonly currentEntry: unknown
}

/** A `$page` event now and for each later address, single-page navigation included. Returns how to stop it. */
export const pageViews = (client: AnyClient, { hash = false }: PageViewsOptions = {}): (() => void) => {
  let last: string | undefined
  let before = document.referrer
  const address = () => (hash ? location.href : location.href.split("#")[0]!)
  const look = () => {
    const url = address()
    if (url === last) return
    last = url
    client.page(document.title, { url, path: location.pathname, referrer: before })
    before = url
  }
  const stop = new AbortController()
  const options = { signal: stop.signal }
  const { navigation } = globalThis as { navigation?: NavigationLike }
  // A task later: the router has set the title by then.
  const soon = () => void setTimeout(look, 0)
  if (navigation) navigation.addEventListener("currententrychange", soon, options)
  else wrapHistory(soon, stop.signal)
  addEventListener("popstate", soon, options)
  addEventListener("hashchange", soon, options)
  addEventListener("pageshow", (event) => event.persisted && ((last = undefined), look()), options)
  look()
  return () => stop.abort()
}

/** Where no Navigation API tells of `pushState`. What others wrapped around it later stays in place. */
const wrapHistory = (moved: () => void, signal: AbortSignal): void => {
  for (const method of ["pushState", "replaceState"] as const) {
    const original = history[method].bind(history)
    history[method] = (...args) => {
      original(...args)
      if (!signal.aborted) moved()
    }
  }
}
