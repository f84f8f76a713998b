import { writeFileSync } from "node:fs"
import { join } from "node:path"
import { filesHolding } from "@millrace/testing"
import { postgres } from "@millrace/test-services"
import { describeWithService } from "@millrace/test-services/vitest"
import { afterAll, afterEach, expect, it, vi } from "vitest"
import { millrace, ok, serve, temporaryFolder } from "./support/cli.ts"

const temporary = temporaryFolder()
const at = (...names: ReadonlyArray<string>) => join(temporary.path, ...names)
const FILE = at("events.csv")
const EVENTS = 200
const GONE = "gone-4711"
const MILLIS = 180_000

const running: Array<() => Promise<unknown>> = []
afterEach(async () => {
  await Promise.all(running.splice(0).map((stop) => stop()))
})
afterAll(() => {
  vi.unstubAllEnvs()
  temporary.remove()
})

/** By the variables that are set; its address. */
const serveIn = async (folder: string): Promise<string> => {
  const { end, url } = await serve(folder)
  running.push(() => end("SIGKILL"))
  return url
}

const createKey = async (scope: string): Promise<string> =>
  (await ok(["keys", "create", "--project", "shop", "--scope", scope])).match(/mr_\w_\S+/u)![0]

const importAt = (url: string, key: string) =>
  ok(["import", FILE, "--event-type-value", "visit", "--json", "--url", url, "--key", key])

const settledLedger = async (url: string, key: string) => {
  while (true) {
    const ledger = JSON.parse(await ok(["ledger", "--json", "--url", url, "--key", key])) as { in_flight: number }
    if (ledger.in_flight === 0) return ledger
  }
}

await describeWithService("backup and restore by commands, over PostgreSQL", postgres(), (database) => {
  it(
    "what is restored has events, keys and who was erased; it goes where the variables say, and only into what is empty",
    async () => {
      const url = await database().createDatabase()
      vi.stubEnv("MILLRACE_QUEUE", "none")
      vi.stubEnv("MILLRACE_POSTGRES_URL", url)
      vi.stubEnv("MILLRACE_KEY_PEPPER", "a pepper of at least 32 characters")
      vi.stubEnv("MILLRACE_BACKUP_DIR", at("backups"))
      // Nothing is waited for: each answer is asked for by its name.
      vi.stubEnv("MILLRACE_JOB_WAIT_MILLIS", "0")
      const rows = Array.from(
        { length: EVENTS },
        (_, n) => `${n % 10 === 0 ? GONE : `user-${n % 7}`},2026-01-01T00:00:${String(n % 60).padStart(2, "0")}Z,${n}`
      )
      writeFileSync(FILE, `user_id,occurred_at,n\n${rows.join("\n")}\n`)
      const key = await createKey("admin")
      const revoked = await createKey("read")
      await ok(["keys", "revoke", revoked.slice(0, 12)])
      const served = await serveIn(at("data"))
      await importAt(served, key)
      await ok(["erase", "--user", GONE, "--url", served, "--key", key])
      const before = await settledLedger(served, key)
      const took = await millrace(["backup", "nightly", "--url", served, "--key", key])
      expect([took.code, took.stdout, took.stderr]).toEqual([
        0,
        expect.stringMatching(/^nightly: everything acknowledged before 20\S+Z\n$/u),
        `under way: ${served} goes on with it, whether this waits or not\n`
      ])
      const backup = at("backups", "nightly")
      expect(filesHolding(backup, [GONE])).toEqual([])

      const over = await millrace(["restore", backup, "--data", at("back")])
      expect([over.code, over.stderr]).toEqual([
        1,
        "millrace: postgres is not restored into what holds something: the database is not empty: millrace.accepted_totals\n"
      ])
      vi.stubEnv("MILLRACE_POSTGRES_URL", "")
      const nowhere = await millrace(["restore", backup, "--data", at("back")])
      expect([nowhere.code, nowhere.stderr]).toEqual([1, expect.stringContaining("MILLRACE_POSTGRES_URL is not")])
      vi.stubEnv("MILLRACE_POSTGRES_URL", await database().createDatabase())
      expect(await ok(["restore", backup, "--data", at("back")])).toMatch(/: as of 20.*each as it was backed up\n$/u)

      const restored = await serveIn(at("back"))
      expect(await settledLedger(restored, key)).toEqual(before)
      expect((await millrace(["ledger", "--url", restored, "--key", revoked])).code).toBe(1)
      await importAt(restored, key)
      expect(await settledLedger(restored, key)).toMatchObject({ stored: EVENTS, duplicates: EVENTS, difference: 0 })
      expect(filesHolding(at("back"), [GONE])).toEqual([])
    },
    MILLIS
  )
})
