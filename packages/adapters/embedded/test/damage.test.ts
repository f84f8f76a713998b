import { readdirSync, readFileSync, rmSync, statSync, truncateSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { assert, describe, it } from "@effect/vitest"
import { EventQueueError } from "@millrace/core"
import fc from "fast-check"
import { live, numbers } from "./lives.ts"
import { everything, lived, story } from "./story.ts"
import { withDirectory } from "./support.ts"

const RUNS = Number(process.env["MILLRACE_DAMAGE_RUNS"] ?? 40)
const SEED = Number(process.env["MILLRACE_SEED"] ?? 20_261_128)
const SECTOR = 512

/** Every file of a folder but its locks, with its bytes. */
const contentOf = (directory: string): ReadonlyMap<string, Buffer> =>
  new Map(
    readdirSync(directory, { recursive: true, encoding: "utf8" })
      .filter((name) => !name.startsWith("lock") && statSync(join(directory, name)).isFile())
      .toSorted()
      .map((name) => [name, readFileSync(join(directory, name))])
  )

interface Damage {
  readonly kind: "zeroed sector" | "flipped byte" | "cut short" | "lost"
  /** Which file, and where in what it holds: fractions. */
  readonly file: number
  readonly at: number
}

const fraction = fc.integer({ min: 0, max: 9_999 }).map((parts) => parts / 10_000)
const damage: fc.Arbitrary<Damage> = fc.record({
  kind: fc.constantFrom("zeroed sector" as const, "flipped byte" as const, "cut short" as const, "lost" as const),
  file: fraction,
  at: fraction
})

const harm = (directory: string, { at, file, kind }: Damage): void => {
  const content = [...contentOf(directory)].filter(([, bytes]) => bytes.length > 0)
  const [name, bytes] = content[Math.floor(file * content.length)]!
  const path = join(directory, name)
  const data = bytes.findLastIndex((byte) => byte !== 0) + 1
  const place = Math.floor(at * data)
  if (kind === "lost") return rmSync(path)
  if (kind === "cut short") return truncateSync(path, place)
  if (kind === "flipped byte") bytes[place]! ^= 1 << (place % 8)
  else
    bytes.fill(
      0,
      Math.floor(place / SECTOR) * SECTOR,
      Math.min(bytes.length, (Math.floor(place / SECTOR) + 1) * SECTOR)
    )
  writeFileSync(path, bytes)
}

describe("a damaged log", () => {
  it(
    `is refused without a changed byte, or every acknowledged event is there once (seed ${SEED})`,
    { timeout: 600_000 },
    () =>
      fc.assert(
        fc.asyncProperty(story, fc.array(damage, { minLength: 1, maxLength: 2 }), (told, damages) =>
          withDirectory(async (directory) => {
            const count = await lived(directory, told)
            for (const one of damages) harm(directory, one)
            const before = contentOf(directory)
            const opened = await live(directory, everything).catch((error: unknown) => error)
            if (Array.isArray(opened)) return assert.deepStrictEqual(opened, [...numbers(1, count)].toSorted())
            assert.instanceOf(opened, EventQueueError)
            assert.strictEqual(opened.reason._tag, "QueueDamaged", opened.message)
            assert.deepStrictEqual(contentOf(directory), before)
          })
        ),
        { numRuns: RUNS, seed: SEED, endOnFailure: true }
      )
  )
})
