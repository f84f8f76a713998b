import { copyFileSync, existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { cp } from "node:fs/promises"
import { join } from "node:path"
import { Effect, Layer } from "effect"
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest"
import { type BackupError, restoreBackup } from "../src/index.ts"
import {
  backUpWhileClientsSend,
  expectErasureToWait,
  expectRestored,
  expectWholeErasures,
  restore
} from "./support/backups.ts"
import { type ServerProcess, startProcess } from "./support/child.ts"
import { event } from "./support/events.ts"
import { embedded, memory, problemOf, startServer, temporaryDirectory } from "./support/server.ts"
import type { TestServer } from "./support/server.ts"

const MILLIS = 240_000

const folders: Array<string> = []
const folder = () => {
  const made = temporaryDirectory()
  folders.push(made)
  return made
}
const started: Array<ServerProcess> = []
const start = async (...of: Parameters<typeof startProcess>) => {
  const server = await startProcess(...of)
  started.push(server)
  return server
}
afterEach(async () => {
  await Promise.all(started.splice(0).map((server) => server.end("SIGKILL")))
})
afterAll(() => folders.forEach((made) => rmSync(made, { recursive: true, force: true })))

it(
  "backups taken while clients send, restored: what was acknowledged before is counted exactly once, none is invented, and sending it again adds nothing",
  async () => {
    const backups = folder()
    const server = await start(folder(), { MILLRACE_BACKUP_DIR: backups })
    const moments = await backUpWhileClientsSend(server.url, () => server.end("SIGKILL"))
    expect(moments).toHaveLength(2)
    for (const moment of moments) {
      const restored = join(folder(), "data")
      await restore({ backup: join(backups, moment.name), directory: restored })
      await expectRestored(await start(restored), moment)
    }
  },
  MILLIS
)

it(
  "erasures asked for while backups are: a backup holds all of a user's events, or not a byte",
  async () => {
    const backups = folder()
    const server = await start(folder(), { MILLRACE_BACKUP_DIR: backups })
    await expectWholeErasures(server, backups, async (backup, directory) => {
      await restore({ backup, directory })
      return start(directory)
    })
    expect(await server.end("SIGTERM")).toEqual({ code: 0, signal: null })
  },
  MILLIS
)

it(
  "an erasure that is asked for between the copies of warehouse and log waits until the backup is done",
  async () => {
    const data = folder()
    const waiting = Effect.gen(function* () {
      const context = yield* Layer.build(embedded(data))
      const startRestored = async (backup: string, directory: string) => {
        await restore({ backup, directory })
        return start(directory)
      }
      yield* Effect.promise(() => expectErasureToWait(context, data, startRestored))
      return true
    })
    expect(await Effect.runPromise(Effect.scoped(waiting))).toBe(true)
  },
  MILLIS
)

const KEYS = ["admin", "read", "write"].map((scope) => `shop:${scope}:${scope}-0123456789abcdef`).join()
const as = (scope: string) => ({ "x-api-key": `${scope}-0123456789abcdef` })

describe("a backup", () => {
  const backups = folder()
  const data = folder()
  const good = join(backups, "good")
  let server: TestServer
  beforeAll(async () => {
    server = await startServer({ keys: KEYS, directory: data, backupDirectory: backups, adapters: embedded(data) })
    await server.post([event(), event()], as("write"))
    const { status } = await server.post({ name: "good" }, as("admin"), "/backups")
    if (status !== 200) throw new Error(`no backup: ${status}`)
  }, MILLIS)
  afterAll(() => server.close())

  it("is asked for by a plain name and with the scope admin, once", async () => {
    for (const name of ["../up", "/tmp/x", "a/b", String.raw`a\b`, "..", ".", "", "a.b", "x".repeat(65)]) {
      expect(problemOf(await server.post({ name }, as("admin"), "/backups"))).toEqual([422, "invalid_parameter"])
    }
    for (const scope of ["read", "write"]) {
      expect(problemOf(await server.post({ name: "mine" }, as(scope), "/backups"))).toEqual([403, "wrong_scope"])
    }
    expect(problemOf(await server.post({ name: "mine" }, {}, "/backups"))).toEqual([401, "unauthenticated"])
    expect(problemOf(await server.post({ name: "good" }, as("admin"), "/backups"))).toEqual([409, "backup_exists"])
    expect(readdirSync(backups)).toEqual(["good"])
  })

  it("is refused where no folder is configured for it, or where the stores are not files", async () => {
    const places = [{ adapters: memory }, { adapters: memory, directory: data, backupDirectory: backups }]
    for (const place of places) {
      const other = await startServer(place)
      expect(problemOf(await other.post({ name: "none" }, {}, "/backups"))).toEqual([403, "backups_off"])
      await other.close()
    }
    expect(readdirSync(backups)).toEqual(["good"])
  })

  /** Each harms one copy of it, and names the file that the refusal must name. */
  const HARMS: Readonly<Record<string, (copy: string) => readonly [BackupError["reason"], string]>> = {
    "a flipped bit in the warehouse": (copy) => ["Damaged", flipBit(join(copy, "warehouse.duckdb"))],
    "a flipped bit in the log": (copy) => ["Damaged", flipBit(segmentOf(copy))],
    "a file cut short": (copy) => {
      const path = segmentOf(copy)
      writeFileSync(path, readFileSync(path).subarray(0, -1))
      return ["Damaged", path]
    },
    "a missing file": (copy) => {
      const path = join(copy, "log", "checkpoint.json")
      rmSync(path)
      return ["Missing", path]
    },
    "a missing manifest": (copy) => {
      const path = join(copy, "manifest.json")
      rmSync(path)
      return ["NoManifest", path]
    },
    "a manifest of a newer format": (copy) => ["NewerFormat", changeManifest(copy, { format: 3 })],
    "a manifest that names a file outside": (copy) => [
      "BadManifest",
      changeManifest(copy, { files: [{ path: "../x", bytes: 0, sha256: "0".repeat(64) }] })
    ]
  }

  const refusalOf = (backup: string, target: string) =>
    Effect.runPromise(Effect.flip(restoreBackup({ backup, directory: target })))

  it.each(Object.entries(HARMS))(
    "is refused with %s, by the name of the file, and nothing is written",
    async (_, harm) => {
      const copy = join(folder(), "copy")
      await cp(good, copy, { recursive: true })
      const [reason, path] = harm(copy)
      const place = folder()
      expect(await refusalOf(copy, join(place, "data"))).toMatchObject({ _tag: "BackupError", reason, path })
      expect(readdirSync(place)).toEqual([])
    }
  )

  it("is never put over something", async () => {
    const target = folder()
    writeFileSync(join(target, "mine"), "")
    expect(await refusalOf(good, target)).toMatchObject({ reason: "TargetInUse", path: target })
    expect(readdirSync(target)).toEqual(["mine"])
    copyFileSync(join(good, "manifest.json"), join(target, "file"))
    expect(await refusalOf(good, join(target, "file"))).toMatchObject({ reason: "TargetInUse" })
    expect(existsSync(join(target, "file"))).toBe(true)
  })
})

const flipBit = (path: string): string => {
  const bytes = readFileSync(path)
  bytes[bytes.length >> 1]! ^= 1
  writeFileSync(path, bytes)
  return path
}

const segmentOf = (copy: string): string => {
  const segments = join(copy, "log", "log")
  return join(segments, readdirSync(segments)[0]!)
}

const changeManifest = (copy: string, change: object): string => {
  const path = join(copy, "manifest.json")
  writeFileSync(path, JSON.stringify({ ...JSON.parse(readFileSync(path, "utf8")), ...change }))
  return path
}
