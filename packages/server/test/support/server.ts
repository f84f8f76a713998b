import { adapters, type ListenOptions, parseKeys, serverDefaults, serverLayer } from "../../src/index.ts"
import type { StoreServices, QueueServices, WarehouseServices } from "@millrace/core"
import { Context, Effect, Exit, Layer, Logger, Scope } from "effect"
import { HttpServer } from "effect/http"
import { formatLog } from "../../src/observe/jsonLog.ts"
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"

type Adapters = Layer.Layer<QueueServices | StoreServices | WarehouseServices, unknown>

export interface TestServer {
  readonly url: string
  readonly port: number
  readonly directory: string
  readonly close: () => Promise<void>
  /** To `/events` unless another path is given. */
  readonly post: (body: unknown, headers?: Record<string, string>, path?: string) => Promise<Reply>
  readonly get: (path: string, headers?: Record<string, string>) => Promise<Reply>
}

export const reply = async (response: Response) => {
  const text = await response.text()
  const json = /[/+]json/u.test(response.headers.get("content-type") ?? "")
  return { status: response.status, headers: response.headers, body: json ? JSON.parse(text) : text }
}

export type Reply = Awaited<ReturnType<typeof reply>>

/** The answer that a request gets in the end, where it was told to ask for it by a name. */
export const replyInTheEnd = async (response: Response, headers: Record<string, string> = {}): Promise<Reply> => {
  let answer = await reply(response)
  while (answer.status === 202) {
    const job = new URL(`/jobs/${answer.body.job}`, response.url)
    answer = await reply(await fetch(job, { headers }))
  }
  return answer
}

/** `[status, code]` of a well-formed problem; anything else comes back as it is, to show in the failure. */
export const problemOf = ({ body, headers, status }: Reply): unknown => {
  const { detail, errors, status: stated, title, type } = body
  const wellFormed =
    headers.get("content-type") === "application/problem+json" &&
    stated === status &&
    [type, title, detail].every((member) => typeof member === "string") &&
    Array.isArray(errors)
  return wellFormed ? [status, type.replace("urn:millrace:problem:", "")] : { status, body }
}

export const temporaryDirectory = () => mkdtempSync(join(tmpdir(), "millrace-server-"))

export const embedded = (directory: string): Adapters => adapters({ queue: "embedded", warehouse: "duckdb", directory })

export const memory: Adapters = adapters({ queue: "memory", warehouse: "memory", directory: "" })

interface TestOptions extends Partial<Omit<ListenOptions<unknown>, "keys">> {
  readonly keys?: string
  /** Default: embedded log and DuckDB in a new temporary directory. */
  readonly adapters?: Adapters
  /** Takes the lines of the log, as the server writes them. */
  readonly onLog?: (line: string) => void
}

export const startServer = async ({
  adapters: given,
  keys = "",
  onLog,
  ...options
}: TestOptions = {}): Promise<TestServer> => {
  const directory = temporaryDirectory()
  const scope = await Effect.runPromise(Scope.make())
  const layer = serverLayer({ ...serverDefaults, port: 0, closeGraceMillis: 0, ...options, keys: parseKeys(keys) })
  const logging = onLog === undefined ? Layer.empty : Logger.layer([Logger.make((entry) => onLog(formatLog(entry)))])
  const context = await Effect.runPromise(
    Layer.buildWithScope(Layer.provide(layer, Layer.merge(given ?? embedded(directory), logging)), scope)
  )
  const { address } = Context.get(context, HttpServer.HttpServer)
  const url = HttpServer.formatAddress(address)
  return {
    url,
    port: Number(new URL(url).port),
    directory,
    close: async () => {
      await Effect.runPromise(Scope.close(scope, Exit.void))
      rmSync(directory, { recursive: true, force: true })
    },
    post: async (body, headers = {}, path = "/events") =>
      reply(
        await fetch(`${url}${path}`, {
          method: "POST",
          headers: { "content-type": "application/json", ...headers },
          body:
            body instanceof Uint8Array ? new Uint8Array(body) : typeof body === "string" ? body : JSON.stringify(body)
        })
      ),
    get: async (path, headers = {}) => reply(await fetch(`${url}${path}`, { headers }))
  }
}

/** Waits until everything accepted is counted, by the ledger. */
export const settled = async (server: TestServer, headers: Record<string, string> = {}) => {
  while (true) {
    const { body } = await server.get("/ledger", headers)
    if (body.in_flight === 0) return body
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
}
