import { createWriteStream } from "node:fs"
import { Readable, Transform, type TransformCallback } from "node:stream"
import { pipeline } from "node:stream/promises"
import { Effect, Option, Schema } from "effect"
import { CliFailure } from "../CliFailure.ts"
import { failureOf, type Target } from "../target/Target.ts"

const End = Schema.fromJsonString(
  Schema.Struct({ kind: Schema.Literal("end"), events: Schema.Int, dead_letters: Schema.Int })
)
const decodeEnd = Schema.decodeUnknownOption(End)

/** More than the last line ever has. */
const TAIL_BYTES = 256

/** Passes everything on and remembers the last bytes. */
class Tail extends Transform {
  #tail = Buffer.alloc(0)
  override _transform(chunk: Buffer, _encoding: string, done: TransformCallback) {
    this.#tail = Buffer.concat([this.#tail, chunk.subarray(-TAIL_BYTES)]).subarray(-TAIL_BYTES)
    done(undefined, chunk)
  }
  get lastLine(): string {
    return this.#tail.toString("utf8").trimEnd().split("\n").at(-1) ?? ""
  }
}

/** Writes an export as it comes; fails unless its last line says that it is whole. */
export const writeExport = Effect.fnUntraced(function* (target: Target, path: string, file: string | undefined) {
  const response = yield* target.open(path)
  if (response.status !== 200 || response.body === null) {
    const text = yield* Effect.promise(() => response.text())
    return yield* failureOf(target, { status: response.status, text, retryAfterSeconds: undefined, date: undefined })
  }
  const { body } = response
  const tail = new Tail()
  const output = file === undefined ? process.stdout : createWriteStream(file, { mode: 0o600 })
  yield* Effect.tryPromise({
    try: () => pipeline(Readable.fromWeb(body), tail, output, { end: file !== undefined }),
    catch: (error) => new CliFailure({ message: `the export was cut short: ${String(error)}` })
  })
  if (Option.isNone(decodeEnd(tail.lastLine)))
    return yield* new CliFailure({ message: "the export was cut short: its end is missing" })
})
