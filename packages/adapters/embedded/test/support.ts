import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import type { AppendError } from "../src/log/errors.ts"
import { SegmentLog } from "../src/log/SegmentLog.ts"
import type { SegmentLogOptions } from "../src/log/SegmentLogOptions.ts"

export const withDirectory = async <A>(use: (directory: string) => Promise<A>): Promise<A> => {
  const directory = mkdtempSync(join(tmpdir(), "millrace-embedded-"))
  try {
    return await use(directory)
  } finally {
    rmSync(directory, { recursive: true, force: true })
  }
}

export const openLog = (directory: string, options: Partial<SegmentLogOptions> = {}): Promise<SegmentLog> =>
  SegmentLog.open({ directory, segmentBytes: 4096, maxBytes: 1 << 30, maxPendingBytes: 1 << 20, ...options })

/** The first sequence, or the error. */
export const append = (log: SegmentLog, ...payloads: ReadonlyArray<string>): Promise<number | AppendError> =>
  new Promise((resolve) => {
    log.append(
      payloads.map((payload) => Buffer.from(payload)),
      (error, first) => resolve(error ?? first)
    )
  })

export const readAll = async (log: SegmentLog): Promise<ReadonlyArray<string>> => {
  const texts: Array<string> = []
  for (let from = log.first; from <= log.last;) {
    for (const { payload } of await log.read(from, log.last)) {
      texts.push(payload.toString())
      from++
    }
  }
  return texts
}

/** What a log holds after opening it anew. */
export const reopened = async (directory: string): Promise<ReadonlyArray<string>> => {
  const log = await openLog(directory)
  try {
    return await readAll(log)
  } finally {
    await log.close()
  }
}
