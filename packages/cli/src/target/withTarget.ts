import { createMillrace } from "@millrace/server"
import { Effect } from "effect"
import { type PlaceFlags, placeOf } from "../command/flags.ts"
import { folderFailure, requireFolder } from "./folder.ts"
import { handlerTarget, httpTarget, type Target } from "./Target.ts"

/** Runs a command against whichever place its flags name; a folder is closed in order afterwards. */
export const withTarget = <A, E, R>(flags: PlaceFlags, run: (target: Target) => Effect.Effect<A, E, R>) =>
  Effect.gen(function* () {
    const place = yield* placeOf(flags)
    if (place._tag === "Server") return yield* run(httpTarget(place))
    yield* requireFolder(place.directory)
    return yield* Effect.scoped(Effect.flatMap(openFolder(place.directory), run))
  })

/** The server's routes over a folder, without a network; what a stopped server had not loaded yet is loaded first. */
const openFolder = (directory: string) =>
  Effect.gen(function* () {
    const millrace = yield* Effect.acquireRelease(
      Effect.tryPromise({
        try: () => createMillrace({ directory }),
        catch: (error) => folderFailure(directory, error)
      }),
      (opened) => Effect.promise(() => opened.close())
    )
    yield* Effect.tryPromise({ try: () => millrace.flush(), catch: (error) => folderFailure(directory, error) })
    return handlerTarget(directory, millrace.fetch) satisfies Target
  })
