import { Schema } from "effect"

const Position = Schema.Int
const Ranges = Schema.Array(Schema.Tuple([Schema.Int, Schema.Int]))
const Tallied = Schema.Record(Schema.String, Schema.Int)

/** A message is done with: stored, or set aside. Written before it is acknowledged. */
const Settled = Schema.Struct({
  _tag: Schema.tag("Settled"),
  messages: Schema.Array(
    Schema.Struct({ position: Position, project_id: Schema.String, count: Schema.Int, replay: Schema.Boolean })
  )
})
/** Events `ranges` of the message at `position` are dead letters. Written after the letters. */
const Dead = Schema.Struct({
  _tag: Schema.tag("Dead"),
  position: Position,
  project_id: Schema.String,
  ranges: Ranges
})
/** Messages given back unharmed: a delivery of each that is no attempt. */
const Released = Schema.Struct({ _tag: Schema.tag("Released"), positions: Schema.Array(Position) })

const LedgerRecord = Schema.Union([Settled, Dead, Released])
export type LedgerRecord = typeof LedgerRecord.Type
export type SettledMessage = (typeof Settled.Type)["messages"][number]

/** All records up to and with sequence `upTo`, folded. */
const Checkpoint = Schema.Struct({
  upTo: Schema.Int,
  settled: Ranges,
  accepted: Tallied,
  replayed: Tallied,
  deadLettered: Tallied,
  open: Schema.Array(
    Schema.Struct({ position: Position, project_id: Schema.String, dead: Ranges, releases: Schema.Int })
  )
})
export type Checkpoint = typeof Checkpoint.Type

const codec = <A>(schema: Schema.Codec<A, A>) => {
  const text = Schema.fromJsonString(schema)
  const encode = Schema.encodeSync(text)
  return {
    encode: (value: A): Uint8Array => new TextEncoder().encode(encode(value)),
    decode: Schema.decodeSync(text)
  }
}
export const recordCodec = codec(LedgerRecord)
export const checkpointCodec = codec(Checkpoint)
