import { createServer, type IncomingMessage, type ServerResponse } from "node:http"
import type { AddressInfo } from "node:net"
import { gunzipSync } from "node:zlib"

/** What came to the door. */
export interface Seen {
  readonly method: string
  readonly headers: IncomingMessage["headers"]
  readonly body: string
  /** Of its events. */
  readonly ids: ReadonlyArray<string>
  /** `performance.now()` at receipt of the whole body. */
  readonly at: number
}

export type Fault =
  | { readonly status: number; readonly headers?: Record<string, string>; readonly body?: string }
  /** No answer ever. */
  | "hang"
  /** The connection breaks before the server hears of it. */
  | "reset"
  /** The server takes the batch, and its answer is lost. */
  | "reset after receipt"
  | "half response"
  | { readonly delayMillis: number }

/** The fault for the n-th request from 0 (preflights have their own count); none: it goes to the server as it is. */
export type Plan = (n: number, seen: Seen) => Fault | undefined

export interface Door {
  readonly url: string
  readonly port: number
  readonly seen: ReadonlyArray<Seen>
  /** How often each event was sent. */
  readonly copies: () => ReadonlyMap<string, number>
  plan: Plan
  /** Refuses connections until `open`, at the same port. */
  readonly shut: () => Promise<void>
  readonly open: () => Promise<void>
  readonly close: () => Promise<void>
}

const CORS = { "access-control-allow-origin": "*", "access-control-expose-headers": "retry-after" }

export const openDoor = async (target: string, initial: Plan = () => undefined): Promise<Door> => {
  const seen: Array<Seen> = []
  const counts = { POST: 0, OPTIONS: 0 } as Record<string, number>
  const server = createServer((request, response) => {
    void readAll(request)
      .then(async (bytes) => {
        const now = describe(request, bytes)
        seen.push(now)
        const n = counts[now.method] ?? 0
        counts[now.method] = n + 1
        await answer(target, request, response, bytes, door.plan(n, now))
      })
      // The client went away: what it sent so far is nothing.
      .catch(() => response.destroy())
  })
  const listen = (port: number) =>
    new Promise<void>((resolve, reject) => {
      server.once("error", reject)
      server.listen(port, "127.0.0.1", () => resolve())
    })
  const shut = () =>
    new Promise<void>((resolve) => {
      server.close(() => resolve())
      server.closeAllConnections()
    })
  await listen(0)
  const { port } = server.address() as AddressInfo
  const door: Door = {
    url: `http://127.0.0.1:${port}`,
    port,
    seen,
    copies: () => {
      const copies = new Map<string, number>()
      for (const id of seen.flatMap(({ ids }) => ids)) copies.set(id, (copies.get(id) ?? 0) + 1)
      return copies
    },
    plan: initial,
    shut,
    open: () => listen(port),
    close: () => (server.listening ? shut() : Promise.resolve())
  }
  return door
}

const readAll = async (request: IncomingMessage): Promise<Buffer> => {
  const chunks: Array<Buffer> = []
  for await (const chunk of request) chunks.push(chunk as Buffer)
  return Buffer.concat(chunks)
}

const describe = ({ headers, method = "" }: IncomingMessage, bytes: Buffer): Seen => {
  const body = (headers["content-encoding"] === "gzip" ? gunzipSync(bytes) : bytes).toString()
  return { method, headers, body, ids: idsIn(body), at: performance.now() }
}

const idsIn = (body: string): ReadonlyArray<string> => {
  try {
    return (JSON.parse(body) as { events: ReadonlyArray<{ event_id: string }> }).events.map(({ event_id }) => event_id)
  } catch {
    return []
  }
}

const answer = async (
  target: string,
  request: IncomingMessage,
  response: ServerResponse,
  bytes: Buffer,
  fault: Fault | undefined
): Promise<void> => {
  if (fault === "hang") return
  if (fault === "reset") {
    response.destroy()
    return
  }
  if (typeof fault === "object" && "status" in fault) {
    response.writeHead(fault.status, { ...CORS, ...fault.headers }).end(fault.body)
    return
  }
  if (typeof fault === "object") await new Promise((resolve) => setTimeout(resolve, fault.delayMillis))
  const { body, headers, status } = await forward(target, request, bytes)
  if (fault === "reset after receipt") {
    response.destroy()
  } else if (fault === "half response") {
    response.writeHead(status, headers)
    response.write(body.subarray(0, body.length / 2), () => response.destroy())
  } else response.writeHead(status, headers).end(body)
}

const OUR_OWN = new Set(["connection", "keep-alive", "transfer-encoding", "content-encoding", "content-length", "date"])
const SENT_ON = ["content-type", "content-encoding", "origin", "authorization", "x-api-key"]

const forward = async (target: string, request: IncomingMessage, bytes: Buffer) => {
  const headers = SENT_ON.flatMap((name) =>
    request.headers[name] === undefined ? [] : [[name, String(request.headers[name])]]
  )
  const { method = "GET" } = request
  const answered = await fetch(target + request.url, {
    method,
    headers: headers as Array<[string, string]>,
    ...(method === "POST" ? { body: new Uint8Array(bytes) } : {})
  })
  const body = Buffer.from(await answered.arrayBuffer())
  const kept = [...answered.headers].filter(([name]) => !OUR_OWN.has(name))
  return { status: answered.status, headers: { ...Object.fromEntries(kept), "content-length": body.length }, body }
}
