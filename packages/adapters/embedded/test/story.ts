import { readFileSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { Effect } from "effect"
import fc from "fast-check"
import { lettersOf, drainAll, drainOnce, live, publish, queueOf, refused, replayAll, storeOf } from "./lives.ts"

export interface Story {
  readonly batches: ReadonlyArray<number>
  /** Whether some are taken and set aside before the rest comes. */
  readonly worked: boolean
  /** Whether the checkpoint is one that was saved before the last batches. */
  readonly olderCheckpoint: boolean
}

export const story: fc.Arbitrary<Story> = fc.record({
  batches: fc.array(fc.integer({ min: 1, max: 12 }), { minLength: 1, maxLength: 9 }),
  worked: fc.boolean(),
  olderCheckpoint: fc.boolean()
})

const setFirstAside = Effect.scoped(
  Effect.gen(function* () {
    const { batches } = yield* queueOf((queue) => queue.take({ limit: 1, ackWaitMillis: 10_000 }))
    const [first] = batches
    yield* lettersOf((letters) => letters.put(first!.slice(0, 1), refused))
    if (first!.count > 1) yield* storeOf((store) => store.append([first!.slice(1, first!.count)]))
  })
)

/** Lives a story; every event has a number from 1 on, and the first may be a dead letter. */
export const lived = async (directory: string, { batches, olderCheckpoint, worked }: Story): Promise<number> => {
  const checkpoint = join(directory, "checkpoint.json")
  let count = 0
  const send = (size: number) =>
    publish((count += size) - size + 1, size, { properties: `{"pad":"${"x".repeat(150)}"}` })
  const half = Math.ceil(batches.length / 2)
  await live(directory, Effect.forEach(batches.slice(0, half), send))
  if (worked)
    await live(
      directory,
      Effect.andThen(
        setFirstAside,
        queueOf((queue) => Effect.flatMap(queue.waiting, ({ events }) => (events > 0 ? drainOnce() : Effect.void)))
      )
    )
  const early = readFileSync(checkpoint)
  await live(directory, Effect.forEach(batches.slice(half), send))
  if (olderCheckpoint) writeFileSync(checkpoint, early)
  return count
}

/** All that is in a log, dead letters included, in order of their numbers. */
export const everything = Effect.gen(function* () {
  yield* drainAll
  const { shown } = yield* replayAll()
  const letters = yield* lettersOf(({ list }) => list({ limit: 1_000 }))
  return [...shown, ...letters.map(({ event }) => event.event_id)].toSorted()
})
