import { everyMillis, superviseLoop } from "@millrace/core"
import { Effect, type Scope } from "effect"
import { readFile, stat } from "node:fs/promises"
import { BadAdapterChoice } from "../adapters/failures.ts"
import { BadKeySet } from "./jwk.ts"

const LOOK_EVERY_MILLIS = 5_000
const MAX_BYTES = 256 << 10

/**
 * What a file of keys holds, as it is now: looked at every 5 s. One that cannot be used ends the start; once it was good,
 * it is a warning in the log, and the last good one stays.
 */
export const watchedFile = <A>(
  setting: string,
  path: string,
  parse: (text: string) => Promise<A>
): Effect.Effect<() => A, BadAdapterChoice, Scope.Scope> =>
  Effect.gen(function* () {
    const load = Effect.tryPromise({
      try: async () => ({ state: await stateOf(path), value: await parse(await readText(path)) }),
      catch: (cause) => new BadAdapterChoice({ setting, rule: ruleOf(cause) })
    })
    let held = yield* load
    const look = Effect.gen(function* () {
      if ((yield* Effect.promise(() => stateOf(path).catch(() => ""))) === held.state) return
      held = yield* load
      yield* Effect.logInfo(`${setting} was read again`)
    })
    // A failure is a warning, and the keys stay as they were.
    yield* superviseLoop(everyMillis("key-file", LOOK_EVERY_MILLIS), Effect.as(look, LOOK_EVERY_MILLIS))
    return () => held.value
  })

const stateOf = async (path: string): Promise<string> => {
  const { ino, mtimeMs, size } = await stat(path)
  return `${ino}:${size}:${mtimeMs}`
}

const readText = async (path: string): Promise<string> => {
  const { size } = await stat(path)
  if (size > MAX_BYTES) throw new BadKeySet(`is over ${MAX_BYTES} bytes`)
  return await readFile(path, "utf8")
}

/** What a parser says of a text may repeat it, and with it a key. */
const ruleOf = (cause: unknown): string =>
  cause instanceof BadKeySet ? cause.message : "is not a file that can be read"
