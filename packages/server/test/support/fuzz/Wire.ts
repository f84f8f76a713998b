import { connect, type Socket } from "node:net"

export interface WireRequest {
  readonly method: string
  /** As it stands in the request line, one byte a character: it need not be a URL. */
  readonly target: string
  /** In this order, repeated ones too; `host` and `content-length` are added unless they are here. */
  readonly headers: ReadonlyArray<readonly [name: string, value: string]>
  readonly body?: Uint8Array | undefined
  readonly hostless?: boolean
  /** The rest of the body never comes: the sending side is closed. */
  readonly cut?: boolean
}

export interface WireAnswer {
  readonly status: number
  /** Names in lower case; repeated ones joined by a comma. */
  readonly headers: ReadonlyMap<string, string>
  readonly body: Buffer
}

/** What a request looks like on the wire. */
export const encodeRequest = ({ body, headers, hostless = false, method, target }: WireRequest): Buffer => {
  const has = (name: string) => headers.some(([known]) => known.toLowerCase() === name)
  const lines = [
    `${method} ${target} HTTP/1.1`,
    ...(hostless || has("host") ? [] : ["host: localhost"]),
    ...(body === undefined || has("content-length") ? [] : [`content-length: ${body.length}`]),
    ...headers.map(([name, value]) => `${name}: ${value}`)
  ]
  return Buffer.concat([Buffer.from(`${lines.join("\r\n")}\r\n\r\n`, "latin1"), body ?? Buffer.alloc(0)])
}

const END_OF_HEADERS = Buffer.from("\r\n\r\n")

interface Pending {
  readonly hasBody: boolean
  readonly resolve: (answer: WireAnswer) => void
  readonly reject: (error: Error) => void
}

/** One HTTP/1.1 connection, one request at a time; opened anew whenever the server has ended it. Nothing is checked or mended on the way. */
export class Wire {
  readonly #port: number
  #socket: Socket | undefined
  #bytes: Buffer = Buffer.alloc(0)
  #pending: Pending | undefined

  constructor(port: number) {
    this.#port = port
  }

  async send(request: WireRequest): Promise<WireAnswer> {
    const socket = (this.#socket ??= await this.#open())
    return new Promise((resolve, reject) => {
      this.#pending = { hasBody: request.method !== "HEAD", resolve, reject }
      const bytes = encodeRequest(request)
      if (request.cut === true) socket.end(bytes)
      else socket.write(bytes)
    })
  }

  close(): void {
    this.#socket?.destroy()
  }

  #open(): Promise<Socket> {
    return new Promise((resolve, reject) => {
      const socket = connect(this.#port, "127.0.0.1", () => resolve(socket))
      socket.on("data", (chunk) => this.#onData(socket, chunk))
      socket.on("error", reject)
      socket.on("close", () => {
        if (this.#socket !== socket) return
        this.#forget()
        this.#pending?.reject(new Error("the server ended the connection without an answer"))
      })
    })
  }

  #forget(): void {
    this.#socket = undefined
    this.#bytes = Buffer.alloc(0)
  }

  #onData(socket: Socket, chunk: Buffer): void {
    this.#bytes = this.#bytes.length === 0 ? chunk : Buffer.concat([this.#bytes, chunk])
    const pending = this.#pending
    const read = pending && readAnswer(this.#bytes, pending.hasBody)
    if (pending === undefined || read === undefined) return
    this.#bytes = this.#bytes.subarray(read.end)
    this.#pending = undefined
    if (read.answer.headers.get("connection") === "close") {
      this.#forget()
      socket.destroy()
    }
    pending.resolve(read.answer)
  }
}

/** The first final answer in `bytes`, and where it ends; undefined while it is not whole. */
const readAnswer = (bytes: Buffer, hasBody: boolean): { answer: WireAnswer; end: number } | undefined => {
  const headersEnd = bytes.indexOf(END_OF_HEADERS)
  if (headersEnd === -1) return undefined
  const [start = "", ...lines] = bytes.toString("latin1", 0, headersEnd).split("\r\n")
  const status = Number(/^HTTP\/1\.1 (\d{3}) /u.exec(start)?.[1])
  const bodyStart = headersEnd + END_OF_HEADERS.length
  if (status < 200) {
    const next = readAnswer(bytes.subarray(bodyStart), hasBody)
    return next && { ...next, end: next.end + bodyStart }
  }
  const headers = readHeaders(lines)
  if (!hasBody || status === 204) return { answer: { status, headers, body: Buffer.alloc(0) }, end: bodyStart }
  const chunked = headers.get("transfer-encoding") === "chunked"
  const body = chunked ? readChunks(bytes, bodyStart) : readLength(bytes, bodyStart, headers)
  return body && { answer: { status, headers, body: body.bytes }, end: body.end }
}

const readHeaders = (lines: ReadonlyArray<string>): ReadonlyMap<string, string> => {
  const headers = new Map<string, string>()
  for (const line of lines) {
    const colon = line.indexOf(":")
    const name = line.slice(0, colon).toLowerCase()
    const value = line.slice(colon + 1).trim()
    headers.set(name, headers.has(name) ? `${headers.get(name)}, ${value}` : value)
  }
  return headers
}

interface Body {
  readonly bytes: Buffer
  readonly end: number
}

const readLength = (bytes: Buffer, start: number, headers: ReadonlyMap<string, string>): Body | undefined => {
  const end = start + Number(headers.get("content-length") ?? Number.NaN)
  if (Number.isNaN(end)) throw new Error("an answer without a length")
  return bytes.length < end ? undefined : { bytes: bytes.subarray(start, end), end }
}

const readChunks = (bytes: Buffer, start: number): Body | undefined => {
  const chunks: Array<Buffer> = []
  let at = start
  while (true) {
    const lineEnd = bytes.indexOf("\r\n", at)
    if (lineEnd === -1) return undefined
    const size = Number.parseInt(bytes.toString("latin1", at, lineEnd), 16)
    const end = lineEnd + 2 + size + 2
    if (bytes.length < end) return undefined
    if (size === 0) return { bytes: Buffer.concat(chunks), end }
    chunks.push(bytes.subarray(lineEnd + 2, end - 2))
    at = end
  }
}
