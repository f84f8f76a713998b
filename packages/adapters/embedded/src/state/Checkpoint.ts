import { join } from "node:path"
import type { Files } from "@millrace/core/node"
import { Schema } from "effect"
import { replaceFile } from "../log/atomicFile.ts"
import { readState, sealState } from "./stateFile.ts"

const Sequence = Schema.Int.check(Schema.isGreaterThanOrEqualTo(0))
const Counts = Schema.Array(Schema.Tuple([Schema.String, Schema.Int]))

/**
 * What the log alone does not tell. It is written after the fact, so all of it is older than the log or as old:
 * counts are valid up to the sequence beside them, and an acknowledgement that is missing means one redelivery.
 */
export const Checkpoint = Schema.Struct({
  version: Schema.Literals([1, 2]),
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
  /** Of the records that are gone; the first version did not note it. */
  dropped: Schema.optionalKey(Counts),
  letters: Schema.Struct({
    droppedUpTo: Sequence,
    countedUpTo: Sequence,
    deadLettered: Counts,
    replayed: Counts
  })
})
export type Checkpoint = typeof Checkpoint.Type

const decode = Schema.decodeUnknownSync(Schema.fromJsonString(Checkpoint))
export const checkpointPath = (directory: string) => join(directory, "checkpoint.json")

export const emptyCheckpoint = (log: string): Checkpoint => ({
  version: 2,
  log,
  floor: 0,
  acked: [],
  droppedUpTo: 0,
  countedUpTo: 0,
  accepted: [],
  dropped: [],
  letters: { droppedUpTo: 0, countedUpTo: 0, deadLettered: [], replayed: [] }
})

/** `undefined` in a new directory; rejects with `CorruptLog` when the file is not what was written. */
export const readCheckpoint = (files: Files, directory: string): Promise<Checkpoint | undefined> =>
  readState(files, checkpointPath(directory), { decode, mayBeBare: ({ version }) => version === 1 })

export const encodeCheckpoint = (checkpoint: Checkpoint): string => sealState(checkpoint)

export const writeCheckpoint = (files: Files, directory: string, encoded: string): Promise<void> =>
  replaceFile(files, checkpointPath(directory), encoded)
