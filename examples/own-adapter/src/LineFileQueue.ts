import { appendFileSync, existsSync, readFileSync, renameSync, writeFileSync } from "node:fs"
import {
  EventBatch,
  EventQueue,
  EventQueueError,
  expire,
  type Lease,
  QueueUnavailable,
  settle,
  type TakeOptions
} from "@millrace/core"
import { Clock, Deferred, Effect, Exit, Layer } from "effect"

/** A line of the file: a message that was published, or one that is done with. */
type Line =
  | { readonly position: number; readonly batch: string; readonly traces: ReadonlyArray<string> }
  | { readonly done: number }

interface Message {
  readonly position: number
  readonly batch: EventBatch
  attempt: number
  /** Clock milliseconds: the end of its backoff; infinite while it is leased. */
  availableAt: number
}

const LIMITS = { maxAttempts: 3, backoffMillis: 5 }

const unavailable = (operation: "open" | "publish") => (cause: unknown) =>
  new EventQueueError({ operation, reason: new QueueUnavailable({ cause }) })

const print = (line: Line) => `${JSON.stringify(line)}\n`
const toLine = (position: number, { bytes, traces }: EventBatch) =>
  print({ position, batch: Buffer.from(bytes).toString("base64"), traces })

/**
 * A durable queue of one's own, for one process: one JSON line a message in one file. It keeps the laws of every queue, which
 * `test/contract.test.ts` checks with millrace's own suite. Its type is `EventQueue` alone: dead letters, an exact ledger and
 * erasure are services that it does not have.
 */
export const layerLineFileQueue = (path: string): Layer.Layer<EventQueue, EventQueueError> =>
  Layer.effect(
    EventQueue,
    Effect.map(Effect.try({ try: () => new Messages(path), catch: unavailable("open") }), (messages) => ({
      durability: "fsync",
      publish: (batch) => Effect.try({ try: () => messages.publish(batch), catch: unavailable("publish") }),
      take: (options) => take(messages, options),
      waiting: Effect.sync(() => messages.waiting)
    }))
  )

class Messages {
  readonly open = new Map<number, Message>()
  readonly #path: string
  #last = 0
  changed = Deferred.makeUnsafe<void>()
  // A line that a crash cut short was acknowledged to nobody.
  constructor(path: string) {
    this.#path = path
    const lines = existsSync(path) ? readFileSync(path, "utf8").split("\n").slice(0, -1) : []
    for (const line of lines) {
      const read = JSON.parse(line) as Line
      this.#last = Math.max(this.#last, "done" in read ? read.done : read.position)
      if ("done" in read) this.open.delete(read.done)
      else this.#add(read.position, EventBatch.fromBytes(Buffer.from(read.batch, "base64")).withTraces(read.traces))
    }
    const left = [...this.open.values()].map(({ batch, position }) => toLine(position, batch))
    // After the last position, which no later message may have.
    writeFileSync(`${path}.new`, [print({ done: this.#last }), ...left].join(""), { flush: true })
    renameSync(`${path}.new`, path)
  }

  #add(position: number, { bytes, traces }: EventBatch) {
    const batch = EventBatch.fromBytes(bytes, { log: "line file", position, offset: 0 }).withTraces(traces)
    this.open.set(position, { position, batch, attempt: 1, availableAt: 0 })
    return this.open.get(position)!
  }

  #write = (line: string) => appendFileSync(this.#path, line, { flush: true })

  get waiting() {
    const batches = [...this.open.values()].map(({ batch }) => batch)
    const sumOf = (of: (batch: EventBatch) => number) => batches.reduce((sum, batch) => sum + of(batch), 0)
    const oldestReceivedAt = batches.length === 0 ? undefined : Math.min(...batches.map((one) => one.received_at))
    return { events: sumOf(({ count }) => count), bytes: sumOf(({ bytes }) => bytes.length), oldestReceivedAt }
  }

  publish(batch: EventBatch) {
    this.#write(toLine(this.#last + 1, batch))
    this.makeDue(this.#add(++this.#last, batch), 0)
  }

  acknowledge({ position }: Message) {
    if (this.open.has(position)) this.#write(print({ done: position }))
    this.open.delete(position)
  }

  /** Makes it due at that time; whoever waits looks again. */
  makeDue(message: Message, at: number) {
    message.availableAt = at
    Deferred.doneUnsafe(this.changed, Exit.void)
    this.changed = Deferred.makeUnsafe()
  }

  /** Messages of up to `limit` events, one at least. */
  lease(limit: number, now: number): ReadonlyArray<Message> {
    let room = limit
    const due = [...this.open.values()].filter(({ availableAt }) => availableAt <= now)
    const leased = due.filter(({ batch }, index) => (room -= batch.count) >= 0 || index === 0)
    for (const message of leased) message.availableAt = Number.POSITIVE_INFINITY
    return leased
  }
}

const take = (messages: Messages, options: TakeOptions): ReturnType<EventQueue["Service"]["take"]> =>
  // Interruptible only while it waits: what was leased is always settled.
  Effect.uninterruptibleMask((restore) =>
    Effect.gen(function* () {
      while (true) {
        const { changed } = messages
        const now = yield* Clock.currentTimeMillis
        const leased = messages.lease(options.limit, now)
        if (leased.length > 0) {
          const lease = leaseOf(messages, leased, options)
          yield* Effect.addFinalizer((exit) => settle(lease, LIMITS, exit))
          yield* Effect.forkScoped(Effect.interruptible(Effect.delay(expire(lease, LIMITS), options.ackWaitMillis)))
          return { batches: leased.map(({ batch }) => batch), attempt: Math.max(...leased.map((one) => one.attempt)) }
        }
        const next = Math.min(...[...messages.open.values()].map(({ availableAt }) => availableAt)) - now
        yield* restore(Effect.timeoutOption(Deferred.await(changed), Math.max(1, Math.min(next, 60_000))))
      }
    })
  )

/** What ends a delivery is the same in every queue; what its messages become is said here. */
const leaseOf = (messages: Messages, leased: ReadonlyArray<Message>, options: TakeOptions): Lease<Message, never> => {
  const { exhausted = () => Effect.fail("this queue keeps no dead letters") } = options
  let isHeld = true
  const waitFor = (message: Message, millis: number) =>
    Effect.map(Clock.currentTimeMillis, (now) => messages.makeDue(message, now + millis))
  return {
    messages: leased,
    end: () => isHeld && !(isHeld = false),
    acknowledge: Effect.sync(() => leased.forEach((message) => messages.acknowledge(message))),
    release: Effect.forEach(leased, (message) => waitFor(message, 0), { discard: true }),
    retry: (message, delayMillis) => Effect.suspend(() => (message.attempt++, waitFor(message, delayMillis))),
    bury: (message, reason) => Effect.map(exhausted(message.batch, reason), () => messages.acknowledge(message)),
    postpone: waitFor
  }
}
