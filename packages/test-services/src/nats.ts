import { writeFileSync } from "node:fs"
import { connect } from "node:net"
import { join } from "node:path"
import { checkVersion, type VersionCheck } from "./checkVersion.ts"
import { unpackDebian } from "./debian.ts"
import { findBinary } from "./findBinary.ts"
import { freePort } from "./freePort.ts"
import { makeService, type Program } from "./service.ts"
import type { TestServer, TestService } from "./TestService.ts"

export interface NatsOptions {
  /** Start of the version, like `2.9`, `2.10` or `2.15`; whichever is at hand when not given. */
  readonly version?: string
  /** JetStream's fsync before every acknowledgement; needs a server of 2.10 or later. */
  readonly syncAlways?: boolean
  readonly maxPayloadBytes?: number
  readonly maxFileStoreBytes?: number
  /** Default: in the server's own folder, which goes with it. */
  readonly storeDirectory?: string
  /** More lines of the configuration file. */
  readonly config?: string
}

const installed = (options: NatsOptions) => (): Promise<Program> => {
  const binary = findBinary(["nats-server"], ["/usr/sbin"])
  if (binary === undefined) throw new Error("no nats-server on this machine")
  return checkVersion({ binary, root: binary, origin: binary }, versionOf(options))
}

const fromDebian = (options: NatsOptions) => async (): Promise<Program> => {
  const version = options.version ?? (options.syncAlways === true ? SYNC_ALWAYS_SINCE.join(".") : undefined)
  const { root } = await unpackDebian({ name: "nats-server", holds: "usr/sbin/nats-server", version })
  return checkVersion(
    { binary: join(root, "usr/sbin/nats-server"), root, origin: "Debian package nats-server" },
    versionOf(options)
  )
}

const SYNC_ALWAYS_SINCE = [2, 10] as const

const versionOf = ({ syncAlways, version }: NatsOptions): VersionCheck => ({
  pattern: /v(\d\S*)/u,
  version,
  atLeast: syncAlways === true ? SYNC_ALWAYS_SINCE : undefined
})

export const nats = (options: NatsOptions = {}): TestService<TestServer> =>
  makeService({
    name: `nats-server ${options.version ?? ""}`.trim(),
    variable: "MILLRACE_TEST_NATS_URL",
    programs: [installed(options), fromDebian(options)],
    ping,
    command: async (program) => {
      const port = await freePort()
      const url = `nats://127.0.0.1:${port}`
      return {
        name: "nats",
        command: program.binary,
        args: (folder) => ["-c", join(folder, "nats.conf")],
        stopSignal: "SIGTERM",
        prepare: async (folder) => writeFileSync(join(folder, "nats.conf"), configOf(options, port, folder)),
        ping: () => ping(url),
        url,
        port
      }
    }
  })

const configOf = (options: NatsOptions, port: number, folder: string) =>
  [
    `listen: 127.0.0.1:${port}`,
    ...(options.maxPayloadBytes === undefined ? [] : [`max_payload: ${options.maxPayloadBytes}`]),
    "jetstream {",
    `  store_dir: ${JSON.stringify(options.storeDirectory ?? join(folder, "jetstream"))}`,
    `  max_file_store: ${options.maxFileStoreBytes ?? 1_073_741_824}`,
    ...(options.syncAlways === true ? ["  sync_interval: always"] : []),
    "}",
    options.config ?? ""
  ].join("\n")

const TIMEOUT_MILLIS = 2_000

/** The server speaks first: `INFO {…}`; JetStream is up by then or says so there. */
const ping = (url: string): Promise<void> =>
  new Promise((resolve, reject) => {
    const { hostname, port } = new URL(url)
    const socket = connect({ host: hostname, port: Number(port) || 4222, timeout: TIMEOUT_MILLIS })
    const end = (failure?: Error) => {
      socket.destroy()
      if (failure === undefined) resolve()
      else reject(failure)
    }
    let text = ""
    socket.on("data", (chunk) => {
      text += chunk.toString()
      if (!text.includes("\r\n")) return
      end(text.startsWith("INFO ") ? undefined : new Error(`no NATS server: ${text.slice(0, 40)}`))
    })
    socket.once("error", end)
    socket.once("timeout", () => end(new Error(`no answer from ${url}`)))
  })
