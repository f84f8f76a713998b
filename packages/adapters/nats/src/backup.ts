import type { QueueCopier, Restorer } from "@millrace/core"
import { LedgerLog } from "@millrace/core/account"
import { queueCopier, queueRestorer, type RestoreTarget } from "@millrace/core/node"
import type { Semaphore } from "effect"
import { Broker } from "./client.ts"
import { type NatsOptions, resolveOptions } from "./config.ts"
import { letterLogOf } from "./deadLetters.ts"
import type { QueueLog } from "./QueueLog.ts"
import { recordLogOf } from "./recordLog.ts"
import { openStreams } from "./streams.ts"
import { namesOf } from "./subjects.ts"

/** Below the folder of a backup. */
const FOLDER = "nats"

export const copierOf = (log: QueueLog, replaying: Semaphore.Semaphore): QueueCopier =>
  queueCopier(log, { folder: FOLDER, replaying })

/** Puts a copy into streams of their own name. */
export const restorer = (options: NatsOptions): Restorer => queueRestorer(FOLDER, () => openTarget(options))

const openTarget = async (options: NatsOptions): Promise<RestoreTarget> => {
  const resolved = resolveOptions(options)
  const broker = await Broker.connect(resolved)
  const close = () => broker.connection.close()
  const names = namesOf(resolved.name)
  try {
    await openStreams(broker, names, resolved)
  } catch (cause) {
    await close()
    throw cause
  }
  return {
    used: `the stream ${names.events} has been used: take another name (MILLRACE_NATS_NAME)`,
    isUsed: async () => (await broker.call(() => broker.streams.info(names.events))).state.last_seq > 0,
    clear: async () => {
      for (const stream of [names.dead, names.ledger]) await broker.call(() => broker.streams.purge(stream))
    },
    ledger: new LedgerLog(recordLogOf(broker, names)),
    letters: letterLogOf(broker, names, () => names.events),
    close
  }
}
