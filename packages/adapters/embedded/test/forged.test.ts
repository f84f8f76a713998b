import { readFileSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { crc32 } from "node:zlib"
import { assert, it } from "@effect/vitest"
import { type Event, EventBatch } from "@millrace/core"
import { nodeFiles } from "@millrace/core/node"
import { idOf } from "@millrace/testing"
import { Embedded } from "@millrace/embedded"
import { Effect } from "effect"
import fc from "fast-check"
import { Flag, writeRecord } from "../src/log/record.ts"
import { type Scan, type ScannedRecord, scanSegment } from "../src/log/scan.ts"
import { readSegmentHeader } from "../src/log/segmentHeader.ts"
import { numbers, options, publish, queueOf, segmentsIn, type Services } from "./lives.ts"
import { everything } from "./story.ts"
import { withDirectory } from "./support.ts"

const SEED = Number(process.env["MILLRACE_SEED"] ?? 20_261_128)
const RUNS = Number(process.env["MILLRACE_FORGED_RUNS"] ?? 25)
const PAIRS = 40

/** All goes into one segment. */
const live = <A>(directory: string, life: Effect.Effect<A, unknown, Services>): Promise<A> =>
  Effect.runPromise(Effect.provide(life, Embedded.layer({ ...options, directory, segmentBytes: 1 << 16 })))

/** A record as a client would forge one that knows everything but the log's salt. */
interface Forged {
  /** Sequence of the first of them, each further one is one up. */
  readonly first: number
  readonly flags: number
  readonly seed: number
  readonly salt: Uint8Array
}

const bytes = fc.uint8Array({ minLength: 16, maxLength: 16 })
const forged: fc.Arbitrary<Forged> = fc
  .record({
    first: fc.integer({ min: 1, max: 60 }),
    flags: fc.constantFrom(Flag.groupStart, Flag.header, Flag.header | Flag.groupStart, 0, 7),
    guess: fc.constantFrom("none", "zeros", "any" as const),
    salt: bytes
  })
  .map(({ first, flags, guess, salt }) => {
    const guessed = guess === "zeros" ? new Uint8Array(16) : salt
    return { first, flags, salt: guessed, seed: guess === "none" ? 0 : crc32(guessed) }
  })

const uuid = (at: Buffer): string => at.toString("hex").replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/u, "$1-$2-$3-$4-$5")

/** Ids lie behind one another in a batch, sixteen bytes each: two of them are a record of sixteen bytes. */
const idsOf = ({ first, flags, salt, seed }: Forged): ReadonlyArray<string> =>
  Array.from({ length: PAIRS }, (_, pair) => {
    const record = Buffer.alloc(32)
    writeRecord(record, 0, { sequence: first + pair, flags, payload: salt }, seed)
    return [uuid(record.subarray(0, 16)), uuid(record.subarray(16))]
  }).flat()

const batchOfIds = (ids: ReadonlyArray<string>) =>
  EventBatch.fromEvents(
    ids.map((event_id): Event => ({
      project_id: "default",
      event_id,
      occurred_at: 1,
      user_id: "u",
      event_type: "visit",
      properties: "{}",
      received_at: 1,
      skew_micros: 0
    }))
  )

/** Of a segment, and where its last record lies. */
const scanned = async (path: string): Promise<Scan & { readonly last: number }> => {
  let last = 0
  const file = await nodeFiles.open(path, "r")
  try {
    const format = await readSegmentHeader(file)
    if (typeof format === "string") throw new Error(format)
    const onRecord = ({ offsetBytes }: ScannedRecord) => {
      last = offsetBytes
    }
    return { ...(await scanSegment(file, format, 1, { onRecord })), last }
  } finally {
    await file.close()
  }
}

it(
  `a client's bytes never pass for records: in a torn tail, whatever they are, they cost that tail alone (seed ${SEED})`,
  { timeout: 300_000 },
  () =>
    fc.assert(
      fc.asyncProperty(forged, fc.boolean(), fc.integer({ min: 1, max: 16 }), (forgery, header, torn) =>
        withDirectory(async (directory) => {
          await live(directory, publish(1, 3))
          const checkpoint = readFileSync(join(directory, "checkpoint.json"))
          const path = join(directory, "log", segmentsIn(directory)[0]!)
          const { endBytes: group } = await scanned(path)
          await live(
            directory,
            queueOf((queue) => queue.publish(batchOfIds(idsOf(forgery))))
          )
          const { endBytes, last, markedBytes } = await scanned(path)
          const begins = header ? group : last
          // The power went before the sync: the first bytes did not reach the disk, and no 202 was sent.
          const left = readFileSync(path)
          left.fill(0, endBytes, markedBytes)
          for (let at = begins; at < begins + torn; at++) left[at]! ^= 0x5a
          writeFileSync(path, left)
          writeFileSync(join(directory, "checkpoint.json"), checkpoint)
          assert.deepStrictEqual(await live(directory, everything), numbers(1, 3))
          await live(directory, publish(4, 2))
          assert.deepStrictEqual(await live(directory, everything), [1, 2, 3, 4, 5].map(idOf))
        })
      ),
      { numRuns: RUNS, seed: SEED, endOnFailure: true }
    )
)
