import { Console, Effect, Option, Schema } from "effect"
import { Argument, Command, Flag, Prompt } from "effect/cli"
import { CliFailure, WrongUsage } from "../CliFailure.ts"
import { grouped, printable, table } from "../render/table.ts"
import { get, post, type Target } from "../target/Target.ts"
import { withTarget } from "../target/withTarget.ts"
import { json, place } from "./flags.ts"

const Page = Schema.fromJsonString(
  Schema.Struct({
    dead_letters: Schema.Array(
      Schema.Struct({
        id: Schema.String,
        event: Schema.Struct({
          event_id: Schema.String,
          event_type: Schema.String,
          user_id: Schema.String,
          occurred_at: Schema.String
        }),
        reason: Schema.Struct({
          stage: Schema.String,
          code: Schema.String,
          message: Schema.String,
          attempts: Schema.Int
        }),
        failed_at: Schema.String
      })
    ),
    next: Schema.NullOr(Schema.String)
  })
)
const Affected = Schema.fromJsonString(Schema.Struct({ count: Schema.Int }))

const unknownAnswer = (target: Target) => () =>
  new CliFailure({ message: `${target.name} gave an answer that this version does not know` })

export const renderDeadLetters = ({ dead_letters, next }: (typeof Page)["Type"]): ReadonlyArray<string> => {
  if (dead_letters.length === 0) return ["no dead letters"]
  const lines = table(
    [
      { title: "id", align: "left" },
      { title: "failed at", align: "left" },
      { title: "event type", align: "left" },
      { title: "user", align: "left" },
      { title: "stage", align: "left" },
      { title: "tries", align: "right" },
      { title: "reason", align: "left" }
    ],
    dead_letters.map(({ event, failed_at, id, reason }) => [
      id,
      failed_at,
      printable(event.event_type, 24),
      printable(event.user_id, 24),
      reason.stage,
      String(reason.attempts),
      `${reason.code}: ${printable(reason.message, 80)}`
    ])
  )
  return next === null ? lines : [...lines, "", `more: millrace dlq list --after ${next}`]
}

const listFlags = {
  limit: Flag.Int("limit").pipe(Flag.withDefault(100), Flag.withDescription("1–1000")),
  after: Flag.String("after").pipe(
    Flag.optional,
    Flag.withDescription("The id to read on from"),
    Flag.withMetavar("ID")
  ),
  json,
  ...place
}

const list = Command.make("list", listFlags, (flags) =>
  withTarget(flags, { writes: false }, (target) =>
    Effect.gen(function* () {
      const query = new URLSearchParams({ limit: String(flags.limit) })
      if (Option.isSome(flags.after)) query.set("after", flags.after.value)
      const body = yield* get(target, `/dead-letters?${query.toString()}`)
      if (flags.json) return yield* Console.log(body)
      const page = yield* Schema.decodeUnknownEffect(Page)(body).pipe(Effect.mapError(unknownAnswer(target)))
      yield* Console.log(renderDeadLetters(page).join("\n"))
    })
  )
).pipe(Command.withDescription("Events that could not be stored, with the reason"))

const selection = {
  ids: Argument.String("id").pipe(Argument.variadic(), Argument.withDescription("Dead letters by id (see dlq list)")),
  all: Flag.Boolean("all").pipe(Flag.withDefault(false), Flag.withDescription("All of them"))
}

const selected = (
  ids: ReadonlyArray<string>,
  all: boolean
): Effect.Effect<ReadonlyArray<string> | "all", WrongUsage> => {
  if (all === ids.length > 0) return Effect.fail(new WrongUsage({ message: "give ids of dead letters, or --all" }))
  return Effect.succeed(all ? "all" : ids)
}

const settle = Effect.fnUntraced(function* (
  target: Target,
  action: "replay" | "purge",
  ids: ReadonlyArray<string> | "all",
  asJson: boolean
) {
  const body = yield* post(target, `/dead-letters/${action}`, { ids })
  if (asJson) return yield* Console.log(body)
  const { count } = yield* Schema.decodeUnknownEffect(Affected)(body).pipe(Effect.mapError(unknownAnswer(target)))
  yield* Console.log(
    `${grouped(count)} dead letter${count === 1 ? "" : "s"} ${action === "replay" ? "queued again" : "deleted"}`
  )
})

const replay = Command.make("replay", { ...selection, json, ...place }, (flags) =>
  Effect.gen(function* () {
    const ids = yield* selected(flags.ids, flags.all)
    yield* withTarget(flags, { writes: true }, (target) => settle(target, "replay", ids, flags.json))
  })
).pipe(Command.withDescription("Queue dead letters again, once their cause is gone"))

const yes = Flag.Boolean("yes").pipe(Flag.withAlias("y"), Flag.withDefault(false), Flag.withDescription("Do not ask"))

const confirmed = Effect.fnUntraced(function* (ids: ReadonlyArray<string> | "all") {
  if (!process.stdin.isTTY)
    return yield* new WrongUsage({ message: "purge asks before it deletes: add --yes to run it without a terminal" })
  const what = ids === "all" ? "all dead letters" : `${ids.length} dead letter${ids.length === 1 ? "" : "s"}`
  return yield* Prompt.run(Prompt.Confirm({ message: `Delete ${what} for good?`, initial: false }))
})

const purge = Command.make("purge", { ...selection, yes, json, ...place }, (flags) =>
  Effect.gen(function* () {
    const ids = yield* selected(flags.ids, flags.all)
    if (!flags.yes && !(yield* confirmed(ids))) return yield* Console.log("nothing deleted")
    yield* withTarget(flags, { writes: true }, (target) => settle(target, "purge", ids, flags.json))
  })
).pipe(Command.withDescription("Delete dead letters for good; asks first"))

export const deadLetters = Command.make("dlq").pipe(
  Command.withDescription("List, replay or purge dead letters"),
  Command.withSubcommands([list, replay, purge])
)
