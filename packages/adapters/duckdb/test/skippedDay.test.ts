import { ask, decodeParams, type Event, EventBatch, metrics, Warehouse } from "@millrace/core"
import { idOf } from "@millrace/testing"
import { Effect, Result } from "effect"
import { assert, describe, it } from "vitest"
import { DuckDb } from "../src/index.ts"

/** Kiritimati's clocks went from the end of 30 December 1994 to the start of 1 January, at 10:00 UTC. */
const ZONE = "Pacific/Kiritimati"
const instants = ["1994-12-30T09:59:59Z", "1994-12-31T05:00:00Z", "1994-12-31T22:00:00Z", "1995-01-01T09:59:59Z"]

const events = instants.map((at, index): Event => {
  const occurred_at = Date.parse(at) * 1000
  const rest = { event_type: "visit", properties: "{}", received_at: occurred_at, skew_micros: 0 }
  return { project_id: "default", event_id: idOf(index + 1), occurred_at, user_id: `u${index}`, ...rest }
})

const ranges = [
  { start_date: "1994-12-31", end_date: "1994-12-31" },
  { start_date: "1994-12-30", end_date: "1994-12-31" },
  { start_date: "1994-12-31", end_date: "1995-01-01" },
  { start_date: "1994-12-31" }
]

describe("a day that a zone skipped", () => {
  it.each(["day", "week", "month"])(
    "is in the answers of retention by %s what it is in the reference's",
    (interval) => {
      const questions = ranges.flatMap((range) =>
        ["first-ever", "recurring"].map((mode) => {
          const params = { ...range, interval, mode, windows: "1", tz: ZONE }
          const asked = { project_id: "default", as_of: Date.parse("1996-01-01T00:00:00Z") * 1000 }
          return ask(metrics.retention, Result.getOrThrow(decodeParams("retention", params)), asked)
        })
      )
      return Effect.gen(function* () {
        const warehouse = yield* Warehouse
        yield* warehouse.load({ batches: EventBatch.group(events), cursor: "1", duplicates: {} })
        for (const question of questions) {
          const expected = question.reference(events)
          assert.deepStrictEqual(yield* warehouse.answer(question), expected)
          assert.deepStrictEqual(yield* warehouse.answer({ ...question, activity: undefined }), expected)
        }
      }).pipe(Effect.provide(DuckDb.layer({ path: ":memory:", threads: 1 })), Effect.runPromise)
    }
  )
})
