import { createServer } from "node:http"
import type { AddressInfo } from "node:net"
import { bundle } from "../../build.ts"

const html = (head: string) => `<!doctype html><meta charset="utf-8">${head}<title>page</title><p>a page`
const LOAD = `<script type="module">import { createClient } from "/browser.js"; window.createClient = createClient</script>`

export interface Site {
  readonly url: string
  /** While true, the client's script of `/snippet` does not arrive. */
  stuck: boolean
  readonly close: () => Promise<void>
}

/** Pages with the client as it is published, on another origin than the server's: as on most sites. */
export const openSite = async (): Promise<Site> => {
  const files: Record<string, string> = {
    "/browser.js": await bundle("browser.js"),
    "/millrace.iife.js": await bundle("millrace.iife.js"),
    "/plugins.js": await bundle("plugins.js"),
    "/": html(LOAD),
    "/plain": html(""),
    "/snippet": html(`<script>${await bundle("snippet.js")}</script>`),
    "/sandbox": html(`<iframe sandbox="allow-scripts" src="/framed"></iframe>`),
    "/framed": html(LOAD)
  }
  const server = createServer((request, response) => {
    const path = new URL(request.url ?? "/", "http://site").pathname
    const file = files[path]
    if (path === "/millrace.iife.js" && site.stuck) return
    response
      .writeHead(file === undefined ? 404 : 200, {
        "content-type": path.endsWith(".js") ? "text/javascript" : "text/html",
        // A sandboxed page has an origin of its own, and modules are fetched with CORS.
        "access-control-allow-origin": "*"
      })
      .end(file)
  })
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve))
  const site: Site = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    stuck: false,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      })
  }
  return site
}
