import type { Files } from "@millrace/core/node"
import type { LogKey } from "./LogKey.ts"
import { type Segment, segmentPath } from "./Segment.ts"
import { encodeSegmentHeader } from "./segmentHeader.ts"

const CHUNK_BYTES = 1 << 20

/** The first `bytes` of a file that others may append to meanwhile, durably. */
export const copyPart = async (files: Files, from: string, to: string, bytes: number): Promise<void> => {
  const source = await files.open(from, "r")
  try {
    const target = await files.open(to, "wx", 0o600)
    try {
      const chunk = Buffer.allocUnsafe(Math.min(CHUNK_BYTES, bytes))
      for (let at = 0; at < bytes;) {
        const bytesRead = await source.read(chunk.subarray(0, Math.min(chunk.length, bytes - at)), at)
        if (bytesRead === 0) throw new Error(`${from} ends at ${at} bytes, not at ${bytes}`)
        await target.write(chunk.subarray(0, bytesRead), at)
        at += bytesRead
      }
      await target.sync()
    } finally {
      await target.close()
    }
  } finally {
    await source.close()
  }
}

/** What is durable of each segment, as of the call: whole records all of them. */
export const copySegments = async (
  files: Files,
  segments: ReadonlyArray<Segment>,
  directory: string
): Promise<void> => {
  const parts = segments.map(({ endBytes, first, format, path }) => ({ endBytes, first, format, path }))
  for (const { endBytes, first, format, path } of parts) {
    const copy = segmentPath(directory, first)
    await copyPart(files, path, copy, endBytes)
    if (format.key !== undefined) await unallot(files, copy, format.key)
  }
  await files.syncDirectory(directory)
}

/** The copy ends with its last record. */
const unallot = async (files: Files, path: string, key: LogKey): Promise<void> => {
  const file = await files.open(path, "r+")
  try {
    await file.write(encodeSegmentHeader(key, 0), 0)
    await file.sync()
  } finally {
    await file.close()
  }
}
