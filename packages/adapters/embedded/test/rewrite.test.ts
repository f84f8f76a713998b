import { assert, it } from "@effect/vitest"
import { type Files, nodeFiles } from "@millrace/core/node"
import { filesHolding } from "@millrace/testing"
import type { SegmentLog } from "../src/log/SegmentLog.ts"
import { append, openLog, readAll, withDirectory } from "./support.ts"

const SECRET = "a user who leaves"
const redacted = Buffer.from("x".repeat(1_000))

/** Calls at which a segment may be dropped while it is rewritten. */
const CALLS = ["open", "copyFile", "rename"] as const

/** A disk beside which all segments but the last are dropped, once, when a rewrite comes to a call. */
const dropping = (call: (typeof CALLS)[number]) => {
  const state: { log?: SegmentLog; drops: number } = { drops: 0 }
  const drop = async (): Promise<void> => {
    const { log } = state
    if (log === undefined || state.drops++ > 0) return
    await log.drop(log.droppable(Infinity))
  }
  const files: Files = {
    ...nodeFiles,
    open: async (path, flags, mode) => {
      if (call === "open" && flags === "r" && state.log !== undefined) await drop()
      return nodeFiles.open(path, flags, mode)
    },
    copyFile: async (from, to) => {
      if (call === "copyFile") await drop()
      return nodeFiles.copyFile(from, to)
    },
    rename: async (from, to) => {
      if (call === "rename" && from.endsWith(".rewritten")) await drop()
      return nodeFiles.rename(from, to)
    }
  }
  return { state, files }
}

for (const call of CALLS) {
  it(`a segment that is dropped while it is rewritten fails nothing and stays gone: dropped before its ${call}`, () =>
    withDirectory(async (directory) => {
      const { files, state } = dropping(call)
      const log = await openLog(directory, { files })
      for (let sent = 0; sent < 6; sent++) await append(log, SECRET.padEnd(1_000))
      for (let sent = 0; sent < 3; sent++) await append(log, "others".padEnd(1_000))
      state.log = log
      await log.rewrite(({ payload }) => (payload.includes(SECRET) ? redacted : undefined))
      assert.strictEqual(state.drops > 0, true)
      assert.deepStrictEqual(filesHolding(directory, [SECRET]), [])
      const kept = await readAll(log)
      const { first } = log
      await log.close()
      assert.isAbove(first, 1)
      assert.deepStrictEqual(await reopenedFrom(directory, first), kept)
    }))
}

const reopenedFrom = async (directory: string, first: number) => {
  const log = await openLog(directory, { droppedUpTo: first - 1 })
  const texts = await readAll(log)
  await log.close()
  return texts
}
