import { cpSync, readdirSync, readFileSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { assert, describe, it } from "@effect/vitest"
import { type Files, nodeFiles } from "@millrace/core/node"
import { filesHolding } from "@millrace/testing"
import { CorruptLog, WriteFailed } from "../src/log/errors.ts"
import { append, openLog, readAll, reopened, withDirectory } from "./support.ts"

const segmentsIn = (directory: string) =>
  readdirSync(directory)
    .filter((name) => name.endsWith(".log"))
    .toSorted()
    .map((name) => join(directory, name))

/** A closed log of one segment, and where its last record lies. */
const written = async (directory: string, texts: ReadonlyArray<string>) => {
  const log = await openLog(directory)
  let start = 0
  for (const text of texts) {
    start = log.bytes
    await append(log, text)
  }
  const end = log.bytes
  await log.close()
  return { start, end, path: segmentsIn(directory)[0]! }
}

/** Nothing behind `cut` reached the disk: the file keeps the size that it was made with. */
const tear = (path: string, cut: number) => {
  const bytes = readFileSync(path)
  bytes.fill(0, cut)
  writeFileSync(path, bytes)
}

const flip = (path: string, at: number) => {
  const bytes = readFileSync(path)
  bytes[at]! ^= 0x55
  writeFileSync(path, bytes)
}

/** The error with which the log does not open. */
const refusal = (directory: string): Promise<unknown> =>
  openLog(directory).then(
    (log) => log.close(),
    (error: unknown) => error
  )

describe("SegmentLog recovery", () => {
  it("a tail torn at any byte of the last group costs that group alone, and the log goes on behind it", () =>
    withDirectory(async (directory) => {
      const { end, path, start } = await written(directory, ["one", "two", "the last record"])
      const whole = readFileSync(path)
      for (let cut = start; cut <= end; cut++) {
        writeFileSync(path, whole)
        tear(path, cut)
        const expected = cut === end ? ["one", "two", "the last record"] : ["one", "two"]
        const log = await openLog(directory)
        assert.deepStrictEqual(await readAll(log), expected, `cut at ${cut}`)
        await append(log, "next")
        await log.close()
        assert.deepStrictEqual(await reopened(directory), [...expected, "next"], `appended behind a cut at ${cut}`)
      }
    }))

  it("a garbled byte anywhere in a last group that nobody knows to be synced costs that group alone, and is kept as a file", () =>
    withDirectory(async (directory) => {
      const { end, path, start } = await written(directory, ["one", "two", "the last record"])
      tear(path, end)
      const whole = readFileSync(path)
      for (let at = start; at < end; at++) {
        writeFileSync(path, whole)
        flip(path, at)
        const garbled = readFileSync(path).subarray(0, end)
        assert.deepStrictEqual(await reopened(directory), ["one", "two"], `flipped byte ${at}`)
        const cut = readdirSync(directory).find((name) => name.includes(".cut-"))
        assert.deepStrictEqual(readFileSync(join(directory, cut!)), garbled.subarray(Number(cut!.split("-").at(-1))))
        assert.isTrue(
          readFileSync(path)
            .subarray(end)
            .every((byte) => byte === 0)
        )
      }
    }))

  it("a byte that is garbled or zero in a last group that is known to be synced is damage, and nothing is changed", () =>
    withDirectory(async (directory) => {
      const { end, path, start } = await written(directory, ["one", "two", "the last record"])
      const whole = readFileSync(path)
      for (let at = start; at < end; at++) {
        writeFileSync(path, whole)
        flip(path, at)
        const harmed = readFileSync(path)
        assert.instanceOf(await refusal(directory), CorruptLog, `flipped byte ${at}`)
        assert.isTrue(readFileSync(path).equals(harmed))
      }
      writeFileSync(path, Buffer.from(whole).fill(0, start, end))
      assert.deepInclude(await refusal(directory), { _tag: "CorruptLog", file: path, offsetBytes: start })
    }))

  it("a segment that ends before what was made durable of it was cut short, wherever it was cut", () =>
    withDirectory(async (directory) => {
      const { end, path } = await written(directory, ["one", "two", "the last record"])
      const whole = readFileSync(path)
      for (let cut = 0; cut < end + 300; cut += 7) {
        writeFileSync(path, whole.subarray(0, cut))
        assert.instanceOf(await refusal(directory), CorruptLog, `cut at ${cut}`)
        assert.strictEqual(readFileSync(path).length, cut)
      }
    }))

  it("a garbled byte before a later group was acknowledged, so the log refuses to open and says where", () =>
    withDirectory(async (directory) => {
      const { path, start } = await written(directory, ["one", "two"])
      const log = await openLog(directory)
      await append(log, "three")
      await log.close()
      flip(path, start + 17)
      const error = await refusal(directory)
      assert.instanceOf(error, CorruptLog)
      assert.deepInclude(error, { file: path, offsetBytes: start })
    }))

  it("a flipped byte in a sealed segment is an error that names file and offset, whichever byte it is", () =>
    withDirectory(async (directory) => {
      const log = await openLog(directory)
      const text = "x".repeat(1000)
      while (segmentsIn(directory).length < 3) await append(log, text)
      await log.close()
      const path = segmentsIn(directory)[1]!
      const whole = readFileSync(path)
      for (let at = 0; at < whole.length; at += 97) {
        flip(path, at)
        const error = await refusal(directory)
        assert.instanceOf(error, CorruptLog, `byte ${at}`)
        assert.strictEqual(error.file, path)
        assert.isTrue(error.offsetBytes <= at && at < error.offsetBytes + 1016)
        writeFileSync(path, whole)
      }
      assert.strictEqual(await refusal(directory), undefined)
    }))

  it("a missing segment is an error", () =>
    withDirectory(async (directory) => {
      const log = await openLog(directory)
      while (segmentsIn(directory).length < 3) await append(log, "x".repeat(1000))
      await log.close()
      const aside = join(directory, "aside")
      cpSync(segmentsIn(directory)[1]!, aside)
      writeFileSync(segmentsIn(directory)[1]!, "")
      assert.instanceOf(await refusal(directory), CorruptLog)
    }))

  it("an append of several records is recovered whole or not at all", () =>
    withDirectory(async (directory) => {
      const log = await openLog(directory)
      await append(log, "one")
      const start = log.bytes
      await append(log, "a", "b", "c")
      const end = log.bytes
      await log.close()
      const path = segmentsIn(directory)[0]!
      const whole = readFileSync(path)
      for (let cut = start; cut < end; cut++) {
        writeFileSync(path, whole)
        tear(path, cut)
        assert.deepStrictEqual(await reopened(directory), ["one"], `cut at ${cut}`)
      }
    }))

  it("what is dropped stays dropped, also when its files were left behind by a crash", () =>
    withDirectory(async (directory) => {
      const log = await openLog(directory)
      while (segmentsIn(directory).length < 3) await append(log, "x".repeat(1000))
      const left = log.droppable(Infinity)
      await log.close()
      const again = await openLog(directory, { droppedUpTo: left })
      assert.strictEqual(again.first, left + 1)
      assert.strictEqual(segmentsIn(directory).length, 1)
      await again.close()
    }))
})

/** A disk on which one write fails once all is written, and then the next sync of a folder. */
const failingOnce = () => {
  const state = { broken: false, write: false, folder: false }
  const fail = () => Promise.reject(Object.assign(new Error("EIO"), { code: "EIO" }))
  const files: Files = {
    ...nodeFiles,
    open: async (path, flags, mode) => {
      const file = await nodeFiles.open(path, flags, mode)
      return {
        ...file,
        write: async (bytes, position) => {
          await file.write(bytes, position)
          if (!state.broken || state.write) return
          state.write = true
          await fail()
        }
      }
    },
    syncDirectory: async (path) => {
      await nodeFiles.syncDirectory(path)
      if (!state.write || state.folder) return
      state.folder = true
      await fail()
    }
  }
  return { state, files }
}

it("records of a refused append behind a segment's end are none, once the next segment was begun without them", () =>
  withDirectory(async (directory) => {
    const { files, state } = failingOnce()
    const log = await openLog(directory, { files })
    assert.strictEqual(await append(log, "first"), 1)
    state.broken = true
    assert.instanceOf(await append(log, "refused-1", "refused-2"), WriteFailed)
    await log.close()
    assert.deepStrictEqual(await reopened(directory), ["first"])
    assert.deepStrictEqual(filesHolding(directory, ["refused"]), [])
  }))
