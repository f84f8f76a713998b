import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import {
  WarehouseErasure,
  Aggregates,
  type AggregateStatus,
  ask,
  decodeParams,
  type Erasure,
  type Event,
  EventBatch,
  IDENTIFY,
  type MetricName,
  metrics,
  type RawParams,
  Tombstones,
  Warehouse
} from "@millrace/core"
import { arbitraries, idOf, metricsOfActivity, runsOf } from "@millrace/testing"
import { Context, Effect, Exit, Layer, Result, Scope } from "effect"
import fc from "fast-check"
import { afterEach, assert, beforeEach, describe, it } from "vitest"
import { DuckDb } from "../src/index.ts"

const HISTORIES = runsOf({ short: 20, whole: 60 })

let directory = ""
beforeEach(() => (directory = mkdtempSync(join(tmpdir(), "millrace-activity-"))))
afterEach(() => rmSync(directory, { recursive: true, force: true }))

const questionOf = <Name extends MetricName>(metric: Name, params: RawParams, as_of: number) =>
  ask(metrics[metric], Result.getOrThrow(decodeParams(metric, params)), { project_id: "default", as_of })

interface Question {
  readonly metric: MetricName
  readonly params: RawParams
  readonly as_of: number
}

/** Without what sets cannot answer. */
const bareQuestion = ({ as_of, metric, params }: Question) => {
  const { breakdown: _, minimum_occurrences: __, where: ___, ...bare } = params
  return questionOf(metric, bare, as_of)
}

type Step =
  | { readonly do: "load"; readonly events: number }
  | { readonly do: "ask" | "merge" | "restart" | "rebuild" }
  /** Up to the instant of the event at this share of those loaded: later ones of the user stay. */
  | { readonly do: "erase"; readonly user_id: string; readonly share: number }

const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 12, arbitrary: fc.integer({ min: 1, max: 12 }).map((events): Step => ({ do: "load", events })) },
  { weight: 12, arbitrary: fc.constant<Step>({ do: "ask" }) },
  { weight: 5, arbitrary: fc.constant<Step>({ do: "merge" }) },
  { weight: 1, arbitrary: fc.constantFrom<Step>({ do: "restart" }, { do: "rebuild" }) },
  {
    weight: 2,
    arbitrary: fc
      .tuple(arbitraries.userId, fc.constantFrom(1, 1, 0.5))
      .map(([user_id, share]): Step => ({ do: "erase", user_id, share }))
  }
)

const life = arbitraries.moment.chain((around) =>
  fc.record({
    events: arbitraries.history(around.micros),
    questions: fc.tuple(...metricsOfActivity.map((metric) => arbitraries.question(metric, around))),
    steps: fc.array(step, { minLength: 1, maxLength: 14, size: "max" })
  })
)

/** Each of two users who can be merged, as the page that would merge them. */
const mergesOf = (events: ReadonlyArray<Event>): ReadonlyArray<Event> => {
  const [last] = events.toReversed()
  const ids = [...new Set(events.map(({ user_id }) => user_id))]
  return ids.flatMap((user_id) =>
    ids
      .filter((anonymous_id) => anonymous_id !== user_id)
      .map((anonymous_id) => ({
        ...last!,
        event_id: idOf(1_000 + events.length),
        user_id,
        event_type: IDENTIFY,
        properties: JSON.stringify({ anonymous_id })
      }))
  )
}

/** What the warehouse should hold. */
class Model {
  events: ReadonlyArray<Event> = []
  readonly #tombstones = new Tombstones((project_id, user_id) => JSON.stringify([project_id, user_id]))

