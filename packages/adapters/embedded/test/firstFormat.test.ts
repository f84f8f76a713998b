import { cpSync, readdirSync, readFileSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { assert, describe, it } from "@effect/vitest"
import { EventQueueError } from "@millrace/core"
import { type Files, nodeFiles } from "@millrace/core/node"
import { Embedded } from "@millrace/embedded"
import { Context, Effect, Logger } from "effect"
import fc from "fast-check"
import { toFirstFormat } from "./firstFormat.ts"
import { countsOf, drainAll, live, numbers, options, publish, replayAll, segmentsIn, storeOf } from "./lives.ts"
import { everything, lived, story } from "./story.ts"
import { withDirectory } from "./support.ts"

const SEED = Number(process.env["MILLRACE_SEED"] ?? 20_261_128)
const RUNS = Number(process.env["MILLRACE_FORMAT_RUNS"] ?? 8)
/** Between two calls that the process ends at; 1 tries each. */
const STEP = Number(process.env["MILLRACE_FORMAT_STEP"] ?? 3)

const sums = Effect.map(countsOf, ({ accepted, lost }) => [accepted["default"], lost])
const sorted = (from: number, count: number) => [...numbers(from, count)].toSorted()

/** A disk that the process ends beside at its n-th call: that one and all later ones are never made. */
const endingAt = (last: number): Files => {
  let calls = 0
  const guard = <Args extends Array<unknown>, A>(call: (...args: Args) => Promise<A>) => {
    return (...args: Args): Promise<A> =>
      ++calls >= last ? Promise.reject(Object.assign(new Error("EIO"), { code: "EIO" })) : call(...args)
  }
  const open: Files["open"] = async (path, flags, mode) => {
    const { append, datasync, read, size, sync, truncate, write, close } = await nodeFiles.open(path, flags, mode)
    return {
      close,
      append: guard(append),
      datasync: guard(datasync),
      read: guard(read),
      size: guard(size),
      sync: guard(sync),
      truncate: guard(truncate),
      write: guard(write)
    }
  }
  const { copyFile, exists, mkdir, readText, readdir, rename, rm, stat, syncDirectory } = nodeFiles
  return {
    open: guard(open),
    copyFile: guard(copyFile),
    exists: guard(exists),
    mkdir: guard(mkdir),
    readText: guard(readText),
    readdir: guard(readdir),
    rename: guard(rename),
    rm: guard(rm),
    stat: guard(stat),
    syncDirectory: guard(syncDirectory)
  }
}

/** Whether it opened. */
const opensWith = async (directory: string, files: Files): Promise<boolean> => {
  let opened = false
  const noted = Effect.sync(() => {
    opened = true
  })
  const layer = Embedded.layer({ directory, ...options }, { files })
  await Effect.runPromise(Effect.provide(noted, layer).pipe(Effect.ignore, withoutLogs))
  return opened
}

const withoutLogs = Effect.provideContext(Context.make(Logger.CurrentLoggers, new Set()))

const FIRST = Buffer.from("MRLOG001", "latin1")

describe("a folder of the first format", () => {
  it(
    `is taken over: every event is there once, set aside or not, and what comes after it too (seed ${SEED})`,
    { timeout: 300_000 },
    () =>
      fc.assert(
        fc.asyncProperty(story, (told) =>
          withDirectory(async (directory) => {
            const count = await lived(directory, told)
            toFirstFormat(directory)
            const written = segmentsIn(directory)
            assert.deepStrictEqual(await live(directory, sums), [count, {}])
            assert.deepStrictEqual(await live(directory, everything), sorted(1, count))
            await live(directory, publish(count + 1, 3))
            assert.deepStrictEqual(await live(directory, sums), [count + 3, {}])
            assert.deepStrictEqual(await live(directory, everything), sorted(1, count + 3))
            const formats = segmentsIn(directory).map((name) =>
              readFileSync(join(directory, "log", name)).subarray(0, 8)
            )
            assert.isFalse(formats.at(-1)!.equals(FIRST), "what is written today has today's format")
            assert.isTrue(formats.slice(0, written.length - 1).every((magic) => magic.equals(FIRST)))
          })
        ),
        { numRuns: RUNS, seed: SEED, endOnFailure: true }
      )
  )

  it("of which a part was dropped has lost nothing, and counts on", () =>
    withDirectory(async (directory) => {
      const batches = [1, 11, 21, 31]
      const loaded = Effect.gen(function* () {
        yield* Effect.forEach(batches, (from) => publish(from, 10, { properties: `{"pad":"${"x".repeat(400)}"}` }))
        yield* drainAll
        const { cursor } = yield* replayAll()
        yield* storeOf((store) => store.prune({ upTo: cursor }))
        return cursor
      })
      const cursor = await live(directory, loaded)
      assert.isBelow(segmentsIn(directory).length, batches.length)
      await live(directory, publish(41, 3))
      toFirstFormat(directory)
      assert.deepStrictEqual(await live(directory, sums), [43, {}])
      const { shown } = await live(directory, Effect.andThen(drainAll, replayAll(cursor)))
      assert.deepStrictEqual(shown, numbers(41, 3))
      assert.deepStrictEqual(await live(directory, sums), [43, {}])
    }))

  it("is taken over at the second try, whichever call of the disk the first one ended at", { timeout: 120_000 }, () =>
    withDirectory(async (directory) => {
      const old = join(directory, "old")
      const told = { batches: [3, 9, 9], worked: true, olderCheckpoint: false }
      const count = await lived(old, told)
      toFirstFormat(old)
      for (let last = 1; ; last += STEP) {
        const place = join(directory, String(last))
        cpSync(old, place, { recursive: true })
        const opened = await opensWith(place, endingAt(last))
        assert.deepStrictEqual(await live(place, everything), sorted(1, count), `ended at call ${last}`)
        if (opened) return
      }
    })
  )

  it("with zeros where a record is due that others follow is refused, and nothing is changed", () =>
    withDirectory(async (directory) => {
      await live(
        directory,
        Effect.forEach([1, 2, 3], (from) => publish(from, 1))
      )
      toFirstFormat(directory)
      const path = join(directory, "log", segmentsIn(directory)[0]!)
      const bytes = readFileSync(path)
      const second = 8 + 16 + (bytes.readUInt32LE(8) % (1 << 24))
      bytes.fill(0, second, second + 16 + (bytes.readUInt32LE(second) % (1 << 24)))
      writeFileSync(path, bytes)
      const error = await live(directory, everything).catch((cause: unknown) => cause)
      assert.instanceOf(error, EventQueueError)
      assert.deepInclude(error.reason, { _tag: "QueueDamaged", file: path, offsetBytes: second })
      assert.isTrue(readFileSync(path).equals(bytes))
      assert.deepStrictEqual(readdirSync(join(directory, "log")), [segmentsIn(directory)[0]!])
    }))
})
