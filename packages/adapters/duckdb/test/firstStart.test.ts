import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { WarehouseLedger } from "@millrace/core"
import { Effect } from "effect"
import { afterEach, assert, beforeEach, describe, it } from "vitest"
import { DuckDb } from "../src/index.ts"

let directory = ""
beforeEach(() => (directory = mkdtempSync(join(tmpdir(), "millrace-duckdb-first-"))))
afterEach(() => rmSync(directory, { recursive: true, force: true }))

const path = () => join(directory, "events.db")
const open = () =>
  Effect.runPromise(
    Effect.provide(
      Effect.flatMap(WarehouseLedger, ({ counts }) => counts),
      DuckDb.layer({ path: path(), threads: 1 })
    )
  )

describe("DuckDb: the first start", () => {
  it("what a start that was cut short has left, whatever it is, is in nobody's way", async () => {
    await open()
    const whole = readFileSync(path())
    for (const bytes of [0, 1, 4096, 8192, 12_288, whole.length]) {
      rmSync(path())
      writeFileSync(`${path()}.fresh`, whole.subarray(0, bytes))
      writeFileSync(`${path()}.fresh.wal`, Buffer.alloc(bytes % 5000, 7))
      assert.strictEqual((await open()).cursor, "", `${bytes} bytes`)
      assert.isFalse(existsSync(`${path()}.fresh`))
    }
  })

  it("a database gets its name once its schema is in the file, and is its owner's alone", async () => {
    await open()
    assert.strictEqual(statSync(path()).mode & 0o777, 0o600)
    const copy = join(directory, "copy.db")
    // The file alone, as it got its name: no log beside it has anything to add.
    writeFileSync(copy, readFileSync(path()))
    assert.include(readFileSync(copy).toString("latin1"), "migrations")
  })
})
