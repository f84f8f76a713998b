import { Result } from "effect"
import fc from "fast-check"
import {
  type CountingName,
  decodeParams,
  type Event,
  listingOf,
  metrics,
  type Parameter,
  parametersIn,
  timeBuckets,
  type TimelineParams
} from "@millrace/core"
import { cellsOf } from "../cellsOf.ts"
import { questionOf } from "../questionOf.ts"
import type { Moment } from "./moments.ts"
import { isAccepted, type Params, single } from "./params.ts"

interface Question {
  readonly params: Params
  readonly as_of: number
}

const without = (params: Params, isOut: (name: string) => boolean): Params =>
  Object.fromEntries(Object.entries(params).filter(([name]) => !isOut(name)))

/** Parameters that make a question about a metric one about the users of a cell. */
export interface Aim {
  /** A cell that may or may not be there. */
  readonly guess: Params
  /** Page: which part of its users. */
  readonly page: Params
  /** Pick: which of the answer's cells it is, if it has some with users; undefined: it stays with the guess. */
  readonly pick: number | undefined
}

const PICKS = 1_000

/** Parameters that only the listing takes: where its cell is, its value, and the page. */
const ownOf = (metric: CountingName): ReadonlyArray<Parameter> => {
  const shared = new Set(parametersIn(metrics[metric].params).map(({ name }) => name))
  return parametersIn(listingOf(metric)!.params).filter(({ kind, name }) => !shared.has(name) || kind === "limit")
}

/** The page is a part of the cell. */
const isOfPage = ({ kind }: Parameter) => kind === "limit" || kind === "user"

export const aimOf = (metric: CountingName, params: Params, around: Moment): fc.Arbitrary<Aim> => {
  const own = ownOf(metric).filter(({ kind }) => kind !== "value" || params["breakdown"] !== undefined)
  const valued = own.map((parameter) => (parameter.kind === "value" ? { ...parameter, required: true } : parameter))
  const limit = own.filter(({ kind }) => kind === "limit")
  const after = own.filter(({ kind }) => kind === "user")
  return fc
    .record({
      cell: single(
        valued.filter((parameter) => !isOfPage(parameter)),
        around
      ),
      dates: datesIn(own, metric, params),
      page: fc.oneof(
        { weight: 6, arbitrary: single(limit, around) },
        { weight: 1, arbitrary: single([...limit, ...after], around) }
      ),
      pick: fc.option(fc.nat(PICKS - 1), { nil: undefined })
    })
    .map(({ cell, dates, page, pick }): Aim => ({ guess: { ...cell, ...dates }, page, pick }))
    .filter(({ guess, page }) => isAccepted(listingOf(metric)!.name, { ...shared(metric, params), ...guess, ...page }))
}

/** Parameters of a metric, those that its listing takes for the same. */
const shared = (metric: CountingName, params: Params): Params => {
  const taken = new Map(parametersIn(listingOf(metric)!.params).map(({ kind, name }) => [name, kind]))
  return without(params, (name) => !taken.has(name) || taken.get(name) === "limit")
}

/** Parameters without those that can leave nobody to list. */
const widened = (metric: CountingName, params: Params): Params => {
  const parameters = parametersIn(metrics[metric].params)
  const kept = new Set(
    parameters.flatMap(({ kind, name, required }) => (required || kind === "date" || kind === "zone" ? [name] : []))
  )
  return without(params, (name) => !kept.has(name))
}

/** Parameters for the users of a cell of what these events answer; if it can be, about somebody. */
export const aimed = (aim: Aim, metric: CountingName, question: Question, events: ReadonlyArray<Event>): Params => {
  const { guess, page, pick } = aim
  const asking = shared(metric, question.params)
  if (pick !== undefined) {
    for (const params of [asking, without(asking, (name) => name === "where"), widened(metric, asking)]) {
      const rows = questionOf(metric, params, { project_id: "any", as_of: question.as_of }).reference(events)
      const cells = cellsOf(metric, rows).filter(({ users }) => users !== 0)
      if (cells.length > 0) return { ...params, ...cells[Math.floor((pick / PICKS) * cells.length)]!.cell, ...page }
    }
  }
  return { ...asking, ...guess, ...page }
}

/** The date of a row, which needs a range; any other near the first of the question's. */
const datesIn = (own: ReadonlyArray<Parameter>, metric: CountingName, params: Params): fc.Arbitrary<Params> => {
  const ofRow = own.find(({ kind }) => kind === "row-date")
  if (ofRow !== undefined) return rowDate(ofRow.name, metric, params)
  const first = parametersIn(metrics[metric].params).find(({ kind }) => kind === "date")
  return fc.record(
    Object.fromEntries(
      own.filter(({ kind }) => kind === "date").map(({ name }) => [name, dateAfter(params[first!.name]!)])
    )
  )
}

/** Days are asked for where a range has no hour at all. */
const rowDate = (name: string, metric: CountingName, params: Params): fc.Arbitrary<Params> => {
  const filled = { interval: "day", week_start: "monday", ...Result.getOrThrow(decodeParams(metric, params)) }
  const dates = timeBuckets(filled as TimelineParams, 0).map(({ date }) => date)
  return dates.length === 0
    ? fc.constant({ interval: "day", [name]: params["from"]! })
    : fc.constantFrom(...dates).map((date) => ({ [name]: date }))
}

const DAY_MILLIS = 86_400_000
const dateAfter = (date: string): fc.Arbitrary<string> =>
  fc
    .oneof(fc.nat(2), fc.nat(60))
    .map((days) => new Date(Date.parse(`${date}T00:00:00Z`) + days * DAY_MILLIS).toISOString().slice(0, 10))
