import type { Range } from "./ranges.ts"
import type { Label } from "./record.ts"

/**
 * A durable, ordered log of records, as an engine keeps it, with the newest checkpoint of their fold. Sequences ascend; one
 * may be missing. Every call rejects with what the engine says.
 */
export interface RecordLog {
  /** Durable when it resolves, at the returned sequence. Where an answer was lost a record may lie there twice. */
  readonly append: (record: Uint8Array) => Promise<number>
  /** The last sequence, and when the log was made: one of another time may be another log. */
  readonly end: () => Promise<{ readonly last: number; readonly made: string }>
  readonly read: (sequence: number) => Promise<Entry | undefined>
  readonly checkpoint: () => Promise<{ readonly sequence: number; readonly text: string } | undefined>
  /** In place of the one at `before`, 0 for none; false when that is not the newest any more. */
  readonly writeCheckpoint: (checkpoint: Uint8Array, before: number) => Promise<boolean>
  /** Deletes the records up to `sequence`, and all checkpoints but the newest. */
  readonly cut: (sequence: number) => Promise<void>
}

export interface Entry {
  /** Undefined: something else, which the sequence counts as well. */
  readonly record: string | undefined
  /** Tells it from another one at the same sequence. */
  readonly writtenAt: string
}

/** Messages as the engine says that the queue holds them, by sequence. It may hand sequences out again. */
export interface Holding {
  /** Tells the stream from another of its name. One that does not tell is taken for the same. */
  readonly stream: string | undefined
  readonly made: string
  readonly last: number
  readonly held: ReadonlyArray<Range>
  /** How many messages of each label. */
  readonly labels: ReadonlyArray<readonly [label: Label, messages: number]>
  /** Messages that hold no events, to be thrown away. */
  readonly empty: number
  readonly bytes: number
  /** Whether all of it was read at one instant. */
  readonly isConsistent: boolean
}

/** The stream of events, as an engine keeps it. */
export interface EventLog {
  readonly engine: string
  readonly name: string
  readonly look: () => Promise<Holding>
  /** Of the message at a sequence; undefined when it is not there any more. */
  readonly labelAt: (sequence: number) => Promise<Label | undefined>
  /** The last sequence that was handed out to anybody. A stream that ends before it has gone back. */
  readonly handedOut: () => Promise<number>
  /** The first message with events at or after a sequence, of one project or of all. */
  readonly next: (sequence: number, project_id: string | undefined) => Promise<StoredMessage | undefined>
  /** The sequence of the first message without events at or after one. */
  readonly nextEmpty: (sequence: number) => Promise<number | undefined>
  /** Takes a message off the stream; `overwrite`: and leaves no byte of it behind, where the engine can. */
  readonly delete: (sequence: number, options: { readonly overwrite: boolean }) => Promise<void>
}

export interface StoredMessage {
  readonly sequence: number
  /** Undefined: not written by this adapter. */
  readonly label: Label | undefined
  readonly bytes: Uint8Array
}

export interface WrittenLetter {
  readonly sequence: number
  readonly text: string
}

export interface KeptBytes {
  readonly sequence: number
  readonly unreadable: Uint8Array
}

/** The dead letters, as an engine keeps them, by ascending sequence. */
export interface LetterLog {
  /** Durable when it resolves. Where there is a letter of the same place already it writes nothing. */
  readonly write: (
    place: { readonly project_id: string; readonly position: number; readonly index: number },
    text: string
  ) => Promise<void>
  /** The first one at or after a sequence, of one project or of all. */
  readonly next: (sequence: number, project_id: string | undefined) => Promise<WrittenLetter | undefined>
  readonly read: (sequence: number) => Promise<WrittenLetter | undefined>
  /** The last sequence there ever was. */
  readonly last: () => Promise<number>
  /** Leaves no byte of it behind: a letter may be purged for what it holds. */
  readonly delete: (sequence: number) => Promise<void>
  /** Keeps the bytes of a message that is no batch, once for a position, or in any case; they are listed nowhere. */
  readonly keep: (position: number | undefined, bytes: Uint8Array) => Promise<void>
  /** The first of letters and kept bytes at or after a sequence. */
  readonly nextKept: (sequence: number) => Promise<WrittenLetter | KeptBytes | undefined>
}
