import { createWriteStream } from "node:fs"
import { Readable, Transform, type TransformCallback } from "node:stream"
import { pipeline } from "node:stream/promises"
import { ErasureReceiptAnswer } from "@millrace/core/wire"
import { isProject } from "@millrace/server"
import { Console, Effect, Option, Schema } from "effect"
import { Command, Flag, Prompt } from "effect/cli"
import { CliFailure, WrongUsage } from "../CliFailure.ts"
import { json, place, type PlaceFlags } from "./flags.ts"
import { grouped, printable, table } from "../render/table.ts"
import { failureOf, sendLong, type Target } from "../target/Target.ts"
import { withTarget } from "../target/withTarget.ts"

const user = Flag.String("user").pipe(Flag.withMetavar("ID"), Flag.withDescription("A user_id, as the events have it"))
const project = Flag.String("project").pipe(
  Flag.optional,
  Flag.withDescription("With --data (default: default); at a server the key decides")
)

/** A server knows the project by the key, and would otherwise do it to another one than was named. */
const projectOf = Effect.fnUntraced(function* (flags: PlaceFlags & { readonly project: Option.Option<string> }) {
  const named = Option.getOrUndefined(flags.project)
  if (named !== undefined && Option.isNone(flags.data)) {
    return yield* new WrongUsage({ message: "--project goes with --data; at a server the key decides" })
  }
  if (named !== undefined && !isProject(named)) {
    return yield* new WrongUsage({ message: "--project must be 1–64 letters, digits, _ or -" })
  }
  return named
})

/** `.` and `..` are no names in a path: nothing would arrive but the path above. */
const pathOf = (id: string): Effect.Effect<string, WrongUsage> =>
  id === "" || id === "." || id === ".."
    ? Effect.fail(new WrongUsage({ message: `--user ${JSON.stringify(id)} cannot be named in a path` }))
    : Effect.succeed(`/users/${encodeURIComponent(id)}`)

const decodeReceipt = Schema.decodeUnknownOption(Schema.fromJsonString(ErasureReceiptAnswer))
const decodeIncomplete = Schema.decodeUnknownOption(
  Schema.fromJsonString(Schema.Struct({ receipt: ErasureReceiptAnswer }))
)

const eraseAt = Effect.fnUntraced(function* (target: Target, path: string) {
  const answer = yield* sendLong(target, { method: "DELETE", path })
  const receipt =
    answer.status === 200
      ? decodeReceipt(answer.text)
      : Option.map(decodeIncomplete(answer.text), (incomplete) => incomplete.receipt)
  return yield* Option.match(receipt, {
    onNone: () => Effect.fail(failureOf(target, answer)),
    onSome: Effect.succeed
  })
})

const renderReceipt = (id: string, receipt: ErasureReceiptAnswer): ReadonlyArray<string> => {
  const merged = receipt.ids === 1 ? "" : ` and ${grouped(receipt.ids - 1)} ids merged into it`
  return [
    `user ${printable(id, 256)}${merged}, project ${receipt.project_id}`,
    "",
    ...table(
      [
        { title: "place", align: "left" },
        { title: "events", align: "right" },
        { title: "", align: "left" },
        { title: "finished at", align: "left" }
      ],
      receipt.places.map(({ events, finished_at, place: where, status }) => [
        where.replace("_", " "),
        grouped(events),
        status,
        finished_at ?? ""
      ])
    ),
    "",
    ...(receipt.other_warehouses ?? []).map(
      (other) => `not erased: warehouse ${other}, filled from the same store before`
    ),
    `until ${receipt.erased_until}; receipt for ${receipt.user_hash}`
  ]
}

const yes = Flag.Boolean("yes").pipe(Flag.withAlias("y"), Flag.withDefault(false), Flag.withDescription("Do not ask"))

const confirmed = (id: string) =>
  process.stdin.isTTY
    ? Prompt.run(Prompt.Confirm({ message: `Erase user ${printable(id, 256)} for good?`, initial: false }))
    : Effect.succeed(true)

export const erase = Command.make("erase", { user, project, yes, json, ...place }, (flags) =>
  Effect.gen(function* () {
    const path = yield* pathOf(flags.user)
    const ofProject = yield* projectOf(flags)
    if (!flags.yes && !(yield* confirmed(flags.user))) return yield* Console.log("nothing erased")
    const receipt = yield* withTarget(flags, { writes: true, project: ofProject }, (target) => eraseAt(target, path))
    yield* Console.log(flags.json ? JSON.stringify(receipt) : renderReceipt(flags.user, receipt).join("\n"))
    if (!receipt.complete) {
      return yield* new CliFailure({ message: "not everything is erased yet; run the same command again" })
    }
  })
).pipe(Command.withDescription("Erase a user, and every id merged into it, from every store; asks first on a terminal"))

const out = Flag.String("out").pipe(
  Flag.optional,
  Flag.withMetavar("FILE"),
  Flag.withDescription("Where to write it (default: standard output)")
)

export const exportCommand = Command.make("export", { user, project, out, ...place }, (flags) =>
  Effect.gen(function* () {
    const path = yield* pathOf(flags.user)
    const ofProject = yield* projectOf(flags)
    yield* withTarget(flags, { writes: false, project: ofProject }, (target) =>
      writeExport(target, `${path}/events`, Option.getOrUndefined(flags.out))
    )
  })
).pipe(Command.withDescription("Everything held about a user, as NDJSON"))

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
const writeExport = Effect.fnUntraced(function* (target: Target, path: string, file: string | undefined) {
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
