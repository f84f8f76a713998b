import {
  DeadLetters,
  type EventBatch,
  EventQueue,
  type EventQueueError,
  type QueueCounts,
  QueueErasure,
  QueueLedger,
  type QueueServices
} from "@millrace/core"
import { Nats, type NatsOptions } from "@millrace/nats"
import { Cause, Context, Effect, Exit, Layer, Logger, ManagedRuntime } from "effect"

let names = 0

/** Of a queue of its own on a server that several tests share. */
export const uniqueName = (): string => `t${process.pid}-${++names}`

/** The server sets aside what its streams may grow to; nothing is written for that. */
export const FILE_STORE_BYTES = 2 ** 40

export const lease = { limit: 1_000, ackWaitMillis: 20_000 }

/** Services of a queue in one hand. */
export type Queue = EventQueue["Service"] &
  QueueLedger["Service"] &
  Pick<QueueErasure["Service"], "erase"> & { readonly letters: DeadLetters["Service"] }

export const queueOf = (services: Context.Context<QueueServices>): Queue => ({
  ...Context.get(services, EventQueue),
  ...Context.get(services, QueueLedger),
  erase: Context.get(services, QueueErasure).erase,
  letters: Context.get(services, DeadLetters)
})

/** One process's queue, until `close`. */
export const openQueue = (options: NatsOptions) => {
  const queue = Nats.layer({ backoffMillis: 5, maxAttempts: 3, ...options })
  // Quiet: what these tests provoke is logged at length.
  const runtime = ManagedRuntime.make(Layer.provideMerge(queue, Logger.layer([])))
  const using = <A, E>(use: (queue: Queue) => Effect.Effect<A, E>) =>
    Effect.flatMap(Effect.context<QueueServices>(), (services) => use(queueOf(services)))
  const run = <A, E>(use: (queue: Queue) => Effect.Effect<A, E>) => runtime.runPromise(using(use))
  return {
    run,
    /** Fails with the reason's tag, or succeeds with `undefined`. */
    reasonOf: async <A>(use: (queue: Queue) => Effect.Effect<A, EventQueueError>): Promise<string | undefined> => {
      const exit = await runtime.runPromise(Effect.exit(using(use)))
      if (Exit.isSuccess(exit)) return undefined
      const error = Cause.squash(exit.cause)
      return typeof error === "object" && error !== null && "reason" in error ? tagOf(error.reason) : String(error)
    },
    close: () => runtime.dispose()
  }
}
export type OpenQueue = ReturnType<typeof openQueue>

const tagOf = (reason: unknown) =>
  typeof reason === "object" && reason !== null && "_tag" in reason ? String(reason._tag) : String(reason)

export interface Taken {
  readonly attempt: number
  readonly positions: ReadonlyArray<readonly [position: number, count: number]>
  readonly ids: ReadonlyArray<string>
}

export const contentsOf = (batches: ReadonlyArray<EventBatch>): Omit<Taken, "attempt"> => ({
  positions: batches.map((batch) => [batch.origin!.position, batch.count] as const),
  ids: batches.flatMap((batch) => batch.events.map((event) => event.event_id))
})

/** Takes and acknowledges one delivery; `undefined` when none came in time. `see` is told before the acknowledgement. */
export const consume = (
  queue: Queue,
  options = lease,
  withinMillis = 30_000,
  see: (taken: Taken) => void = () => {}
): Effect.Effect<Taken | undefined, EventQueueError> =>
  Effect.scoped(
    Effect.map(queue.take(options), ({ attempt, batches }) => {
      const taken: Taken = { attempt, ...contentsOf(batches) }
      see(taken)
      return taken
    })
  ).pipe(
    Effect.timeoutOption(withinMillis),
    Effect.map((taken) => (taken._tag === "Some" ? taken.value : undefined))
  )

const INSIST_WITHIN_MILLIS = 120_000

/** Retries what may be retried, as a client does, while the server comes back; as long as the slowest machine takes. */
export const insist = async <A>(task: () => Promise<A>): Promise<A> => {
  const until = performance.now() + INSIST_WITHIN_MILLIS
  while (true) {
    try {
      return await task()
    } catch (cause) {
      if (performance.now() > until) throw cause
      await new Promise((resolve) => setTimeout(resolve, 100))
    }
  }
}

export const ofDefault = ({ accepted, deadLettered, replayed, waiting }: QueueCounts) => ({
  accepted: accepted["default"] ?? 0,
  deadLettered: deadLettered["default"] ?? 0,
  replayed: replayed["default"] ?? 0,
  waiting: waiting["default"] ?? 0
})
