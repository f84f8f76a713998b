import type { AnyClient } from "../core/types.ts"

const MAX_TEXT = 100
const CLICKABLE = "a[href], button, input[type=submit], input[type=button], [role=button], [data-millrace]"
/** An element below one of these is never looked at. */
const PRIVATE = "[data-millrace-ignore]"

const describe = (element: Element) => ({
  tag: element.localName,
  id: element.id || undefined,
  name: element.getAttribute("data-millrace") ?? undefined,
  // What a person types is never read: only what the page itself says.
  text: element.matches("input, textarea, select") ? undefined : element.textContent.trim().slice(0, MAX_TEXT),
  href: element instanceof HTMLAnchorElement ? element.href : undefined
})

/** `$click` and `$submit` events for links, buttons and forms. Returns how to stop it. */
export const autocapture = (client: AnyClient): (() => void) => {
  const stop = new AbortController()
  const on = (type: "click" | "submit", selector: string) =>
    addEventListener(
      type,
      ({ target }) => {
        const element = target instanceof Element ? target.closest(selector) : null
        if (element && !element.closest(PRIVATE)) client.track(`$${type}`, describe(element))
      },
      { capture: true, signal: stop.signal }
    )
  on("click", CLICKABLE)
  on("submit", "form")
  return () => stop.abort()
}
