import { execFile } from "node:child_process"
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { promisify } from "node:util"
import { afterAll, assert, describe, it } from "vitest"

const directory = mkdtempSync(join(tmpdir(), "millrace-duckdb-invalid-"))
afterAll(() => rmSync(directory, { recursive: true, force: true }))

const script = fileURLToPath(new URL("fixtures/limitedLoader.ts", import.meta.url))

/** Blocks of 512 bytes: room for a write-ahead log, not for the checkpoint of what it held. */
const BLOCKS = 36_000

describe.skipIf(process.platform !== "linux")("DuckDb: a disk that fails in the middle of a checkpoint", () => {
  it("the database is invalidated; with room again the same process opens it anew and loads on, once", async () => {
    const command = [`ulimit -S -f ${BLOCKS}; exec "$@"`, "sh", process.execPath, "--conditions=source", script]
    const { stdout } = await promisify(execFile)("sh", ["-c", ...command, join(directory, "events.db")])
    const told = JSON.parse(stdout.trim().split("\n").at(-1)!)
    assert.isTrue(
      told.errors.some((error: string) => error.includes("FATAL Error")),
      told.errors.join("\n")
    )
    assert.isTrue(told.errors.every((error: string) => error.startsWith("WarehouseUnavailable ")))
    assert.deepStrictEqual(told.stored, { default: told.expected })
  }, 240_000)
})
