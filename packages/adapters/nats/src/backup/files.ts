import { Schema } from "effect"

/** Below the folder of a backup. */
export const FOLDER = "nats"
export const COUNTS_NAME = "counts.json"
export const LETTERS_NAME = "letters.ndjson"

const Tallied = Schema.Record(Schema.String, Schema.Int)

/** By project, as if all of it had been settled; of `accepted`, `replayed` are letters that came again. */
const Counts = Schema.Struct({ accepted: Tallied, deadLettered: Tallied, replayed: Tallied })
export type Counts = typeof Counts.Type

const CountsText = Schema.fromJsonString(Counts)
export const encodeCounts = Schema.encodeSync(CountsText)
export const decodeCounts = Schema.decodeUnknownSync(CountsText)

/** A line of the file: a letter's own text, or the bytes of a message that was none, in base64. */
const LetterLine = Schema.fromJsonString(
  Schema.Union([Schema.Struct({ letter: Schema.String }), Schema.Struct({ unreadable: Schema.String })])
)
const encodeLine = Schema.encodeSync(LetterLine)
export const decodeLine = Schema.decodeUnknownSync(LetterLine)
export const encodeLetter = (line: typeof LetterLine.Type): string => `${encodeLine(line)}\n`
