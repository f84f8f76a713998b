import { QueueMeter } from "@millrace/core"
import {
  type Account,
  follow,
  generationIn,
  idIn,
  type LogQueue,
  makeAccount,
  Mending,
  positionIn
} from "@millrace/core/account"
import type { Broker } from "./client.ts"
import type { ResolvedOptions } from "./config.ts"
import { deliveredTo, ensureConsumer } from "./consumer.ts"
import { eventLogOf } from "./eventLog.ts"
import { Publisher } from "./Publisher.ts"
import { recordLogOf } from "./recordLog.ts"
import { openStreams } from "./streams.ts"
import type { Names } from "./subjects.ts"
import { letterLogOf } from "./deadLetters.ts"
import { queueError } from "./errors.ts"

/** What every operation of one open queue works on. */
export interface QueueLog extends LogQueue {
  readonly broker: Broker
  readonly names: Names
  readonly options: ResolvedOptions
  readonly publisher: Publisher
  readonly mending: Mending
  /** Identity of the queue, whatever becomes of its stream. */
  readonly id: string
}

/** The ledger follows the stream once this resolves. */
export const openQueueLog = async (broker: Broker, names: Names, options: ResolvedOptions): Promise<QueueLog> => {
  await openStreams(broker, names, options)
  const account: Account = makeAccount(
    eventLogOf(broker, names, () => deliveredTo(view)),
    recordLogOf(broker, names)
  )
  const letters = letterLogOf(broker, names, () => idIn(account))
  const view = { ...account, broker, letters, names }
  await follow(account)
  await ensureConsumer(view, options)
  const mending = mendingOf(view, options)
  const publisher = new Publisher(broker, {
    prefix: names.subjects.events,
    timeoutMillis: options.publishTimeoutMillis,
    nextId: () => crypto.randomUUID(),
    ready: mending.ready,
    mark: () => ({ generation: generationIn(account), highest: account.ledger.state.last }),
    taken: (sequence, label, before) => {
      const position = positionIn(account, sequence)
      const isNew = position > before.highest && generationIn(account) === before.generation
      if (isNew) account.manifest.add(position, label)
      else mending.mend().catch(() => undefined)
      return { position, isNew }
    }
  })
  return { ...view, options, publisher, mending, meter: new QueueMeter(), errorOf: queueError, id: idIn(account) }
}

type View = Account & Pick<QueueLog, "broker" | "names">

/** Makes the streams that are gone again, has the ledger follow, and the consumer after it. */
const mendingOf = (view: View, options: ResolvedOptions): Mending => {
  const { broker, names, notes } = view
  const mending = new Mending(() =>
    broker.call(async () => {
      const before = generationIn(view)
      const streams = await openStreams(broker, names, options)
      await follow(view)
      const consumer = await ensureConsumer(view, options)
      const made = [...streams, ...(consumer === undefined ? [] : [`consumer ${consumer}`])]
      if (made.length > 0) notes.push(`gone from the server, and made again: ${made.join(", ")}`)
      // What was asked of the old ones is answered by nobody.
      if (made.length > 0 || generationIn(view) !== before) broker.stir()
    })
  )
  broker.onChange(() => {
    if (!broker.connected) mending.suspect()
  })
  return mending
}