  /** The first of an id wins, also when it comes to nothing. */
  load(events: ReadonlyArray<Event>) {
    const seen = new Set(this.events.map(({ event_id }) => event_id))
    const fresh = events.filter(({ event_id }) => !seen.has(event_id) && seen.add(event_id))
    this.events = [...this.events, ...fresh.filter((event) => !this.#tombstones.isErased(event))]
  }

  untilAt(share: number): number {
    const times = this.events.map(({ occurred_at, received_at }) => Math.min(occurred_at, received_at))
    return times.toSorted((a, b) => a - b)[Math.round(share * (times.length - 1))] ?? 0
  }

  erase(erasure: Erasure) {
    this.#tombstones.add(erasure)
    this.events = this.events.filter((event) => !this.#tombstones.isErased(event))
  }
}

/** A warehouse on one file that can be closed and opened again. */
const openings = (path: string) => {
  let scope = Scope.makeUnsafe()
  const layer = DuckDb.layer({ path, threads: 1, selfCheckIntervalMillis: 0 })
  const open = async () => {
    const opened = await Effect.runPromise(Layer.buildWithScope(layer, scope))
    return {
      warehouse: Context.get(opened, Warehouse),
      erasure: Context.get(opened, WarehouseErasure),
      aggregates: Context.get(opened, Aggregates)
    }
  }
  const close = () => Effect.runPromise(Scope.close(scope, Exit.void))
  const reopen = async () => {
    await close()
    scope = Scope.makeUnsafe()
    return open()
  }
  return { open, close, reopen }
}

let files = 0

describe("aggregates", () => {
  it(
    "answer, scan and reference agree through loads, merges, erasures, restarts and rebuilds",
    { timeout: 120_000 + HISTORIES * 400 },
    async () => {
      const total = { answered: 0, passed: 0, merged: 0 }
      const count = ({ answered, passed }: AggregateStatus) => {
        total.answered += answered
        total.passed += passed
      }
      await fc.assert(
        fc.asyncProperty(life, async ({ events, questions, steps }) => {
          const { close, open, reopen } = openings(join(directory, `${++files}.db`))
          const model = new Model()
          const rest = [...events]
          let { aggregates, erasure: eraser, warehouse } = await open()
          const askAll = async () => {
            for (const asked of questions) {
              const question = bareQuestion(asked)
              const rows = question.reference(model.events)
              const answer = await Effect.runPromise(warehouse.answer(question))
              assert.deepStrictEqual(answer, rows, JSON.stringify(asked))
              const scan = await Effect.runPromise(warehouse.answer({ ...question, activity: undefined }))
              assert.deepStrictEqual(scan, rows, JSON.stringify(asked))
            }
          }
          const load = async (page: ReadonlyArray<Event>) => {
            model.load(page)
            const other = page.map((event) => ({ ...event, project_id: "other", user_id: `${event.user_id}'` }))
            const batches = EventBatch.group([...other, ...page])
            await Effect.runPromise(warehouse.load({ batches, cursor: String(rest.length), duplicates: {} }))
          }
          /** One that an answer tells, once all of them lie in memory. */
          const merge = async () => {
            const answers = (known: ReadonlyArray<Event>) =>
              JSON.stringify(questions.map((one) => bareQuestion(one).reference(known)))
            const before = answers(model.events)
            const telling = mergesOf(model.events).find((event) => answers([...model.events, event]) !== before)
            if (telling === undefined) return
            total.merged++
            await askAll()
            await load([telling])
            await askAll()
          }
          const take = async (next: Step) => {
            if (next.do === "load") return load(rest.splice(0, next.events))
            if (next.do === "merge") return merge()
            if (next.do === "ask") return askAll()
            if (next.do === "rebuild") return Effect.runPromise(aggregates.rebuild)
            if (next.do === "erase") {
              const user = { project_id: "default", user_id: next.user_id }
              const { user_ids } = await Effect.runPromise(warehouse.person(user))
              const erasure = { project_id: "default", user_ids, until: model.untilAt(next.share) }
              model.erase(erasure)
              return void (await Effect.runPromise(eraser.erase(erasure)))
            }
            count(await Effect.runPromise(aggregates.status))
            ;({ aggregates, erasure: eraser, warehouse } = await reopen())
          }
          try {
            for (const next of steps) await take(next)
            await askAll()
            count(await Effect.runPromise(aggregates.status))
          } finally {
            await close()
          }
        }),
        { numRuns: HISTORIES }
      )
      assert.isAbove(total.answered, total.passed * 3, JSON.stringify(total))
      assert.isAbove(total.merged, HISTORIES / 20, JSON.stringify(total))
    }
  )
})
