import { existsSync, readdirSync } from "node:fs"
import { connect } from "node:net"
import { join } from "node:path"
import { checkVersion } from "./checkVersion.ts"
import { unpackDebian } from "./debian.ts"
import { findBinary } from "./findBinary.ts"
import { freePort } from "./freePort.ts"
import { makeService, type Program } from "./service.ts"
import type { TestServer, TestService } from "./TestService.ts"

export interface RedisOptions {
  /** More arguments, like `["--appendonly", "yes", "--appendfsync", "always"]`. */
  readonly args?: ReadonlyArray<string>
}

/** Scripts that read the clock and then write are replicated by their effects since 5.0. */
const VERSION = { pattern: /\bv=(\d\S*)/u, atLeast: [5, 0] } as const

const installed = (): Promise<Program> => {
  const binary = findBinary(["redis-server", "valkey-server"])
  if (binary === undefined) throw new Error("no redis-server or valkey-server on this machine")
  return checkVersion({ binary, root: binary, origin: binary }, VERSION)
}

const fromDebian = (name: string) => async (): Promise<Program> => {
  const { root } = await unpackDebian({ name, holds: `usr/bin/${name}` })
  // Not resolved: the program is a link, and decides by its name what it is.
  const binary = join(root, "usr/bin", name)
  const environment = { LD_LIBRARY_PATH: libraries(root) }
  return checkVersion({ binary, root, environment, origin: `Debian package ${name}` }, VERSION)
}

/** `usr/lib` and its folders per machine type. */
const libraries = (root: string) => {
  const base = join(root, "usr/lib")
  const folders = existsSync(base) ? readdirSync(base, { withFileTypes: true }) : []
  return [base, ...folders.filter((entry) => entry.isDirectory()).map((entry) => join(base, entry.name))].join(":")
}

/** Redis or Valkey, whichever can be had. */
export const redis = (options: RedisOptions = {}): TestService<TestServer> =>
  makeService({
    name: "Redis or Valkey",
    variable: "MILLRACE_TEST_REDIS_URL",
    programs: [installed, fromDebian("redis-server"), fromDebian("valkey-server")],
    ping,
    command: async (program) => {
      const port = await freePort()
      const url = `redis://127.0.0.1:${port}`
      return {
        name: "redis",
        command: program.binary,
        ...(program.environment === undefined ? {} : { environment: program.environment }),
        args: (folder) => [
          "--bind",
          "127.0.0.1",
          "--port",
          String(port),
          "--dir",
          folder,
          "--save",
          "",
          ...(options.args ?? [])
        ],
        stopSignal: "SIGTERM",
        ping: () => ping(url),
        url,
        port
      }
    }
  })

const TIMEOUT_MILLIS = 2_000

const ping = (url: string): Promise<void> =>
  new Promise((resolve, reject) => {
    const { hostname, password, port, username } = new URL(url)
    const socket = connect({ host: hostname, port: Number(port) || 6379, timeout: TIMEOUT_MILLIS })
    const end = (failure?: Error) => {
      socket.destroy()
      if (failure === undefined) resolve()
      else reject(failure)
    }
    const login = password === "" ? "" : `AUTH ${username} ${password}`.replace(/ +/gu, " ") + "\r\n"
    socket.once("connect", () => socket.write(`${login}PING\r\n`))
    socket.on("data", (chunk) => {
      const text = chunk.toString()
      if (text.includes("+PONG")) end()
      else if (text.startsWith("-")) end(new Error(text.trim()))
    })
    socket.once("error", end)
    socket.once("timeout", () => end(new Error(`no answer from ${url}`)))
  })
