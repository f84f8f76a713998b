import { type EventBatch, type Origin, QueueMeter } from "@millrace/core"
import type { Broker, StreamInfo } from "./client.ts"
import type { ResolvedOptions } from "./config.ts"
import { LedgerLog } from "./ledger/LedgerLog.ts"
import { Publisher } from "./Publisher.ts"
import type { Names } from "./subjects.ts"

/** What every operation of one open queue works on. */
export interface QueueLog {
  readonly broker: Broker
  readonly names: Names
  readonly options: ResolvedOptions
  readonly ledger: LedgerLog
  readonly publisher: Publisher
  readonly meter: QueueMeter
  /** Identity of the stream of events: a stream deleted and made again is another. */
  readonly id: string
}

export const makeQueueLog = (broker: Broker, names: Names, options: ResolvedOptions, events: StreamInfo): QueueLog => ({
  broker,
  names,
  options,
  ledger: new LedgerLog(broker, names),
  publisher: new Publisher(broker, {
    prefix: names.subjects.events,
    timeoutMillis: options.publishTimeoutMillis,
    nextId: () => crypto.randomUUID()
  }),
  meter: new QueueMeter(),
  id: `nats:${events.config.name}@${events.created}`
})

export const originOf = (log: QueueLog, position: number): Origin => ({ log: log.id, position, offset: 0 })

/** The batch's place in this queue; throws when it was not taken from it. */
export const originIn = (log: QueueLog, batch: EventBatch): Origin => {
  const { origin } = batch
  if (origin?.log !== log.id) {
    throw new Error("only events that were taken from this queue can be set aside; cut batches with slice()")
  }
  return origin
}
