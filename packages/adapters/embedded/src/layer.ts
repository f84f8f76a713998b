import { join } from "node:path"
import {
  type EventQueueError,
  everyMillis,
  SnapshotError,
  type StoreCopier,
  StoreSnapshot,
  superviseLoop
} from "@millrace/core"
import { nodeFiles } from "@millrace/core/node"
import { Context, Effect, Layer, type Scope } from "effect"
import { type EmbeddedOptions, resolveOptions } from "./config.ts"
import { EmbeddedLog } from "./EmbeddedLog.ts"
import { queueError } from "./errors.ts"
import { unwritten } from "./log/unwritten.ts"
import { type EmbeddedQueue, makeQueue } from "./queue.ts"
import { readableQueue, readableStore } from "./readable.ts"
import type { LogUse, Machine } from "./state/recover.ts"
import { type EmbeddedStore, makeStore } from "./store.ts"

/** How much redelivery a crash may cost. */
const SAVE_EVERY_MILLIS = 1_000

/** The log, for as long as the scope; acknowledgements are saved in the background. */
const open = (
  options: EmbeddedOptions,
  upkeep: LogUse & { readonly pruneAcked: boolean }
): Effect.Effect<EmbeddedLog, EventQueueError, Scope.Scope> =>
  Effect.gen(function* () {
    const log = yield* Effect.acquireRelease(
      Effect.tryPromise({
        try: async () => EmbeddedLog.open(resolveOptions(options), upkeep),
        catch: (cause) => queueError("open", cause)
      }),
      (opened) =>
        Effect.ignoreCause(
          Effect.tryPromise(() => opened.close()),
          { log: "Error", message: "the log could not be closed" }
        )
    )
    const save = Effect.tryPromise(async () => {
      await log.save()
      if (upkeep.pruneAcked) await log.prune(log.index.floor)
    })
    yield* superviseLoop(everyMillis("checkpoint", SAVE_EVERY_MILLIS), Effect.as(save, SAVE_EVERY_MILLIS))
    return log
  })

/**
 * Queue and hot store on one log in `options.directory`: durable by fsync, nothing to install, one process.
 *
 * Fails with operation `open`; the reason's cause is `FolderInUse`, `CorruptLog`, a schema error that names the
 * option, or what the file system says. Closing refuses new work, writes what waits, and lets the directory go.
 */
export const layer = (
  options: EmbeddedOptions,
  machine: Machine = {}
): Layer.Layer<EmbeddedQueue | EmbeddedStore | StoreSnapshot, EventQueueError> =>
  Layer.effectContext(
    Effect.map(open(options, { ...machine, identities: true, pruneAcked: false }), (log) =>
      Context.merge(makeQueue(log, true), makeStore(log)).pipe(Context.add(StoreSnapshot, copierOf(log)))
    )
  )

/**
 * Queue and hot store of a log that is there, to be looked at: no file of it is changed, also none that a start would have to
 * repair, and whatever would change something fails. The folder is this process's meanwhile.
 */
export const reader = (
  options: EmbeddedOptions,
  { files = nodeFiles, ...machine }: Machine = {}
): Layer.Layer<EmbeddedQueue | EmbeddedStore, EventQueueError> =>
  Layer.effectContext(
    Effect.gen(function* () {
      const absent = queueError("open", new Error(`there is no log ${options.directory}`))
      if (!(yield* Effect.promise(() => files.exists(options.directory)))) return yield* Effect.fail(absent)
      const log = yield* open(options, { ...machine, files: unwritten(files), identities: true, pruneAcked: false })
      return Context.merge(readableQueue(makeQueue(log, true)), readableStore(makeStore(log)))
    })
  )

/** Cursors of this log are places in its files, and those are copied as they are. */
const copierOf = (log: EmbeddedLog): StoreCopier => ({
  hold: () =>
    Effect.asVoid(
      Effect.acquireRelease(
        Effect.promise(() => log.hold()),
        (release) => Effect.sync(release)
      )
    ),
  copyTo: (directory, cursor) =>
    Effect.tryPromise({
      try: () => log.copyTo(join(directory, "log")).then(() => cursor),
      catch: (cause) => new SnapshotError({ of: "store", behind: false, cause })
    })
})

/** The queue alone, for events that go to another store: what is acknowledged is deleted, a segment at a time. */
export const queue = (options: EmbeddedOptions, machine: Machine = {}): Layer.Layer<EmbeddedQueue, EventQueueError> =>
  Layer.effectContext(
    Effect.map(open(options, { ...machine, identities: false, pruneAcked: true }), (log) => makeQueue(log, false))
  )
