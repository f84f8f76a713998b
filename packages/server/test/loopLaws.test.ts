import { readdirSync, readFileSync } from "node:fs"
import { join, relative } from "node:path"
import { expect, it } from "vitest"

const PACKAGES = join(import.meta.dirname, "../..")

/** What starts work that nobody waits for, or repeats it for ever. */
const STARTS =
  /\bEffect\.(?:fork\w*|run(?:Fork|Callback|Promise|Sync)\w*|forever|repeat|schedule)\b|\bsetInterval\b|\bStream\.runDrain\b|\bFiberSet\b|\bFiberMap\b/gu

/** File → what it may start, and why nothing it ends with is lost. */
const ALLOWED: Readonly<Record<string, ReadonlyArray<string>>> = {
  // The mechanism.
  "core/src/kit/superviseLoop.ts": ["Effect.forkScoped", "Effect.forkScoped"],
  // Joined by the next load, which is supervised.
  "core/src/flow/loadAhead.ts": ["Effect.forkIn"],
  // All it can end with is answered and counted.
  "server/src/http/Jobs.ts": ["Effect.forkDetach"],
  // Writes a line of the log, and nothing else.
  "server/src/http/endedLog.ts": ["Effect.runForkWith"],
  // What it throws ends the process, on one line.
  "server/src/http/nodeServer.ts": ["setInterval"],
  // Only calls `interrupt`, for as long as a statement that is waited for runs.
  "adapters/duckdb/src/client.ts": ["setInterval"]
}

const sources = [
  ...["core", "server", "cli"].map((name) => join(PACKAGES, name, "src")),
  ...readdirSync(join(PACKAGES, "adapters"), { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map(({ name }) => join(PACKAGES, "adapters", name, "src"))
].flatMap((folder) =>
  readdirSync(folder, { recursive: true, encoding: "utf8" })
    .filter((name) => name.endsWith(".ts"))
    .map((name) => join(folder, name))
)

it("nothing runs in the background but by superviseLoop, superviseOnce or countFailure", () => {
  const found = sources.flatMap((file) => {
    const starts = [...readFileSync(file, "utf8").matchAll(STARTS)].map(([start]) => start)
    return starts.length === 0 ? [] : [[relative(PACKAGES, file), starts] as const]
  })
  expect(Object.fromEntries(found)).toEqual(ALLOWED)
})
