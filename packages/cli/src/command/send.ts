import { randomUUID } from "node:crypto"
import { text as readText } from "node:stream/consumers"
import { Clock, Console, Effect, Option, Schema } from "effect"
import { Command, Flag } from "effect/cli"
import { formatInstant, parseJson as readJson } from "@millrace/core"
import { CliFailure, WrongUsage } from "../CliFailure.ts"
import { failureOf, type Target } from "../target/Target.ts"
import { withTarget } from "../target/withTarget.ts"
import { json, place } from "./flags.ts"

const optional = (name: string, metavar: string, description: string) =>
  Flag.String(name).pipe(Flag.optional, Flag.withMetavar(metavar), Flag.withDescription(description))

const flags = {
  userId: optional("user-id", "ID", "Who did it"),
  eventType: optional("event-type", "TYPE", "What happened"),
  properties: optional("properties", "JSON", "A JSON object"),
  occurredAt: optional("occurred-at", "TIME", "RFC 3339 with an offset (default: now)"),
  eventId: optional("event-id", "UUID", "Identity; the same id again is a duplicate (default: a new one)"),
  json,
  ...place
}

const parseJson = (text: string, what: string): Effect.Effect<unknown, WrongUsage> =>
  Effect.try({
    try: (): unknown => readJson(text),
    catch: () => new WrongUsage({ message: `${what} is not valid JSON` })
  })

const fromFlags = Effect.fnUntraced(function* (
  userId: string,
  eventType: string,
  more: {
    readonly properties: Option.Option<string>
    readonly occurredAt: Option.Option<string>
    readonly eventId: Option.Option<string>
  }
) {
  const now = formatInstant((yield* Clock.currentTimeMillis) * 1000)
  const properties = Option.isSome(more.properties) ? yield* parseJson(more.properties.value, "--properties") : {}
  return {
    event_id: Option.getOrElse(more.eventId, () => randomUUID()),
    occurred_at: Option.getOrElse(more.occurredAt, () => now),
    user_id: userId,
    event_type: eventType,
    properties
  }
})

const fromStdin = Effect.fnUntraced(function* () {
  if (process.stdin.isTTY) {
    return yield* new WrongUsage({ message: "give --user-id and --event-type, or one event as JSON on standard input" })
  }
  const text = yield* Effect.tryPromise({
    try: () => readText(process.stdin),
    catch: () => new CliFailure({ message: "standard input cannot be read" })
  })
  return yield* parseJson(text, "standard input")
})

const Verdict = Schema.fromJsonString(
  Schema.Struct({
    rejected: Schema.Array(Schema.Struct({ path: Schema.String, code: Schema.String, message: Schema.String }))
  })
)

const sendOne = Effect.fnUntraced(function* (target: Target, event: unknown, asJson: boolean) {
  const answer = yield* target.send({ method: "POST", path: "/events", body: JSON.stringify([event]) })
  const verdict = Option.getOrUndefined(Schema.decodeUnknownOption(Verdict)(answer.text))
  if (asJson && verdict !== undefined) yield* Console.log(answer.text)
  const refused = verdict?.rejected[0]
  if (refused !== undefined) {
    return yield* new CliFailure({
      message: `rejected: ${refused.path.slice(1) || "the event"} ${refused.message} (${refused.code})`
    })
  }
  if (answer.status !== 202) return yield* failureOf(target, answer)
  if (!asJson) yield* Console.log(`accepted ${idOf(event)}`.trimEnd())
})

const idOf = (event: unknown): string =>
  typeof event === "object" && event !== null && "event_id" in event ? String(event.event_id) : ""

export const send = Command.make("send", flags, (input) =>
  Effect.gen(function* () {
    const { eventType, userId } = input
    if (Option.isSome(userId) !== Option.isSome(eventType)) {
      return yield* new WrongUsage({ message: "--user-id and --event-type belong together" })
    }
    const event =
      Option.isSome(userId) && Option.isSome(eventType)
        ? yield* fromFlags(userId.value, eventType.value, input)
        : yield* fromStdin()
    yield* withTarget(input, { writes: true }, (target) => sendOne(target, event, input.json))
  })
).pipe(
  Command.withDescription("Send one event, from flags or as JSON from standard input, and print the verdict"),
  Command.withExamples([
    {
      command: `millrace send --user-id u1 --event-type purchase --properties '{"amount": 9.5}'`,
      description: "One event that happened now"
    }
  ])
)
