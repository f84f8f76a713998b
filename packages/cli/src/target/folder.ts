import { mkdirSync, statSync } from "node:fs"
import { Pipeline, type PipelineOptions } from "@millrace/core"
import { adapters } from "@millrace/server"
import { Effect, Layer } from "effect"
import { CliFailure } from "../CliFailure.ts"
import { folderOwner } from "./folderOwner.ts"

/** Queue, store, warehouse and loader of one data folder, owned by this process until the scope closes. */
export const openFolderServices = (directory: string, options: Partial<PipelineOptions> = {}) =>
  Layer.build(
    Pipeline.layer(options).pipe(Layer.provideMerge(adapters({ directory, queue: "embedded", warehouse: "duckdb" })))
  ).pipe(Effect.mapError((error) => folderFailure(directory, error)))

const MAX_DEPTH = 8

/** Walks down to what an adapter wrapped: `cause` and `reason` of each error. */
const within = <Found>(error: unknown, look: (error: object) => Found | undefined, depth = 0): Found | undefined => {
  if (typeof error !== "object" || error === null || depth > MAX_DEPTH) return undefined
  const next = (inner: unknown) => within(inner, look, depth + 1)
  return (
    look(error) ??
    next("reason" in error ? error.reason : undefined) ??
    next("cause" in error ? error.cause : undefined)
  )
}

const pidOf = (error: object) => ("pid" in error && typeof error.pid === "number" ? error.pid : undefined)
const ownedOf = (error: object) => ("_tag" in error && error._tag === "WarehouseTaken" ? true : undefined)
const deepest = (error: unknown): unknown => {
  const inner = typeof error === "object" && error !== null && "cause" in error ? error.cause : undefined
  return inner instanceof Error ? deepest(inner) : error
}

export const folderFailure = (directory: string, error: unknown): CliFailure => {
  const owned = within(error, ownedOf) === true
  // Log and warehouse open side by side, and only the log's refusal tells who is there.
  const pid = within(error, pidOf) ?? (owned ? folderOwner(directory) : undefined)
  if (pid !== undefined || owned) {
    const who = pid === undefined ? "another process" : `a server (pid ${pid})`
    return new CliFailure({ message: `${who} owns ${directory}; use --url with its address instead of --data` })
  }
  const cause = deepest(error)
  const text = cause instanceof Error ? cause.message : String(cause)
  return new CliFailure({ message: `cannot open ${directory}: ${text.split("\n")[0]!}` })
}

/** Writing commands make the folder; reading ones must not leave an empty one behind a typing error. */
export const makeFolder = (directory: string): Effect.Effect<void, CliFailure> =>
  Effect.try({
    try: () => void mkdirSync(directory, { recursive: true }),
    catch: (error) => new CliFailure({ message: `cannot make the folder ${directory}: ${String(error)}` })
  })

export const requireFolder = (directory: string): Effect.Effect<void, CliFailure> =>
  Effect.suspend(() =>
    statSync(directory, { throwIfNoEntry: false })?.isDirectory() === true
      ? Effect.void
      : Effect.fail(new CliFailure({ message: `there is no data folder ${directory}` }))
  )
