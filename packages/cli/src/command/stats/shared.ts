import { Clock, Console, DateTime, Effect, Option, Schema } from "effect"
import { type Command, Flag } from "effect/cli"
import { CliFailure, WrongUsage } from "../../CliFailure.ts"
import { type Style, styleOf } from "../../render/Style.ts"
import { failureOf, type Target } from "../../target/Target.ts"
import { withTarget } from "../../target/withTarget.ts"
import type { PlaceFlags } from "../flags.ts"

export type Parameters = Readonly<Record<string, Option.Option<string> | string>>

export const text = (name: string, metavar: string, description: string) =>
  Flag.String(name).pipe(Flag.optional, Flag.withMetavar(metavar), Flag.withDescription(description))

/** What a command was given; the compiler does not see through a spread of flags that it does not know. */
export const givenOf = <Flags extends Command.Command.Config>(_: Flags, all: unknown) =>
  all as Command.Command.Config.Infer<Flags> & PlaceFlags & { readonly json: boolean }

/** Today in the zone; an unknown zone is left to the server, which names the field. */
export const today = Effect.fnUntraced(function* (given: Option.Option<string>) {
  const now = DateTime.makeUnsafe(yield* Clock.currentTimeMillis)
  const local = Option.flatMap(given, (zone) => DateTime.setZoneNamed(now, zone))
  return Option.match(local, { onNone: () => DateTime.formatIsoDateUtc(now), onSome: DateTime.formatIsoDate })
})

export const daysBefore = (date: string, days: number): string => {
  const millis = Date.parse(`${date}T00:00:00Z`)
  return Number.isNaN(millis) ? date : new Date(millis - days * 86_400_000).toISOString().slice(0, 10)
}

/** A refused parameter is wrong usage, whoever refuses it. */
const askFor = Effect.fnUntraced(function* (target: Target, metric: string, parameters: Parameters) {
  const query = new URLSearchParams()
  for (const [name, value] of Object.entries(parameters)) {
    const given = typeof value === "string" ? value : Option.getOrUndefined(value)
    if (given !== undefined) query.set(name, given)
  }
  const answer = yield* target.send({ method: "GET", path: `/stats/${metric}?${query.toString()}` })
  if (answer.status === 422) return yield* new WrongUsage({ message: failureOf(target, answer).message })
  if (answer.status !== 200) return yield* failureOf(target, answer)
  return answer.text
})

interface Shown<Answer> {
  readonly schema: Schema.Decoder<Answer>
  readonly render: (answer: Answer, style: Style) => ReadonlyArray<string>
}

export const show = <Answer>(
  flags: PlaceFlags & { readonly json: boolean },
  metric: string,
  parameters: Parameters,
  { render, schema }: Shown<Answer>
) =>
  withTarget(flags, { writes: false }, (target) =>
    Effect.gen(function* () {
      const body = yield* askFor(target, metric, parameters)
      if (flags.json) return yield* Console.log(body)
      const answer = yield* Schema.decodeUnknownEffect(schema)(body).pipe(
        Effect.mapError(
          () => new CliFailure({ message: `${target.name} gave an answer that this version does not know` })
        )
      )
      const style = yield* Effect.sync(() => styleOf(process.stdout, process.env))
      yield* Console.log(render(answer, style).join("\n"))
    })
  )
