import { Effect, Schema } from "effect"

const Bytes = Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: Number.MAX_SAFE_INTEGER }))
const MiB = 1 << 20

/** A segment's offsets are 32 bits wide; below 4 KiB not even one event may fit. */
const SegmentBytes = Schema.Int.check(Schema.isBetween({ minimum: 4096, maximum: 1 << 30 }))

const orElse = <A>(value: A) => Effect.succeed(value)

/** How an embedded log is kept. Everything but the directory has a default. */
export const EmbeddedOptions = Schema.Struct({
  /** Made when it is not there; owned by one process at a time. */
  directory: Schema.NonEmptyString,
  /** Disk space is claimed and given back in pieces of this size. Default 64 MiB. */
  segmentBytes: SegmentBytes.pipe(Schema.withDecodingDefaultKey(orElse(64 * MiB))),
  /** Of the whole log; a publish beyond it fails with `QueueFull`. Default 8 GiB. */
  maxBytes: Bytes.pipe(Schema.withDecodingDefaultKey(orElse(8192 * MiB))),
  /** Of what waits for the disk; a publish beyond it fails with `QueueFull`. Default 64 MiB. */
  maxPendingBytes: Bytes.pipe(Schema.withDecodingDefaultKey(orElse(64 * MiB))),
  /** Deliveries of one message before its events become dead letters. Default 8. */
  maxAttempts: Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 1000 })).pipe(
    Schema.withDecodingDefaultKey(orElse(8))
  ),
  /** Before the second delivery; doubles with each further one, up to 30 s, with jitter. Default 100. */
  backoffMillis: Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 60_000 })).pipe(
    Schema.withDecodingDefaultKey(orElse(100))
  )
})
export type EmbeddedOptions = typeof EmbeddedOptions.Encoded
export type ResolvedOptions = typeof EmbeddedOptions.Type

/** Throws a `SchemaError` that names the field. */
export const resolveOptions = Schema.decodeUnknownSync(EmbeddedOptions)
