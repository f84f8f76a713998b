import { generationOf, positionOf } from "@millrace/core/account"
import { type EventBatch, type Origin, QueueMeter } from "@millrace/core"
import type { Broker } from "./client.ts"
import type { ResolvedOptions } from "./config.ts"
import { ensureConsumer } from "./consumer.ts"
import { follow, type FollowView } from "./ledger/follow.ts"
import { LedgerLog } from "./ledger/LedgerLog.ts"
import { NO_EVENTS } from "./ledger/stream.ts"
import { Manifest } from "./Manifest.ts"
import { Publisher } from "./Publisher.ts"
import { openStreams } from "./streams.ts"
import type { Names } from "./subjects.ts"

export interface Mending {
  /** Whatever an operator, or a copy put back, did to streams and consumer: they are there and followed once this resolves. */
  readonly mend: () => Promise<void>
  /**
   * Resolves once they have been since the connection was last lost, and nothing of it is under way. A server that comes back may
   * hand out sequences again: what were published before that is seen could be taken for what lay there.
   */
  readonly ready: () => Promise<void>
}

/** What every operation of one open queue works on. */
export interface QueueLog {
  readonly broker: Broker
  readonly names: Names
  readonly options: ResolvedOptions
  readonly ledger: LedgerLog
  readonly publisher: Publisher
  readonly manifest: Manifest
  readonly mending: Mending
  readonly meter: QueueMeter
  /** What was noticed in passing, to be logged by whoever comes next. */
  readonly notes: Array<string>
  /** Identity of the queue, whatever becomes of its stream. */
  readonly id: string
}

/** The ledger follows the stream once this resolves. */
export const openQueueLog = async (broker: Broker, names: Names, options: ResolvedOptions): Promise<QueueLog> => {
  await openStreams(broker, names, options)
  const ledger = new LedgerLog(broker, names)
  const view = { broker, ledger, names, notes: new Array<string>() }
  await follow(view)
  await ensureConsumer(view, options)
  const manifest = new Manifest(ledger)
  const mending = mendingOf(view, options)
  const publisher = new Publisher(broker, {
    prefix: names.subjects.events,
    timeoutMillis: options.publishTimeoutMillis,
    nextId: () => crypto.randomUUID(),
    ready: mending.ready,
    mark: () => ({ generation: generationOf(ledger.state.watch!.numbering), highest: ledger.state.last }),
    taken: (sequence, label, before) => {
      const position = positionIn(view, sequence)
      const isNew = position > before.highest && generationOf(ledger.state.watch!.numbering) === before.generation
      if (isNew) manifest.add(position, label)
      else mending.mend().catch(() => undefined)
      return { position, isNew }
    }
  })
  const { log } = ledger.state.watch!.numbering
  return { ...view, options, publisher, manifest, mending, meter: new QueueMeter(), id: log }
}

/** Makes the streams that are gone again, one at a time, has the ledger follow, and the consumer after it. */
const mendingOf = (view: FollowView, options: ResolvedOptions): Mending => {
  const { broker, ledger, names, notes } = view
  let running: Promise<void> | undefined
  /** Whether the connection was lost, or mending failed, since they were seen. */
  let isDue = false
  broker.onChange(() => {
    if (!broker.connected) isDue = true
  })
  const generation = () => generationOf(ledger.state.watch!.numbering)
  const mendNow = async () => {
    isDue = false
    const before = generation()
    const streams = await openStreams(broker, names, options)
    await follow(view)
    const consumer = await ensureConsumer(view, options)
    const made = [...streams, ...(consumer === undefined ? [] : [`consumer ${consumer}`])]
    if (made.length > 0) notes.push(`gone from the server, and made again: ${made.join(", ")}`)
    // What was asked of the old ones is answered by nobody.
    if (made.length > 0 || generation() !== before) broker.stir()
  }
  const mend = (): Promise<void> =>
    (running ??= broker
      .call(mendNow)
      .catch((cause: unknown) => {
        isDue = true
        throw cause
      })
      .finally(() => {
        running = undefined
      }))
  const ready = async (): Promise<void> => {
    if (running !== undefined) await running.catch(() => undefined)
    if (!isDue) return
    await mend()
    return ready()
  }
  return { mend, ready }
}

/** Where a message of the stream stands in the ledger. */
export const positionIn = ({ ledger }: Pick<QueueLog, "ledger">, sequence: number): number =>
  positionOf(ledger.state.watch!.numbering, sequence)

/** Messages without events may leave the stream. */
export const recordEmpty = (log: Pick<QueueLog, "ledger">, positions: ReadonlyArray<number>): Promise<number> =>
  log.ledger.append({ _tag: "Settled", messages: positions.map((position) => ({ position, ...NO_EVENTS })) })

export const originOf = (log: QueueLog, position: number): Origin => ({ log: log.id, position, offset: 0 })

/** The batch's place in this queue; throws when it was not taken from it. */
export const originIn = (log: QueueLog, batch: EventBatch): Origin => {
  const { origin } = batch
  if (origin?.log !== log.id) {
    throw new Error("only events that were taken from this queue can be set aside; cut batches with slice()")
  }
  return origin
}
