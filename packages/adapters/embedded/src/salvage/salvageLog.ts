import { randomUUID } from "node:crypto"
import { join } from "node:path"
import { EventBatch } from "@millrace/core"
import { type Files, nodeFiles } from "@millrace/core/node"
import { resolveOptions } from "../config.ts"
import { CorruptLog } from "../log/errors.ts"
import { idText } from "../log/LogKey.ts"
import { makeFolder } from "../log/makeFolder.ts"
import {
  type Checkpoint,
  emptyCheckpoint,
  encodeCheckpoint,
  readCheckpoint,
  writeCheckpoint
} from "../state/Checkpoint.ts"
import { decodeNote } from "../state/note.ts"
import { Sums } from "../state/Sums.ts"
import { type Copied, copySurvivors } from "./copySurvivors.ts"
import { segmentFiles } from "./survivors.ts"

export interface Salvaged {
  readonly records: Copied
  readonly letters: Copied
  /** Accepted events that are in none of the records, by project. */
  readonly lostEvents: ReadonlyArray<readonly [project_id: string, events: number]>
  /** What was not as it should be, besides records. */
  readonly notes: ReadonlyArray<string>
}

/**
 * Copies a log that does not open into a new folder, as far as it is intact: its records, each at its old position, its dead
 * letters, and the sums that say what is missing. The old folder is only read.
 */
export const salvageLog = async (
  { from, loadedUpTo, to }: SalvageOptions,
  files: Files = nodeFiles
): Promise<Salvaged> => {
  const notes: Array<string> = []
  const checkpoint = await readCheckpoint(files, from).catch((error: unknown) => {
    if (!(error instanceof CorruptLog)) throw error
    notes.push(`${error.file}: ${error.problem}; every event is delivered once more, and counted once`)
    return undefined
  })
  const segments = await segmentFiles(files, join(from, "log"))
  const key = segments.find(({ format }) => format?.key !== undefined)?.format?.key
  const known = checkpoint ?? emptyCheckpoint(key === undefined ? randomUUID() : idText(key))
  const droppedUpTo = checkpoint?.droppedUpTo ?? (segments[0]?.first ?? 1) - 1
  await makeFolder(files, to)
  const dropped = known.dropped ?? []
  const sums = new Sums({ accepted: dropped, dropped })
  const records = await copyRecords(files, { from, to, known, droppedUpTo, loadedUpTo, sums })
  sums.recall(known.accepted)
  const unknown = checkpoint?.dropped === undefined && droppedUpTo > 0
  if (unknown || records.last <= loadedUpTo) sums.assumeDropped()
  const letters = await copyLetters(files, { from, to, known })
  await writeCheckpoint(files, to, encodeCheckpoint(checkpointOf(known, sums, records, droppedUpTo)))
  return { records, letters, lostEvents: sums.lost.toEntries(), notes }
}

interface SalvageOptions {
  readonly from: string
  readonly to: string
  /** Records up to it are in the warehouse: what is missing of them is not lost. */
  readonly loadedUpTo: number
}

interface Counting {
  readonly droppedUpTo: number
  readonly loadedUpTo: number
  readonly sums: Sums
}

interface Task {
  readonly from: string
  readonly to: string
  readonly known: Checkpoint
}

const { segmentBytes } = resolveOptions({ directory: "." })

const NOTHING = new Uint8Array()

const copyRecords = (
  files: Files,
  { droppedUpTo, from, known, loadedUpTo, sums, to }: Task & Counting
): Promise<Copied> =>
  copySurvivors({
    files,
    from: join(from, "log"),
    to: join(to, "log"),
    id: known.log,
    segmentBytes,
    droppedUpTo,
    countedUpTo: Math.max(known.floor, known.countedUpTo),
    standIn: EventBatch.fromParts({ project_id: "", count: 0, received_at: 0 }, NOTHING, NOTHING).bytes,
    onNote: (note, next) => {
      sums.recall(decodeNote(note))
      if (next - 1 <= loadedUpTo) sums.assumeDropped()
    },
    onRecord: ({ payload }) => {
      const { count, project_id } = EventBatch.fromBytes(payload)
      sums.add(project_id, count, false)
    }
  })

const copyLetters = (files: Files, { from, known, to }: Task): Promise<Copied> =>
  copySurvivors({
    files,
    from: join(from, "dead-letters"),
    to: join(to, "dead-letters"),
    id: known.log,
    segmentBytes: LETTER_SEGMENT_BYTES,
    droppedUpTo: known.letters.droppedUpTo,
    countedUpTo: known.letters.countedUpTo,
    standIn: Buffer.from(JSON.stringify({ closed: [], replayed: [] })),
    onRecord: () => undefined
  })

const LETTER_SEGMENT_BYTES = 4 << 20

const checkpointOf = (known: Checkpoint, sums: Sums, { last }: Copied, droppedUpTo: number): Checkpoint => ({
  ...known,
  version: 2,
  droppedUpTo,
  floor: Math.max(known.floor, droppedUpTo),
  countedUpTo: last,
  accepted: sums.accepted.toEntries(),
  dropped: sums.dropped.toEntries()
})
