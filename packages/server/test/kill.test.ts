import { rmSync } from "node:fs"
import { afterAll, expect, it } from "vitest"
import { expectExactlyOnce } from "./support/kills.ts"
import { temporaryDirectory } from "./support/server.ts"

const KILLS = Number(process.env["MILLRACE_KILLS"] ?? 10)

const directory = temporaryDirectory()
afterAll(() => rmSync(directory, { recursive: true, force: true }))

it(
  `kill -9, ${KILLS} times during ingest: every acknowledged event is counted exactly once, none is invented`,
  { timeout: 60_000 + KILLS * 10_000 },
  async () => {
    expect(await expectExactlyOnce({ directory }, KILLS)).toMatchObject({ in_flight: 0, difference: 0 })
  }
)
