import { randomBytes } from "node:crypto"
import { createMillrace, type MillraceOptions, readFolder } from "@millrace/server"
import { Console, Effect } from "effect"
import { type PlaceFlags, placeOf } from "../command/flags.ts"
import { grouped } from "../render/table.ts"
import { folderFailure, requireFolder } from "./folder.ts"
import { handlerTarget, httpTarget, type Target } from "./Target.ts"

interface TargetOptions {
  /** Of a folder; a server knows it by the key. */
  readonly project?: string | undefined
  /** Whether the command changes something: then a folder is opened as its server opens it, repairs and all. */
  readonly writes: boolean
}

/** Runs a command against whichever place its flags name; a folder is closed in order afterwards. */
export const withTarget = <A, E, R>(
  flags: PlaceFlags,
  options: TargetOptions,
  run: (target: Target) => Effect.Effect<A, E, R>
) =>
  Effect.gen(function* () {
    const place = yield* placeOf(flags)
    if (place._tag === "Server") return yield* run(httpTarget(place))
    yield* requireFolder(place.directory)
    return yield* Effect.scoped(Effect.flatMap(openFolder(place.directory, options), run))
  })

/** The server's routes over a folder, without a network. */
const openFolder = Effect.fnUntraced(function* (directory: string, { project, writes }: TargetOptions) {
  // Another project than the usual one is named by a key, of which nobody else hears.
  const key = project === undefined ? undefined : randomBytes(32).toString("hex")
  const guard = key === undefined ? { open: true } : { keys: `${project}:admin:${key}` }
  const millrace = yield* open(directory, { ...guard, ...(writes ? { directory } : reading(directory)) })
  const attempt = <A>(task: () => Promise<A>) =>
    Effect.tryPromise({ try: task, catch: (error) => folderFailure(directory, error) })
  // What a stopped server had not loaded yet is loaded first.
  if (writes) yield* attempt(() => millrace.flush())
  else
    yield* warnUnloaded(
      directory,
      (yield* attempt(() => millrace.ledger(project === undefined ? {} : { project }))).in_flight
    )
  return handlerTarget(directory, millrace.fetch, key) satisfies Target
})

const open = (directory: string, options: MillraceOptions) =>
  Effect.acquireRelease(
    Effect.tryPromise({ try: () => createMillrace(options), catch: (error) => folderFailure(directory, error) }),
    (opened) => Effect.promise(() => opened.close())
  )

const reading = (directory: string): MillraceOptions => ({ layer: readFolder(directory), pipeline: { loops: [] } })

/** On standard error, where an answer may be of anything but all that was accepted. */
const warnUnloaded = (directory: string, events: number) =>
  events === 0
    ? Effect.void
    : Console.error(
        `millrace: ${grouped(events)} accepted events of ${directory} are not loaded yet and in no answer; a server on it loads them`
      )
