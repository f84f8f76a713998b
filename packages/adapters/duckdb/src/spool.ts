import { randomUUID } from "node:crypto"
import { mkdir, mkdtemp, open, readdir, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join, resolve } from "node:path"
import { type EventBatch, linesOfBytes } from "@millrace/core"
import { Effect, type Scope } from "effect"
import { DriverFailure } from "./errors.ts"

/** The only folder, besides the database itself, that SQL may read and write. */
export const pagesIn = (directory: string): string => join(directory, "pages")

/** Folder for the pages being loaded. */
export interface Spool {
  readonly directory: string
  /** Writes the batches' lines, as they travelled, to one NDJSON file; gone when the scope closes. */
  readonly write: (batches: ReadonlyArray<EventBatch>) => Effect.Effect<string, DriverFailure, Scope.Scope>
}

export const makeDirectory = (
  path: string,
  given: string | undefined
): Effect.Effect<string, DriverFailure, Scope.Scope> =>
  path === ":memory:" && given === undefined
    ? Effect.acquireRelease(
        attempt(() => mkdtemp(join(tmpdir(), "millrace-duckdb-"))),
        (directory) => Effect.promise(() => rm(directory, { recursive: true, force: true }))
      )
    : Effect.sync(() => resolve(given ?? `${path}.tmp`))

/**
 * Where this process's queries spill what does not fit into memory, in a folder of its own, as other processes have
 * theirs.
 */
export const openSpill = (directory: string): Effect.Effect<string, DriverFailure> => {
  const spills = spillsIn(directory)
  return Effect.as(
    attempt(() => mkdir(spills, OWNERS)),
    join(spills, OWN)
  )
}

/** Events lie there: for their owner alone. */
const OWNERS = { recursive: true, mode: 0o700 }

const spillsIn = (directory: string) => join(directory, "spill")

/**
 * Call it once the database is open: until then the folder may belong to another process. What one that was killed has
 * spilled or spooled goes: nobody else would ever remove it, and no erasure looks there.
 */
export const openSpool = (parent: string): Effect.Effect<Spool, DriverFailure> =>
  Effect.gen(function* () {
    const directory = pagesIn(parent)
    yield* attempt(() => mkdir(directory, OWNERS))
    yield* attempt(() => removeLeftovers(directory, EXTENSION))
    yield* attempt(() => removeLeftovers(spillsIn(parent), ""))
    return {
      directory,
      write: (batches) => {
        const file = join(directory, `${OWN}${++files}${EXTENSION}`)
        return Effect.acquireRelease(
          attempt(() => writeLines(file, batches)),
          () => Effect.promise(() => rm(file, { force: true }))
        )
      }
    }
  })

/** Several layers of one process may share the folder. Not its number: in a container every process is the first. */
const OWN = `${randomUUID()}-`
const EXTENSION = ".page.ndjson"
let files = 0

const removeLeftovers = async (directory: string, extension: string) => {
  const leftovers = (await readdir(directory)).filter((name) => name.endsWith(extension) && !name.startsWith(OWN))
  await Promise.all(leftovers.map((name) => rm(join(directory, name), { force: true, recursive: true })))
}

/** `writev` takes at most 1,024 buffers on Linux. */
const BUFFERS_PER_WRITE = 1_024

const writeLines = async (file: string, batches: ReadonlyArray<EventBatch>): Promise<string> => {
  const handle = await open(file, "w", 0o600)
  try {
    for (let at = 0; at < batches.length; at += BUFFERS_PER_WRITE) {
      const lines = batches.slice(at, at + BUFFERS_PER_WRITE).map((batch) => linesOfBytes(batch.bytes))
      const { bytesWritten } = await handle.writev(lines)
      if (bytesWritten !== lines.reduce((sum, part) => sum + part.length, 0)) throw new Error(`short write to ${file}`)
    }
  } finally {
    await handle.close()
  }
  return file
}

const attempt = <A>(promise: () => Promise<A>): Effect.Effect<A, DriverFailure> =>
  Effect.tryPromise({ try: promise, catch: (cause) => new DriverFailure(fileFailure(cause)) })

/** In the driver's own form, so that a full disk counts as passing trouble. */
const fileFailure = (cause: unknown) =>
  new Error(`IO Error: ${cause instanceof Error ? cause.message : String(cause)}`, { cause })
