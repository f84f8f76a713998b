import { existsSync, readFileSync } from "node:fs"
import { join } from "node:path"
import { Effect } from "effect"
import fc from "fast-check"
import { afterAll, expect, it } from "vitest"
import { csvParser } from "../src/import/csv.ts"
import { mapCells, type MappingOptions, planOf } from "../src/import/mapping.ts"
import { plainReader } from "../src/import/plainCsv.ts"
import { START } from "../src/import/Record.ts"
import { RejectsFile } from "../src/import/RejectsFile.ts"
import { type ImportJob, runImport } from "../src/import/runImport.ts"
import type { RawEvent, Sink } from "../src/import/Sink.ts"
import { timeReader } from "../src/import/timeFormat.ts"
import { temporaryFolder } from "./support/cli.ts"
import { chunked } from "./support/parse.ts"

const temporary = temporaryFolder()
afterAll(temporary.remove)
let files = 0
const contentOf = (path: string) => (existsSync(path) ? readFileSync(path, "utf8") : "")

const memorySink = (
  refuse: (raw: RawEvent) => boolean,
  onPublish: (raws: ReadonlyArray<RawEvent>) => Effect.Effect<void> = () => Effect.void
) => {
  const seen: Array<RawEvent> = []
  const sink: Sink = {
    publish: (raws) =>
      Effect.gen(function* () {
        yield* onPublish(raws)
        seen.push(...raws.filter((raw) => !refuse(raw)))
        return raws.flatMap((raw, index) =>
          refuse(raw) ? [{ index, code: "refused", path: "/user_id", message: "is refused" }] : []
        )
      }),
    finish: Effect.succeed(undefined)
  }
  return { sink, seen }
}

/** Takes bodies too, whole ones that hold nothing to refuse, as a plain body does. */
const plainSink = (refuse: (raw: RawEvent) => boolean) => {
  const { seen, sink } = memorySink(refuse)
  let bodies = 0
  const publishPlain = (body: Uint8Array) =>
    Effect.gen(function* () {
      const raws = JSON.parse(Buffer.from(body).toString("utf8")) as Array<RawEvent>
      if (raws.some(refuse)) return false
      bodies++
      yield* sink.publish(raws)
      return true
    })
  return { sink: { ...sink, publishPlain } satisfies Sink, seen, bodies: () => bodies }
}

const mapping: MappingOptions = {
  map: {},
  eventType: "e",
  properties: "all",
  readTime: timeReader("YYYYMMDD", "UTC"),
  timeFormat: "YYYYMMDD",
  idOf: String
}

const jobOf = (text: string, chunkBytes: number, sink: Sink, more: Partial<ImportJob> = {}): ImportJob => ({
  chunks: chunked(Buffer.from(text), chunkBytes),
  parserAt: (position) => csvParser({ delimiter: ",", columns: undefined }, position),
  mapper: ({ columns = [] }) => ({
    mapRecord: mapCells(columns, mapping),
    readPlain: plainReader(columns, ",", planOf(columns, mapping), mapping)
  }),
  sink,
  rejects: new RejectsFile(join(temporary.path, `${++files}.ndjson`), 0),
  from: { ...START, offset: 0, accepted: 0, rejected: 0 },
  state: undefined,
  onProgress: () => Effect.void,
  ...more
})

it("rejects name line, row and reason, wherever a row was refused, in line order", async () => {
  const { seen, sink } = memorySink((raw) => raw["user_id"] === "bad")
  const text = 'user_id,occurred_at\nu1,20260101\nbad,20260101\n"u\n2",20269901\nu3\nu4,20260102\n'
  const job = jobOf(text, 1000, sink)
  expect(await Effect.runPromise(runImport(job))).toMatchObject({ rows: 5, accepted: 2, rejected: 3 })
  expect(seen.map((raw) => raw["user_id"])).toEqual(["u1", "u4"])
  const lines = readFileSync(job.rejects.path, "utf8")
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line) as Record<string, unknown>)
  expect(lines.map(({ code, line, path, row }) => [line, row, code, path])).toEqual([
    [3, 2, "refused", "/user_id"],
    [4, 3, "invalid_date_time", "/occurred_at"],
    [6, 4, "broken_record", ""]
  ])
  expect(lines[1]).toMatchObject({
    message: '"20269901" does not fit the time format YYYYMMDD',
    record: ["u\n2", "20269901"]
  })
})

