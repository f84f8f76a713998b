import { type EventBatch, type Origin, QueueMeter } from "@millrace/core"
import type { Broker } from "./client.ts"
import type { ResolvedOptions } from "./config.ts"
import { follow, type FollowView } from "./ledger/follow.ts"
import { LedgerLog } from "./ledger/LedgerLog.ts"
import { positionOf } from "./ledger/Numbering.ts"
import { NO_EVENTS } from "./ledger/stream.ts"
import { Manifest } from "./Manifest.ts"
import { Publisher } from "./Publisher.ts"
import { openStreams } from "./streams.ts"
import type { Names } from "./subjects.ts"

export interface Mending {
  /** Whatever an operator, or a copy put back, did to streams and consumer: they are there and followed once this resolves. */
  readonly mend: () => Promise<void>
  readonly running: Promise<void> | undefined
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
  const manifest = new Manifest(ledger)
  const mending = mendingOf(view, options)
  const publisher = new Publisher(broker, {
    prefix: names.subjects.events,
    timeoutMillis: options.publishTimeoutMillis,
    nextId: () => crypto.randomUUID(),
    taken: (sequence, label, highest) => {
      const position = positionIn(view, sequence)
      const isNew = position > highest
      if (isNew) manifest.add(position, label)
      else mending.mend().catch(() => undefined)
      return { position, isNew }
    }
  })
  const { log } = ledger.state.watch!.numbering
  return { ...view, options, publisher, manifest, mending, meter: new QueueMeter(), id: log }
}

/** Makes the streams that are gone again, one at a time, and has the ledger follow. */
const mendingOf = (view: FollowView, options: ResolvedOptions): Mending => {
  let running: Promise<void> | undefined
  const mend = async () => {
    const made = await openStreams(view.broker, view.names, options)
    if (made.length > 0) view.notes.push(`gone from the server, and made again: ${made.join(", ")}`)
    await follow(view)
    // What was asked of the old ones is answered by nobody.
    if (made.length > 0) view.broker.stir()
  }
  return {
    mend: () =>
      (running ??= mend().finally(() => {
        running = undefined
      })),
    get running() {
      return running
    }
  }
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
