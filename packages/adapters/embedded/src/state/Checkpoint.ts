import { readFile } from "node:fs/promises"
import { join } from "node:path"
import { Schema } from "effect"
import { replaceFile } from "../log/atomicFile.ts"

const Sequence = Schema.Int.check(Schema.isGreaterThanOrEqualTo(0))
const Counts = Schema.Array(Schema.Tuple([Schema.String, Schema.Int]))

/**
 * What the log alone does not tell. It is written after the fact, so all of it is older than the log or as old:
 * counts are valid up to the sequence beside them, and an acknowledgement that is missing means one redelivery.
 */
export const Checkpoint = Schema.Struct({
  version: Schema.Literal(1),
  /** The log's identity, for batches that name where they came from. */
  log: Schema.String,
  /** All records up to it are acknowledged. */
  floor: Sequence,
  /** Acknowledged above the floor: inclusive ranges. */
  acked: Schema.Array(Schema.Tuple([Sequence, Sequence])),
  /** Records up to it are gone. */
  droppedUpTo: Sequence,
  countedUpTo: Sequence,
  accepted: Counts,
  letters: Schema.Struct({
    droppedUpTo: Sequence,
    countedUpTo: Sequence,
    deadLettered: Counts,
    replayed: Counts
  })
})
export type Checkpoint = typeof Checkpoint.Type

const decode = Schema.decodeUnknownSync(Schema.fromJsonString(Checkpoint))
const pathIn = (directory: string) => join(directory, "checkpoint.json")

export const emptyCheckpoint = (log: string): Checkpoint => ({
  version: 1,
  log,
  floor: 0,
  acked: [],
  droppedUpTo: 0,
  countedUpTo: 0,
  accepted: [],
  letters: { droppedUpTo: 0, countedUpTo: 0, deadLettered: [], replayed: [] }
})

/** `undefined` in a new directory; throws when the file is not what was written. */
export const readCheckpoint = async (directory: string): Promise<Checkpoint | undefined> => {
  let text: string
  try {
    text = await readFile(pathIn(directory), "utf8")
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return undefined
    throw error
  }
  return decode(text)
}

export const encodeCheckpoint = (checkpoint: Checkpoint): string => JSON.stringify(checkpoint)

export const writeCheckpoint = (directory: string, encoded: string): Promise<void> =>
  replaceFile(pathIn(directory), encoded)
