import { assert, describe, it } from "@effect/vitest"
import { type Files, nodeFiles, type OpenFile } from "@millrace/core/node"
import { AppendTooLarge, LogBroken, LogClosed, LogFull, WriteFailed } from "../src/log/errors.ts"
import { append, openLog, readAll, reopened, withDirectory } from "./support.ts"

/** Files whose syncs fail while `broken` says so; counts the writes. */
const failing = () => {
  const state = { broken: false, writes: 0, syncs: 0 }
  const open: Files["open"] = async (path, flags) => {
    const file = await nodeFiles.open(path, flags)
    const wrapped: OpenFile = {
      ...file,
      write: (bytes, position) => {
        state.writes++
        return file.write(bytes, position)
      },
      datasync: () => {
        state.syncs++
        return state.broken ? Promise.reject(Object.assign(new Error("EIO"), { code: "EIO" })) : file.datasync()
      }
    }
    return wrapped
  }
  return { state, files: { ...nodeFiles, open } }
}

describe("SegmentLog", () => {
  it("append: what comes while the disk is busy shares one write and one sync", () =>
    withDirectory(async (directory) => {
      const { files, state } = failing()
      const log = await openLog(directory, { files, segmentBytes: 1 << 20 })
      state.writes = state.syncs = 0
      const firsts = await Promise.all(Array.from({ length: 500 }, (_, index) => append(log, `record ${index}`)))
      assert.deepStrictEqual(
        firsts,
        Array.from({ length: 500 }, (_, index) => index + 1)
      )
      assert.deepStrictEqual([state.writes, state.syncs], [1, 1])
      await log.close()
    }))

  it("append: records and appends larger than a segment are kept, in order, over many segments", () =>
    withDirectory(async (directory) => {
      const log = await openLog(directory)
      const texts = Array.from({ length: 60 }, (_, index) => `${index}:`.padEnd((index * 379) % 9000, "x"))
      await Promise.all(texts.map((text) => append(log, text)))
      assert.deepStrictEqual(await readAll(log), texts)
      await log.close()
      assert.deepStrictEqual(await reopened(directory), texts)
    }))

  it("append: beyond maxPendingBytes it refuses at once, and what it took is written", () =>
    withDirectory(async (directory) => {
      const log = await openLog(directory, { segmentBytes: 1 << 20, maxPendingBytes: 100_000 })
      const text = "x".repeat(84)
      const results = await Promise.all(Array.from({ length: 10_000 }, () => append(log, text)))
      const refused = results.filter((result) => result instanceof LogFull)
      assert.strictEqual(refused.length, 9_000)
      assert.isTrue(refused.every((error) => error.bound === "maxPendingBytes"))
      assert.strictEqual(log.last, 1_000)
      await log.close()
      assert.strictEqual((await reopened(directory)).length, 1_000)
    }))

  it("append: beyond maxBytes it refuses, until something is dropped", () =>
    withDirectory(async (directory) => {
      const log = await openLog(directory, { maxBytes: 20_000 })
      const text = "x".repeat(1000)
      let result = await append(log, text)
      while (typeof result === "number") result = await append(log, text)
      assert.instanceOf(result, LogFull)
      assert.strictEqual(result.bound, "maxBytes")
      assert.isAtMost(log.bytes, 20_000)
      await log.drop(log.droppable(Infinity))
      assert.isNumber(await append(log, text))
      await log.close()
    }))

  it("append: one append has a limit, and its refusal harms no other", () =>
    withDirectory(async (directory) => {
      const log = await openLog(directory)
      assert.instanceOf(await append(log, "x".repeat(1 << 24)), AppendTooLarge)
      assert.strictEqual(await append(log, "fits"), 1)
      await log.close()
    }))

  it("a failed sync is fatal: its group is ambiguous, the rest is refused, and nothing is written any more", () =>
    withDirectory(async (directory) => {
      const { files, state } = failing()
      const log = await openLog(directory, { files, segmentBytes: 1 << 20 })
      assert.strictEqual(await append(log, "durable"), 1)
      state.broken = true
      let told: LogBroken | undefined
      log.onBroken = (broken) => (told = broken)
      assert.strictEqual(log.broken, undefined)
      assert.instanceOf(await append(log, "ambiguous"), WriteFailed)
      assert.strictEqual(log.broken, told)
      assert.strictEqual(told?.errno, "EIO")
      assert.match(told?.file ?? "", /00000000000000000001\.log$/)
      state.broken = false
      const { writes } = state
      assert.instanceOf(await append(log, "refused"), LogBroken)
      assert.instanceOf(await append(log, "refused"), LogBroken)
      assert.strictEqual(state.writes, writes)
      await log.close()
      assert.strictEqual((await reopened(directory))[0], "durable")
    }))

  it("close: what was appended before is written, what comes after is refused", () =>
    withDirectory(async (directory) => {
      const log = await openLog(directory)
      const before = append(log, "before")
      const closing = log.close()
      assert.instanceOf(await append(log, "after"), LogClosed)
      await closing
      assert.strictEqual(await before, 1)
      assert.deepStrictEqual(await reopened(directory), ["before"])
    }))
})
