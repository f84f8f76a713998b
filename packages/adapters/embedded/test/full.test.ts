import { assert, describe, it } from "@effect/vitest"
import { QueueFailure, EventQueueError } from "@millrace/core"
import { Embedded } from "@millrace/embedded"
import { Effect, Exit, Fiber } from "effect"
import fc from "fast-check"
import { drainOnce, live, numbers, options, publish, queueOf, type Services } from "./lives.ts"
import { SmallDisk } from "./smallDisk.ts"
import { everything } from "./story.ts"
import { withDirectory } from "./support.ts"

const SEED = Number(process.env["MILLRACE_SEED"] ?? 20_261_128)
const RUNS = Number(process.env["MILLRACE_FULL_RUNS"] ?? 20)
const REFUSALS = 3

const liveOn = <A>(disk: SmallDisk, directory: string, life: Effect.Effect<A, unknown, Services>): Promise<A> =>
  Effect.runPromise(Effect.provide(life, Embedded.layer({ directory, ...options }, { files: disk.files })))

interface Story {
  /** For so many bytes, beyond what an empty log takes. */
  readonly room: number
  readonly sizes: ReadonlyArray<number>
  /** Whether events are taken and stored while the disk fills. */
  readonly drains: boolean
}

const story: fc.Arbitrary<Story> = fc.record({
  room: fc.integer({ min: 0, max: 12_000 }),
  sizes: fc.array(fc.integer({ min: 1, max: 12 }), { minLength: 1, maxLength: 5 }),
  drains: fc.boolean()
})

const pad = { properties: `{"pad":"${"x".repeat(100)}"}` }

/** Sends until it was refused some times one after the other; what was acknowledged. */
const fill = Effect.fnUntraced(function* ({ drains, sizes }: Story) {
  const acknowledged: Array<string> = []
  let number = 1
  for (let refusals = 0, turn = 0; refusals < REFUSALS; turn++) {
    const size = sizes[turn % sizes.length]!
    const exit = yield* Effect.exit(publish(number, size, pad))
    if (Exit.isSuccess(exit)) {
      acknowledged.push(...numbers(number, size))
      refusals = 0
      if (drains) yield* drainOnce()
    } else {
      const error = Exit.findErrorOption(exit)
      assert.strictEqual(error._tag, "Some")
      if (error._tag === "Some") assert.instanceOf(error.value, EventQueueError)
      if (error._tag === "Some") assert.strictEqual(error.value.reason._tag, "QueueFull", error.value.message)
      refusals++
    }
    number += size
  }
  return { acknowledged, next: number }
})

describe("a full disk", () => {
  it(
    `refuses, is fatal to nothing, and takes events again once there is room; those refused are nowhere (seed ${SEED})`,
    { timeout: 300_000 },
    () =>
      fc.assert(
        fc.asyncProperty(story, (told) =>
          withDirectory(async (directory) => {
            const disk = new SmallDisk(1 << 20)
            await liveOn(disk, directory, Effect.void)
            const life = Effect.gen(function* () {
              disk.room = disk.used + told.room
              const broken = yield* Effect.forkChild((yield* QueueFailure).broken)
              const { acknowledged, next } = yield* fill(told)
              assert.strictEqual(broken.pollUnsafe(), undefined)
              disk.room = Number.POSITIVE_INFINITY
              yield* publish(next, 2)
              yield* Fiber.interrupt(broken)
              const sent = [...acknowledged, ...numbers(next, 2)]
              assert.deepStrictEqual(yield* everything, sent)
              return sent
            })
            const sent = await liveOn(disk, directory, life)
            assert.deepStrictEqual(await live(directory, everything), sent)
          })
        ),
        { numRuns: RUNS, seed: SEED, endOnFailure: true }
      )
  )

  it("keeps no log from opening, and what waits in it is there", () =>
    withDirectory(async (directory) => {
      const disk = new SmallDisk(1 << 20)
      await liveOn(
        disk,
        directory,
        Effect.forEach([1, 4, 7], (from) => publish(from, 3, pad))
      )
      disk.room = 0
      const waiting = await liveOn(
        disk,
        directory,
        queueOf((queue) => Effect.map(queue.waiting, ({ events }) => events))
      )
      assert.strictEqual(waiting, 9)
      assert.deepStrictEqual(await live(directory, everything), numbers(1, 9))
    }))
})
