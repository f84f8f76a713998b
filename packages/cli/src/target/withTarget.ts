import { randomBytes } from "node:crypto"
import { createMillrace } from "@millrace/server"
import { Effect } from "effect"
import { type PlaceFlags, placeOf } from "../command/flags.ts"
import { folderFailure, requireFolder } from "./folder.ts"
import { handlerTarget, httpTarget, type Target } from "./Target.ts"

/** Runs a command against whichever place its flags name; a folder is closed in order afterwards. `project`: of a folder. */
export const withTarget = <A, E, R>(
  flags: PlaceFlags,
  run: (target: Target) => Effect.Effect<A, E, R>,
  project?: string
) =>
  Effect.gen(function* () {
    const place = yield* placeOf(flags)
    if (place._tag === "Server") return yield* run(httpTarget(place))
    yield* requireFolder(place.directory)
    return yield* Effect.scoped(Effect.flatMap(openFolder(place.directory, project), run))
  })

/** The server's routes over a folder, without a network; what a stopped server had not loaded yet is loaded first. */
const openFolder = (directory: string, project: string | undefined) =>
  Effect.gen(function* () {
    // Another project than the usual one is named by a key, of which nobody else hears.
    const key = project === undefined ? undefined : randomBytes(32).toString("hex")
    const millrace = yield* Effect.acquireRelease(
      Effect.tryPromise({
        try: () =>
          createMillrace({ directory, ...(key === undefined ? { open: true } : { keys: `${project}:admin:${key}` }) }),
        catch: (error) => folderFailure(directory, error)
      }),
      (opened) => Effect.promise(() => opened.close())
    )
    yield* Effect.tryPromise({ try: () => millrace.flush(), catch: (error) => folderFailure(directory, error) })
    return handlerTarget(directory, millrace.fetch, key) satisfies Target
  })
