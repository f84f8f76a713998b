import { Schema } from "effect"
import type { TallyEntries } from "@millrace/core"

const Note = Schema.Struct({ accepted: Schema.Array(Schema.Tuple([Schema.String, Schema.Int])) })
const decode = Schema.decodeUnknownSync(Schema.fromJsonString(Note))

/** What the log's headers say of all records before them: events accepted since the log was made, by project. */
export const encodeNote = (accepted: TallyEntries): Uint8Array =>
  Buffer.from(JSON.stringify({ accepted } satisfies typeof Note.Type))

export const decodeNote = (note: Buffer): TallyEntries =>
  note.length === 0 ? [] : decode(note.toString("utf8")).accepted
