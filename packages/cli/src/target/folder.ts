import { mkdirSync, statSync } from "node:fs"
import { Pipeline, type PipelineOptions } from "@millrace/core"
import { LockFailed, ownerText } from "@millrace/core/node"
import { adapters, FolderTaken } from "@millrace/server"
import { Effect, Layer } from "effect"
import { CliFailure } from "../CliFailure.ts"

/** Queue, store, warehouse and loader of one data folder, owned by this process until the scope closes. */
export const openFolderServices = (directory: string, options: Partial<PipelineOptions> = {}) =>
  Layer.build(
    Pipeline.layer(options).pipe(Layer.provideMerge(adapters({ directory, queue: "embedded", warehouse: "duckdb" })))
  ).pipe(Effect.mapError((error) => folderFailure(directory, error)))

/** What says most; a lock that fails says which file it is, and its cause does not. */
const deepest = (error: unknown): unknown => {
  if (error instanceof LockFailed) return error
  const inner = typeof error === "object" && error !== null && "cause" in error ? error.cause : undefined
  return inner instanceof Error ? deepest(inner) : error
}

export const folderFailure = (directory: string, error: unknown): CliFailure => {
  const cause = deepest(error)
  if (cause instanceof FolderTaken) {
    const who = ownerText(cause.owner)
    return new CliFailure({ message: `${directory} is owned by ${who}; use --url with its address instead of --data` })
  }
  const text = cause instanceof Error ? cause.message : String(cause)
  return new CliFailure({ message: `cannot open ${directory}: ${text.split("\n")[0]!}` })
}

/** Writing commands make the folder; reading ones must not leave an empty one behind a typing error. */
export const makeFolder = (directory: string): Effect.Effect<void, CliFailure> =>
  Effect.try({
    try: () => void mkdirSync(directory, { recursive: true, mode: 0o700 }),
    catch: (error) => new CliFailure({ message: `cannot make the folder ${directory}: ${String(error)}` })
  })

export const requireFolder = (directory: string): Effect.Effect<void, CliFailure> =>
  Effect.suspend(() =>
    statSync(directory, { throwIfNoEntry: false })?.isDirectory() === true
      ? Effect.void
      : Effect.fail(new CliFailure({ message: `there is no data folder ${directory}` }))
  )
