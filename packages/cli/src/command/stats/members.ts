import {
  type AnyListing,
  cellParametersOf,
  type CountingName,
  countingNames,
  listingOf,
  metrics,
  type Parameter,
  parametersIn
} from "@millrace/core"
import { Effect, Option } from "effect"
import { Command } from "effect/cli"
import { WrongUsage } from "../../CliFailure.ts"
import { renderMembers, MembersAnswer } from "../../render/members.ts"
import { json, place } from "../flags.ts"
import { type Flags, flagsOf, parametersOf, placeholderOf } from "./flags.ts"
import { givenOf, type Parameters, show, text } from "./shared.ts"

type Spellings = NonNullable<AnyListing["spellings"]>
type Texts = Readonly<Record<string, unknown>>

/** The parameters that flags of other names stand for. */
const spelledBy = (spellings: Spellings): ReadonlySet<string> =>
  new Set(Object.values(spellings).flatMap(({ field, with: others }) => [field, ...Object.keys(others)]))

const spellingFlags = (spellings: Spellings, cell: ReadonlyArray<Parameter>): Flags =>
  Object.fromEntries(
    Object.entries(spellings).map(([name, { field, help }]) => [
      name,
      text(name, placeholderOf(cell.find((parameter) => parameter.name === field)!), help)
    ])
  )

/** Exactly one of the flags that name the same cell in other ways. */
const spelled = (spellings: Spellings, given: Texts): Effect.Effect<Parameters, WrongUsage> => {
  const found = Object.entries(spellings).flatMap(([name, { field, with: others }]) => {
    const value = given[name]
    return Option.isOption(value) && Option.isSome(value) ? [{ ...others, [field]: String(value.value) }] : []
  })
  if (found.length === 1) return Effect.succeed(found[0]!)
  const flags = Object.keys(spellings).map((name) => `--${name}`)
  return Effect.fail(new WrongUsage({ message: `give either ${flags.join(" or ")}` }))
}

const listing = (name: CountingName, { name: metric, params, spellings = {} }: AnyListing) => {
  const own = parametersIn(metrics[name].params)
  const cell = cellParametersOf(name)
  const isCell = new Set(cell.map((parameter) => parameter.name))
  const page = parametersIn(params).filter(
    (parameter) =>
      !isCell.has(parameter.name) &&
      (parameter.kind === "limit" || own.every((shared) => shared.name !== parameter.name))
  )
  const plain = cell.filter((parameter) => !spelledBy(spellings).has(parameter.name))
  const all = [...own.filter(({ kind }) => kind !== "limit"), ...plain, ...page]
  // The metric's own limit gives its place to the page's.
  const flags = { ...flagsOf(own), ...flagsOf(plain), ...spellingFlags(spellings, cell), ...flagsOf(page) }
  return Command.make(name, { ...flags, json, ...place }, (values) => {
    const given = givenOf(flags, values)
    return Effect.gen(function* () {
      const alternative = Object.keys(spellings).length === 0 ? {} : yield* spelled(spellings, given)
      const parameters = { ...(yield* parametersOf(all, given)), ...alternative }
      yield* show(given, metric, parameters, {
        schema: MembersAnswer,
        render: (answer, style) => renderMembers(name, answer, style)
      })
    })
  }).pipe(Command.withDescription(`The users of a cell of what 'stats ${name}' answers`))
}

const listings = countingNames.flatMap((name) => {
  const found = listingOf(name)
  return found === undefined ? [] : [listing(name, found)]
})

export const members = Command.make("users").pipe(
  Command.withDescription("List the users of one cell of an answer"),
  Command.withSubcommands(listings),
  Command.withExamples([
    {
      command: "millrace stats users retention --interval month --cohort 2026-01-01 --cell 2 --returned false",
      description: "Who of January's cohort was away in March"
    }
  ])
)
