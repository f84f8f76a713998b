import { mkdirSync, mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { assert, it } from "@effect/vitest"
import { Effect } from "effect"
import { openFolderServices } from "../src/target/folder.ts"

it.live("a folder that cannot be locked is told with the file that stands in the way", () =>
  Effect.gen(function* () {
    const directory = mkdtempSync(join(tmpdir(), "millrace-folder-"))
    mkdirSync(join(directory, "lock.db"))
    const error = yield* Effect.flip(Effect.scoped(openFolderServices(directory)))
    assert.include(error.message, `cannot open ${directory}: `)
    assert.include(error.message, `${join(directory, "lock.db")} cannot be locked`)
    rmSync(directory, { recursive: true })
  })
)
