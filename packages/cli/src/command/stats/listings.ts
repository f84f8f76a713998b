import { Effect, Option } from "effect"
import { Command } from "effect/cli"
import { WrongUsage } from "../../CliFailure.ts"
import { renderUsers, UsersAnswer } from "../../render/users.ts"
import { json, place } from "../flags.ts"
import * as Questions from "./questions.ts"
import { type Parameters, show, text } from "./shared.ts"

const page = {
  breakdownValue: text(
    "breakdown-value",
    "VALUE",
    "The row's value, with --breakdown: pro, 1, true; the text 1: '\"1\"'"
  ),
  limit: text("limit", "N", "Users at once, 1–1000 (default: 100)"),
  after: text("after", "USER", "Go on after this user, the last of the page before")
}
const date = text("date", "DATE", "The row's date")
const column = text("column", "NAME", "users, wau or mau (default: users)")

const snakeCase = (name: string) => name.replaceAll(/[A-Z]/gu, (letter) => `_${letter.toLowerCase()}`)

type TextFlags = Readonly<Record<string, ReturnType<typeof text>>>
type CellFlags = Readonly<Record<string, Option.Option<string>>>

const named = (given: CellFlags): Effect.Effect<Parameters, WrongUsage> =>
  Effect.succeed(Object.fromEntries(Object.entries(given).map(([flag, value]) => [snakeCase(flag), value])))

/** A funnel's `--step` says what its steps are, so the cell's step has other names. */
const stepOf = ({ dropped, reached, ...rest }: CellFlags): Effect.Effect<Parameters, WrongUsage> => {
  const steps = [reached!, dropped!].filter(Option.isSome)
  if (steps.length !== 1) return Effect.fail(new WrongUsage({ message: "give either --reached or --dropped" }))
  const outcome = Option.isSome(dropped!) ? "dropped" : "reached"
  return Effect.map(named(rest), (parameters) => ({ ...parameters, step: steps[0]!, outcome }))
}

/** `cell` holds the flags that name a cell of the metric's answer, `parametersOf` makes parameters of what they were given. */
const listing = <Asked extends Command.Command.Config>(
  name: string,
  asking: Questions.Asking<Asked>,
  cell: TextFlags,
  parametersOf = named
) =>
  Command.make(name, { ...asking.flags, ...cell, ...page, json, ...place }, (all) => {
    const given = Questions.givenOf(asking.flags, all)
    const own: TextFlags = { ...cell, ...page }
    const texts = Questions.givenOf(own, all)
    const asked = Object.fromEntries(Object.keys(own).map((flag) => [flag, texts[flag]!]))
    return Effect.gen(function* () {
      const parameters = { ...(yield* asking.parameters(given)), ...(yield* parametersOf(asked)) }
      yield* show(given, `${name}/users`, parameters, { schema: UsersAnswer, render: renderUsers })
    })
  }).pipe(Command.withDescription(`The users of a cell of what 'stats ${name}' answers`))

export const users = Command.make("users").pipe(
  Command.withDescription("List the users of one cell of an answer"),
  Command.withSubcommands([
    listing("dau", Questions.dau, { date, column }),
    listing("active-users", Questions.activeUsers, { date, column }),
    listing("top-events", Questions.topEvents, { eventType: text("event-type", "TYPE", "The row's event type") }),
    listing("retention", Questions.retention, {
      cohort: text("cohort", "DATE", "A day of the cohort's interval"),
      cell: text("cell", "N", "The cell's number, 0 for the whole cohort"),
      returned: text("returned", "BOOLEAN", "false: those of the cohort who are not in the cell (default: true)")
    }),
    listing("trend", Questions.trend, { date }),
    listing(
      "funnel",
      Questions.funnel,
      {
        reached: text("reached", "N", "The users who got to this step"),
        dropped: text("dropped", "N", "The users who got to the step before this one, and no further")
      },
      stepOf
    ),
    listing("lifecycle", Questions.lifecycle, {
      date,
      state: text("state", "NAME", "new, returning, resurrecting or dormant (default: new)")
    }),
    listing("stickiness", Questions.stickiness, {
      intervals: text("intervals", "N", "The row's number of intervals"),
      column: text("column", "NAME", "users or at_least (default: users)")
    }),
    listing("paths", Questions.paths, {
      source: text("source", "NAME", "What the transition goes from"),
      target: text("target", "NAME", "What it goes to")
    })
  ]),
  Command.withExamples([
    {
      command: "millrace stats users retention --interval month --cohort 2026-01-01 --cell 2 --returned false",
      description: "Who of January's cohort was away in March"
    }
  ])
)
