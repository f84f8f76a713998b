import fc from "fast-check"
import { expect, it } from "vitest"
import { labelOf, subjectOf } from "../src/subjects.ts"

it("subjects: tell a project and a count apart from any other", () => {
  fc.assert(
    fc.property(
      fc.string({ unit: "binary" }),
      fc.integer({ min: 1, max: 5_000 }),
      fc.boolean(),
      (name, count, replay) => {
        const label = { project_id: name.toWellFormed(), count, replay }
        const subject = subjectOf("millrace.events", label)
        expect(subject).toMatch(/^[^\s*>]+$/u)
        expect(subject.split(".").length).toBe(5)
        expect(labelOf("millrace.events", subject)).toEqual(label)
      }
    )
  )
  expect(labelOf("millrace.events", "millrace.events.fresh.default.0")).toBeUndefined()
  expect(labelOf("millrace.events", "millrace.events.other.default.1")).toBeUndefined()
  expect(labelOf("millrace.events", "millrace.events.fresh.%.1.2")).toBeUndefined()
})