it("memory: however long the file, at most five chunks are taken while none is safe", async () => {
  const rows = Array.from({ length: 4_000 }, (_, index) => `u${index},20260101`).join("\n")
  let taken = 0
  const counted = async function* () {
    for await (const chunk of chunked(Buffer.from(`user_id,occurred_at\n${rows}`), 1_000)) {
      taken++
      yield chunk
    }
  }
  let safe = 0
  let most = 0
  const { seen, sink } = memorySink(
    () => false,
    () =>
      Effect.gen(function* () {
        yield* Effect.yieldNow
        most = Math.max(most, taken - safe)
        safe++
      })
  )
  await Effect.runPromise(runImport(jobOf("", 1, sink, { chunks: counted() })))
  expect(seen.length).toBe(4_000)
  expect(taken).toBeGreaterThan(40)
  // Four in flight, and a little that the stream hands over between its stages.
  expect(most).toBeLessThanOrEqual(4 + 3)
})

it("an import cut off after any slice goes on and gives every row once, with the same ids and rejects", async () => {
  const user = fc.constantFrom("a", "b", "bad", '"q\nx"')
  await fc.assert(
    fc.asyncProperty(
      fc.array(user, { minLength: 1, maxLength: 30 }),
      fc.integer({ min: 10, max: 80 }),
      fc.nat(6),
      async (users, size, cut) => {
        const text = ["user_id,occurred_at", ...users.map((name) => `${name},20260101`)].join("\n")
        const whole = memorySink((raw) => raw["user_id"] === "bad")
        const wholeJob = jobOf(text, size, whole.sink)
        const wanted = await Effect.runPromise(runImport(wholeJob))

        // The first run fails at its cut-th slice; what it had settled is in the state file.
        const path = join(temporary.path, `${++files}.state.json`)
        let slices = 0
        const onProgress = () => (++slices > cut ? Effect.die("cut off") : Effect.void)
        const first = memorySink((raw) => raw["user_id"] === "bad")
        const rejectsPath = join(temporary.path, `${++files}.ndjson`)
        await Effect.runPromiseExit(
          runImport(
            jobOf(text, size, first.sink, {
              onProgress,
              state: { path, fingerprint: "f" },
              rejects: new RejectsFile(rejectsPath, 0)
            })
          )
        )
        if (!existsSync(path)) return
        const state = JSON.parse(readFileSync(path, "utf8")) as {
          offset: number
          rows: number
          lines: number
          accepted: number
          rejected: number
          rejectsBytes: number
          columns?: Array<string>
        }
        const second = plainSink((raw) => raw["user_id"] === "bad")
        const counts = await Effect.runPromise(
          runImport(
            jobOf("", 1, second.sink, {
              chunks: chunked(Buffer.from(text).subarray(state.offset), size),
              from: state,
              state: { path, fingerprint: "f" },
              rejects: new RejectsFile(rejectsPath, state.rejectsBytes)
            })
          )
        )
        expect(counts).toMatchObject({ rows: wanted.rows, accepted: wanted.accepted, rejected: wanted.rejected })
        const ids = new Set([...first.seen, ...second.seen].map((raw) => raw["event_id"]))
        expect(ids).toEqual(new Set(whole.seen.map((raw) => raw["event_id"])))
        expect(contentOf(rejectsPath)).toBe(contentOf(wholeJob.rejects.path))
        expect(existsSync(path)).toBe(false)
      }
    ),
    { numRuns: 60 }
  )
})

it("plain slices give the same events and rejects as parsed ones, in the same order", async () => {
  const user = fc.constantFrom("a", "b", "bad", '"q\nx"', '"q""x"', "ü", "x,y", "")
  const refuse = (raw: RawEvent) => raw["user_id"] === "bad"
  let taken = 0
  await fc.assert(
    fc.asyncProperty(
      fc.array(user, { minLength: 1, maxLength: 40 }),
      fc.integer({ min: 10, max: 120 }),
      async (users, size) => {
        const text = ["user_id,occurred_at", ...users.map((name) => `${name},20260101`)].join("\n")
        const parsed = memorySink(refuse)
        const wanted = jobOf(text, size, parsed.sink)
        const plain = plainSink(refuse)
        const job = jobOf(text, size, plain.sink)
        expect(await Effect.runPromise(runImport(job))).toEqual(await Effect.runPromise(runImport(wanted)))
        expect(plain.seen).toEqual(parsed.seen)
        expect(contentOf(job.rejects.path)).toBe(contentOf(wanted.rejects.path))
        taken += plain.bodies()
      }
    )
  )
  expect(taken).toBeGreaterThan(0)
})
