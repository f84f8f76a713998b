import { appendFileSync, existsSync, readFileSync, renameSync, writeFileSync } from "node:fs"
import {
  type Delivery,
  EventBatch,
  EventQueue,
  EventQueueError,
  QueueUnavailable,
  type TakeOptions
} from "@millrace/core"
import { Cause, Clock, Deferred, Effect, Exit, Layer, type Scope } from "effect"

/** A line of the file: a message that was published, or one that is done with. */
type Line =
  | { readonly position: number; readonly batch: string; readonly traces: ReadonlyArray<string> }
  | { readonly done: number }

interface Message {
  readonly position: number
  readonly batch: EventBatch
  failures: number
  /** Whoever holds it; a lease that ran out is another one's afterwards. */
  lease: object | undefined
  /** Clock milliseconds: the end of its lease, or of its backoff. */
  availableAt: number
}

const MAX_ATTEMPTS = 3
const BACKOFF_MILLIS = 5
const LOG = "line file"

const unavailable = (operation: EventQueueError["operation"]) => (cause: unknown) =>
  new EventQueueError({ operation, reason: new QueueUnavailable({ cause }) })

const toLine = ({ batch, position }: Pick<Message, "batch" | "position">): Line => ({
  position,
  batch: Buffer.from(batch.bytes).toString("base64"),
  traces: batch.traces
})

/**
 * A durable queue of one's own: one JSON line a message in one file, what waits in memory. Small on purpose, for one process:
 * it keeps the laws of every queue, which `test/contract.test.ts` checks with millrace's own suite, and offers no more. So its
 * type is `EventQueue` alone: dead letters, an exact ledger and erasure are services that it does not have.
 */
export const layerLineFileQueue = (path: string): Layer.Layer<EventQueue, EventQueueError> =>
  Layer.effect(
    EventQueue,
    Effect.map(Effect.try({ try: () => new Messages(path), catch: unavailable("open") }), (messages) => ({
      durability: "fsync",
      publish: (batch) => Effect.try({ try: () => messages.publish(batch), catch: unavailable("publish") }),
      take: (options) => take(messages, options),
      waiting: Effect.sync(() => {
        const batches = [...messages.open.values()].map(({ batch }) => batch)
        return {
          events: batches.reduce((sum, { count }) => sum + count, 0),
          bytes: batches.reduce((sum, { bytes }) => sum + bytes.length, 0),
          oldestReceivedAt: batches.length === 0 ? undefined : Math.min(...batches.map((batch) => batch.received_at))
        }
      })
    }))
  )

class Messages {
  readonly open = new Map<number, Message>()
  readonly #path: string
  #last = 0
  changed = Deferred.makeUnsafe<void>()

  /** Begins with what is not done with. A line that a crash cut short was acknowledged to nobody. */
  constructor(path: string) {
    this.#path = path
    const text = existsSync(path) ? readFileSync(path, "utf8") : ""
    for (const line of text.split("\n").slice(0, -1)) {
      const read = JSON.parse(line) as Line
      if ("done" in read) this.open.delete(read.done)
      else this.#add(read.position, EventBatch.fromBytes(Buffer.from(read.batch, "base64")).withTraces(read.traces))
    }
    const left = [...this.open.values()].map((message) => `${JSON.stringify(toLine(message))}\n`)
    writeFileSync(`${path}.new`, left.join(""), { flush: true })
    renameSync(`${path}.new`, path)
  }

  #add(position: number, { bytes, traces }: EventBatch) {
    const batch = EventBatch.fromBytes(bytes, { log: LOG, position, offset: 0 }).withTraces(traces)
    this.open.set(position, { position, batch, failures: 0, lease: undefined, availableAt: 0 })
    this.#last = Math.max(this.#last, position)
  }

  #write = (line: Line) => appendFileSync(this.#path, `${JSON.stringify(line)}\n`, { flush: true })

  publish(batch: EventBatch) {
    const position = this.#last + 1
    this.#write(toLine({ batch, position }))
    this.#add(position, batch)
    this.wake()
  }

  acknowledge({ position }: Message) {
    if (this.open.has(position)) this.#write({ done: position })
    this.open.delete(position)
  }

  wake() {
    Deferred.doneUnsafe(this.changed, Exit.void)
    this.changed = Deferred.makeUnsafe()
  }

  /** Messages of up to `limit` events, one at least; none that has no attempt left. */
  lease({ ackWaitMillis, limit }: TakeOptions, now: number): ReadonlyArray<Message> {
    const leased: Array<Message> = []
    let room = limit
    for (const message of this.open.values()) {
      if (message.availableAt > now) continue
      if (message.lease !== undefined) message.failures++
      message.lease = undefined
      if (message.failures >= MAX_ATTEMPTS || (leased.length > 0 && message.batch.count > room)) continue
      room -= message.batch.count
      leased.push(message)
    }
    for (const message of leased) Object.assign(message, { lease: leased, availableAt: now + ackWaitMillis })
    return leased
  }
}

// Interruptible only while it waits: what was leased is always settled.
const take = (messages: Messages, options: TakeOptions): Effect.Effect<Delivery, never, Scope.Scope> =>
  Effect.uninterruptibleMask((restore) =>
    Effect.gen(function* () {
      while (true) {
        const { changed } = messages
        const now = yield* Clock.currentTimeMillis
        const leased = messages.lease(options, now)
        yield* handOver(messages, options)
        if (leased.length > 0) {
          yield* Effect.addFinalizer((exit) => settle(messages, leased, exit, options))
          return { batches: leased.map(({ batch }) => batch), attempt: Math.max(...leased.map((m) => m.failures)) + 1 }
        }
        const next = Math.min(...[...messages.open.values()].map(({ availableAt }) => availableAt)) - now
        const wait = Deferred.await(changed)
        yield* restore(Number.isFinite(next) ? Effect.timeoutOption(wait, Math.max(1, next)) : wait)
      }
    })
  )

/** What has no attempt left is somebody else's; while nobody takes it, it waits. */
const handOver = Effect.fnUntraced(function* (
  messages: Messages,
  { exhausted = () => Effect.fail("nobody") }: TakeOptions
) {
  const now = yield* Clock.currentTimeMillis
  for (const message of messages.open.values()) {
    if (message.failures < MAX_ATTEMPTS || message.availableAt > now) continue
    const reason = { stage: "queue", code: "attempts_exhausted", message: "", attempts: message.failures } as const
    const taken = yield* Effect.exit(exhausted(message.batch, reason))
    if (Exit.isSuccess(taken)) messages.acknowledge(message)
    else message.availableAt = now + BACKOFF_MILLIS
  }
})

const settle = Effect.fnUntraced(function* (
  messages: Messages,
  leased: ReadonlyArray<Message>,
  exit: Exit.Exit<unknown, unknown>,
  options: TakeOptions
) {
  const now = yield* Clock.currentTimeMillis
  for (const message of leased) {
    if (Exit.isSuccess(exit)) messages.acknowledge(message)
    // It ran out, and may be somebody else's by now.
    if (Exit.isSuccess(exit) || message.lease !== leased) continue
    const interrupted = Cause.hasInterruptsOnly(exit.cause)
    const failures = interrupted ? message.failures : message.failures + 1
    const isSpent = failures >= MAX_ATTEMPTS || interrupted
    Object.assign(message, {
      failures,
      lease: undefined,
      availableAt: isSpent ? 0 : now + BACKOFF_MILLIS * 2 ** failures
    })
  }
  yield* handOver(messages, options)
  messages.wake()
})
