import { Schema } from "effect"

/** What a message of the queue holds. */
export interface Label {
  readonly project_id: string
  readonly count: number
  /** Of dead letters, published again. */
  readonly replay: boolean
}

const Position = Schema.Int
const Ranges = Schema.Array(Schema.Tuple([Schema.Int, Schema.Int]))
const Tallied = Schema.Record(Schema.String, Schema.Int)

/** A message is done with: stored, or set aside. Written before it is acknowledged. */
const Settled = Schema.Struct({
  _tag: Schema.tag("Settled"),
  messages: Schema.Array(
    Schema.Struct({
      position: Position,
      project_id: Schema.String,
      count: Schema.Int,
      replay: Schema.Boolean,
      /** How many events it held, where `count` of them are settled by it and the others go on in another message. */
      held: Schema.optionalKey(Schema.Int)
    })
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

/** Messages of one project: position and number of events. */
const Run = Schema.Struct({
  project_id: Schema.String,
  replay: Schema.Boolean,
  messages: Schema.Array(Schema.Tuple([Position, Schema.Int]))
})
export type Run = typeof Run.Type
/** The server has taken these messages: by whoever published them, or by whoever saw them in the stream. */
const Published = Schema.Struct({ _tag: Schema.tag("Published"), runs: Schema.Array(Run) })

/**
 * Messages that are neither in the stream nor settled. Of those up to `front` their events, by project: `accepted`, of which
 * `lost` are no dead letters. It counts only if nobody settled or lost one of them before it, and `front` is still there.
 */
const Lost = Schema.Struct({
  _tag: Schema.tag("Lost"),
  ranges: Ranges,
  front: Position,
  accepted: Tallied,
  replayed: Tallied,
  lost: Tallied
})

const Numbered = Schema.Struct({
  log: Schema.String,
  stream: Schema.String,
  epochs: Schema.Array(Schema.Tuple([Schema.Int, Schema.Int])),
  gaps: Ranges
})
const Awaited = Schema.Struct({
  front: Position,
  sum: Tallied,
  replayed: Tallied,
  runs: Schema.Array(Schema.Struct({ ...Run.fields, left: Schema.Boolean }))
})
/**
 * The stream is this one from now on. It counts only if no record came between it and `upTo`. `begin`: the first one ever
 * seen by a program that counts what is lost; what it does not hold by then, `holes`, is nobody's loss.
 */
const Stream = Schema.Struct({
  _tag: Schema.tag("Stream"),
  upTo: Schema.Int,
  numbering: Numbered,
  begin: Schema.optionalKey(Schema.Struct({ expected: Awaited, holes: Ranges }))
})

const LedgerRecord = Schema.Union([Settled, Dead, Released, Published, Lost, Stream])
export type LedgerRecord = typeof LedgerRecord.Type
export type LostRecord = typeof Lost.Type
export type StreamRecord = typeof Stream.Type
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
  ),
  /** Absent in what earlier versions wrote. */
  watch: Schema.optionalKey(
    Schema.Struct({
      numbering: Numbered,
      expected: Awaited,
      gone: Ranges,
      /** Lost messages of which nobody told how many events they held: one each. */
      guessed: Schema.Array(Position),
      lost: Tallied
    })
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
