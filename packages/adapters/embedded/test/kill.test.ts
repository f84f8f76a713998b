import { spawn } from "node:child_process"
import { once } from "node:events"
import { join } from "node:path"
import { assert, describe, it } from "@effect/vitest"
import { openLog, readAll, withDirectory } from "./support.ts"

const KILLS = 10
const SEED = Number(process.env["MILLRACE_SEED"] ?? 20_261_121)

/** A small seeded generator (mulberry32). */
const randomFrom = (seed: number) => () => {
  seed = (seed + 0x6d2b79f5) | 0
  let mixed = Math.imul(seed ^ (seed >>> 15), 1 | seed)
  mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
  return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
}

/** Runs the writer until it acknowledged `acknowledgements` appends, then kills it; returns what it acknowledged. */
const killedWriter = async (directory: string, from: number, acknowledgements: number) => {
  const script = join(import.meta.dirname, "fixtures", "writer.ts")
  const child = spawn(process.execPath, ["--conditions=source", script, directory, String(from)], {
    stdio: ["ignore", "pipe", "inherit"]
  })
  let output = ""
  let seen = 0
  child.stdout.setEncoding("utf8")
  child.stdout.on("data", (chunk: string) => {
    output += chunk
    seen += chunk.split("\n").length - 1
    if (seen > acknowledgements) child.kill("SIGKILL")
  })
  const [, signal] = await once(child, "close")
  assert.strictEqual(signal, "SIGKILL")
  const lines = output.slice(0, output.lastIndexOf("\n")).split("\n")
  assert.strictEqual(lines.shift(), "ready")
  return lines.map(Number)
}

describe("SegmentLog under kill -9", () => {
  it(`every acknowledged append is there after ${KILLS} kills, whole and once, and no other is in parts (seed ${SEED})`, () =>
    withDirectory(async (directory) => {
      const random = randomFrom(SEED)
      const acknowledged = new Set<number>()
      let from = 0
      for (let kill = 0; kill < KILLS; kill++) {
        for (const number of await killedWriter(directory, from, 1 + Math.floor(random() ** 2 * 600)))
          acknowledged.add(number)
        from = Math.max(from, ...acknowledged) + 1_000
      }
      const log = await openLog(directory)
      const parts = new Map<number, Array<number>>()
      for (const text of await readAll(log)) {
        const [number, part] = text.slice(0, text.indexOf(":")).split("/").map(Number)
        parts.set(number!, [...(parts.get(number!) ?? []), part!])
      }
      await log.close()
      for (const number of acknowledged)
        assert.isTrue(parts.has(number), `append ${number} was acknowledged and is lost`)
      for (const [number, found] of parts) {
        assert.deepStrictEqual(
          found,
          Array.from({ length: 1 + (number % 3) }, (_, part) => part),
          `append ${number}`
        )
      }
      assert.isAbove(acknowledged.size, KILLS)
    }))
})
