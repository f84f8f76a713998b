import { randomBytes } from "node:crypto"
import { connect, type Socket } from "node:net"
import { setTimeout as sleep } from "node:timers/promises"

interface LoadOptions {
  readonly port: number
  readonly clients: number
  readonly eventsPerRequest: number
  readonly seconds: number
  /** At most so many, whatever the time. */
  readonly requests?: number
}

export interface LoadResult {
  readonly events: number
  readonly seconds: number
  readonly refused: number
  /** Of one request. */
  readonly p50Millis: number
  readonly p99Millis: number
}

/** After a refusal. */
const PAUSE_MILLIS = 20

const ID_PLACEHOLDER = "00000000-0000-4000-8000-000000000000"

/** About 300 bytes an event. */
const eventOf = (index: number) => ({
  event_id: ID_PLACEHOLDER,
  occurred_at: new Date(Date.now() - index * 1000).toISOString(),
  user_id: `user-${index % 5_000}`,
  event_type: ["visit", "search", "cart", "purchase"][index % 4],
  properties: {
    path: `/products/${index % 300}`,
    amount: index % 97,
    currency: "EUR",
    plan: "pro",
    campaign: "spring-sale-2026"
  }
})

/** One keep-alive connection's request, whose ids are rewritten in place: unique events, no client-side encoding. */
class Request {
  readonly #bytes: Buffer
  readonly #idsAt: ReadonlyArray<number>

  constructor(eventsPerRequest: number, client: number) {
    const events = Array.from({ length: eventsPerRequest }, (_, index) => eventOf(client * 1_000 + index))
    const body = JSON.stringify(events)
    const head = `POST /events HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-type: application/json\r\ncontent-length: ${Buffer.byteLength(body)}\r\n\r\n`
    this.#bytes = Buffer.from(head + body)
    const at: Array<number> = []
    for (let from = head.length; ;) {
      const found = this.#bytes.indexOf(ID_PLACEHOLDER, from)
      if (found === -1) break
      at.push(found)
      from = found + ID_PLACEHOLDER.length
    }
    this.#idsAt = at
  }

  next(): Buffer {
    const random = randomBytes(this.#idsAt.length * 10).toString("hex")
    this.#idsAt.forEach((at, index) => {
      const hex = random.slice(index * 20, index * 20 + 20)
      this.#bytes.write(hex.slice(0, 8), at, "latin1")
      this.#bytes.write(hex.slice(8, 20), at + 24, "latin1")
    })
    return this.#bytes
  }
}

/** One request on a connection of its own; returns the status. */
export const sendBatch = async (port: number, eventsPerRequest: number, client: number): Promise<number> => {
  const socket = connect({ host: "127.0.0.1", port, noDelay: true })
  socket.write(new Request(eventsPerRequest, client).next())
  const status = await readStatus(socket)
  socket.destroy()
  return status
}

/** Sends for a bounded time from `clients` connections, each waiting for its answer. Loopback only. */
export const runLoad = async (options: LoadOptions): Promise<LoadResult> => {
  const start = performance.now()
  const until = start + options.seconds * 1000
  const millis: Array<number> = []
  let refused = 0
  let remaining = options.requests ?? Number.POSITIVE_INFINITY
  const oneClient = async (client: number) => {
    const socket = connect({ host: "127.0.0.1", port: options.port, noDelay: true })
    const request = new Request(options.eventsPerRequest, client)
    while (remaining-- > 0 && performance.now() < until) {
      const sent = performance.now()
      socket.write(request.next())
      const status = await readStatus(socket)
      if (status === 202) millis.push(performance.now() - sent)
      else {
        refused++
        remaining++
        await sleep(PAUSE_MILLIS)
      }
    }
    socket.destroy()
  }
  await Promise.all(Array.from({ length: options.clients }, (_, client) => oneClient(client)))
  const sorted = millis.toSorted((left, right) => left - right)
  return {
    events: millis.length * options.eventsPerRequest,
    seconds: (performance.now() - start) / 1000,
    refused,
    p50Millis: sorted[Math.floor(sorted.length * 0.5)] ?? Number.NaN,
    p99Millis: sorted[Math.floor(sorted.length * 0.99)] ?? Number.NaN
  }
}

/** Reads one whole response; answers here are small and carry a content-length. */
const readStatus = (socket: Socket): Promise<number> =>
  new Promise((resolve, reject) => {
    let text = ""
    const onData = (chunk: Buffer) => {
      text += chunk.toString("latin1")
      const headEnd = text.indexOf("\r\n\r\n")
      if (headEnd === -1) return
      const length = Number(/content-length: (\d+)/iu.exec(text)?.[1] ?? 0)
      if (text.length < headEnd + 4 + length) return
      settle(() => resolve(Number(text.slice(9, 12))))
    }
    const onClose = () => settle(() => reject(new Error("the server closed the connection")))
    const onError = (error: Error) => settle(() => reject(error))
    const settle = (done: () => void) => {
      socket.off("data", onData).off("close", onClose).off("error", onError)
      done()
    }
    socket.on("data", onData).on("close", onClose).on("error", onError)
  })
