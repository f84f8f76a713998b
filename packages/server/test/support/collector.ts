import { once } from "node:events"
import { createServer } from "node:http"
import type { AddressInfo } from "node:net"

export interface Span {
  readonly name: string
  readonly traceId: string
  readonly spanId: string
  readonly parentSpanId?: string
  readonly links?: ReadonlyArray<{ readonly traceId: string; readonly spanId: string }>
}

interface Export {
  readonly resourceSpans: ReadonlyArray<{ readonly scopeSpans: ReadonlyArray<{ readonly spans: ReadonlyArray<Span> }> }>
}

export interface Collector {
  readonly url: string
  /** All that was sent, as text. */
  readonly text: () => string
  readonly paths: ReadonlySet<string | undefined>
  readonly spans: () => ReadonlyArray<Span>
  readonly close: () => void
}

/** An OpenTelemetry collector, as far as tests need one. */
export const startCollector = async (): Promise<Collector> => {
  const bodies: Array<string> = []
  const paths = new Set<string | undefined>()
  const server = createServer((request, response) => {
    paths.add(request.url)
    let body = ""
    request
      .on("data", (chunk) => (body += String(chunk)))
      .on("end", () => {
        bodies.push(body)
        response.end("{}")
      })
  })
  await once(server.listen(0, "127.0.0.1"), "listening")
  const spansOf = (body: string) =>
    (JSON.parse(body) as Export).resourceSpans.flatMap(({ scopeSpans }) => scopeSpans.flatMap(({ spans }) => spans))
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`,
    text: () => bodies.join("\n"),
    paths,
    spans: () => bodies.flatMap(spansOf),
    close: () => {
      server.closeAllConnections()
      server.close()
    }
  }
}
