import { EventBatch, PublishGroups } from "@millrace/core"
import fc from "fast-check"
import { expect, it } from "vitest"
import { batchOf, eventOf } from "../../testing/src/index.ts"

const FULL = "full"

/** An engine that answers when it is told to. */
const engine = (maxBytes: number) => {
  const sent: Array<EventBatch> = []
  const answers: Array<(error?: string) => void> = []
  const groups = new PublishGroups({
    send: (batch) => {
      sent.push(batch)
      return new Promise((resolve, reject) => {
        answers.push((error) => (error === undefined ? resolve() : reject(error)))
      })
    },
    maxBytes: () => maxBytes,
    full: () => FULL
  })
  return { groups, sent, answers }
}

const ticks = async () => {
  for (let tick = 0; tick < 4; tick++) await Promise.resolve()
}

const inProject = (project_id: string, at: number) => EventBatch.fromEvents([{ ...eventOf(at), project_id }])

it("PublishGroups: each event is sent once; whoever waits hears of its own message alone", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.tuple(fc.constantFrom("a", "b"), fc.boolean()), { minLength: 1, maxLength: 40 }),
      fc.integer({ min: 300, max: 2_000 }),
      async (published, maxBytes) => {
        const { answers, groups, sent } = engine(maxBytes)
        const heard = new Map<string, unknown>()
        const batches = published.map(([project], at) => inProject(project, at + 1))
        for (const batch of batches) groups.publish(batch, (error) => heard.set(batch.events[0]!.event_id, error))
        const expected = new Map<string, unknown>()
        for (let at = 0; at < answers.length; at++) {
          const error = published[at]![1] ? undefined : `refused ${at}`
          for (const { event_id } of sent[at]!.events) expected.set(event_id, error)
          answers[at]!(error)
          await ticks()
        }
        expect(heard).toEqual(expected)
        for (const project of ["a", "b"]) {
          const idsOf = (all: ReadonlyArray<EventBatch>) =>
            all
              .filter(({ project_id }) => project_id === project)
              .flatMap(({ events }) => events.map((e) => e.event_id))
          expect(idsOf(sent).toSorted()).toEqual(idsOf(batches).toSorted())
        }
        for (const { bytes, count } of sent) expect(count === 1 || bytes.length <= maxBytes).toBe(true)
      }
    ),
    { numRuns: 50 }
  )
})

it("PublishGroups: beyond what may wait a batch is refused, and nothing of it is sent", async () => {
  const { answers, groups, sent } = engine(1 << 20)
  const properties = JSON.stringify({ text: "x".repeat(500_000) })
  const [event] = batchOf(1, 1).events
  const refused = new Set<string>()
  // Each of a project of its own, so that none has room in another's message.
  for (let at = 0; at < 150; at++) {
    const batch = EventBatch.fromEvents([{ ...event!, project_id: `p${at}`, properties }])
    groups.publish(batch, (error) => {
      if (error === FULL) refused.add(batch.project_id)
    })
  }
  for (let at = 0; at < answers.length; at++) {
    answers[at]!()
    await ticks()
  }
  expect(refused.size).toBeGreaterThan(0)
  expect(sent.filter(({ project_id }) => refused.has(project_id))).toEqual([])
  expect(sent.length + refused.size).toBe(150)
})
