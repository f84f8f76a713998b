import type { Machine } from "@millrace/embedded"
import { Clock, Context, Duration, Effect, Logger, Random, Scheduler } from "effect"
import { simulatedFiles } from "./simulatedFiles.ts"
import type { World } from "./World.ts"

/** What the product stands on in a simulated life: the world's disk, and a folder that nobody else wants. */
export const machineOf = (world: World): Required<Pick<Machine, "files" | "lock">> => ({
  files: simulatedFiles(world),
  lock: () => Promise.resolve(() => undefined)
})

const clockOf = (world: World): Clock.Clock => {
  const nanos = () => BigInt(world.nowMillis) * 1_000_000n
  return {
    currentTimeMillisUnsafe: () => world.nowMillis,
    currentTimeMillis: Effect.sync(() => world.nowMillis),
    currentTimeNanosUnsafe: nanos,
    currentTimeNanos: Effect.sync(nanos),
    monotonicTimeNanosUnsafe: nanos,
    monotonicTimeNanos: Effect.sync(nanos),
    sleep: (duration) =>
      Effect.callback<void>((resume) => {
        const cancel = world.after(Duration.toMillis(duration), () => resume(Effect.void))
        return Effect.sync(cancel)
      })
  }
}

/** Far more than any answer of a call brings about. */
const SPINNING_TASKS = 20_000

/** Fibers go on in microtasks: nothing happens between two calls but what the calls' answers bring about. */
const schedulerOf = (world: World) => {
  let tasks = 0
  let step = 0
  return new Scheduler.MixedScheduler("async", (task) => {
    if (world.steps > step) tasks = 0
    step = world.steps
    // Something goes round without ever waiting for disk or clock.
    if (++tasks > SPINNING_TASKS) world.spins()
    else queueMicrotask(task)
    return () => undefined
  })
}

/** The world's time and dice in place of this machine's, and no log lines. */
export const inWorld =
  (world: World, seed: number) =>
  <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
    effect.pipe(
      Random.withSeed(String(seed)),
      Effect.provideService(Clock.Clock, clockOf(world)),
      Effect.provideService(Scheduler.Scheduler, schedulerOf(world)),
      Effect.provideContext(Context.make(Logger.CurrentLoggers, new Set()))
    )

const turn = () => new Promise<void>((resolve) => setImmediate(resolve))
/** Of the event loop, without a call: then nothing comes of itself any more. */
const IDLE_TURNS = 4

/** Makes one call good after the other until `isDone`, the world's end, or nothing is left to wait for. */
export const drive = async (world: World, isDone: () => boolean): Promise<"done" | "over" | "stuck"> => {
  for (let idle = 0; idle < IDLE_TURNS;) {
    await turn()
    if (isDone()) return "done"
    idle = world.step() ? 0 : idle + 1
    if (world.isOver) return "over"
  }
  return "stuck"
}
