import { type Account, generationIn } from "@millrace/core/account"
import { AckPolicy, type ConsumerConfig, type ConsumerInfo } from "@nats-io/jetstream"
import type { Broker } from "./client.ts"
import type { ResolvedOptions } from "./config.ts"
import type { Names } from "./subjects.ts"
import { orUndefined } from "./errors.ts"

interface View extends Pick<Account, "ledger"> {
  readonly broker: Broker
  readonly names: Names
}

const NANOS_PER_MILLI = 1_000_000
/** Redelivery after an interruption is no attempt, so the server's own limit leaves room for some. */
const SPARE_DELIVERIES = 16
const MAX_UNACKNOWLEDGED = 20_000
/** Of looks during which another process makes one. */
const MAX_LOOKS = 10

const CONSUMER_NOT_FOUND = 10_014
const STREAM_NOT_FOUND = 10_059
/** A work queue has one consumer for everything. */
const NOT_THE_ONLY_ONE: ReadonlyArray<number> = [10_099, 10_100]

const notFound = orUndefined(CONSUMER_NOT_FOUND, STREAM_NOT_FOUND)

/**
 * The consumer that all workers share. One belongs to one generation of sequences: it delivers none at or below the last that it
 * has delivered, and takes an answer about a sequence for one about whatever lies there now. So when sequences are handed out again
 * it makes room for another one, of another name.
 */
export const workerIn = (account: Pick<Account, "ledger">): string => {
  const generation = generationIn(account)
  return generation === 0 ? FIRST_WORKER : `${FIRST_WORKER}-${generation}`
}
const FIRST_WORKER = "worker"
const ANY_WORKER = /^worker(?:-\d+)?$/u

const infoOf = ({ broker, names }: View, name: string): Promise<ConsumerInfo | undefined> =>
  broker.call(() => broker.consumers.info(names.events, name)).catch(notFound)

/** Whether workers can be served; false when the consumer is gone, or the stream with it. */
export const isServed = async (view: View): Promise<boolean> => (await infoOf(view, workerIn(view))) !== undefined

/** The last sequence that it has handed out. A stream that ends before it has gone back. */
export const deliveredTo = async (view: View): Promise<number> =>
  (await infoOf(view, workerIn(view)))?.delivered.stream_seq ?? 0

/** Returns its name if it was not there, nor any of another generation. Made anew, it delivers all that waits from the start. */
export const ensureConsumer = async (view: View, options: ResolvedOptions): Promise<string | undefined> => {
  const { broker, names } = view
  const settings = settingsOf(options)
  for (let look = 1; ; look++) {
    const name = workerIn(view)
    if ((await infoOf(view, name)) !== undefined) {
      await broker.consumers.update(names.events, name, settings)
      return undefined
    }
    const others = await othersThan(view, name)
    // Whoever made one of them had recorded its generation before.
    if (others.length > 0) await view.ledger.refresh()
    if (workerIn(view) !== name) continue
    for (const other of others) await broker.consumers.delete(names.events, other).catch(notFound)
    const made = await broker.consumers
      .add(names.events, { ...settings, durable_name: name, ack_policy: AckPolicy.Explicit })
      .catch(orUndefined(...(look < MAX_LOOKS ? NOT_THE_ONLY_ONE : [])))
    if (made !== undefined) return others.length > 0 ? undefined : name
  }
}

const settingsOf = ({ maxAttempts, redeliverMillis }: ResolvedOptions): Partial<ConsumerConfig> => ({
  ack_wait: redeliverMillis * NANOS_PER_MILLI,
  max_deliver: maxAttempts + SPARE_DELIVERIES,
  max_ack_pending: MAX_UNACKNOWLEDGED
})

const othersThan = async ({ broker, names }: View, name: string): Promise<ReadonlyArray<string>> => {
  const found: Array<string> = []
  for await (const { name: other } of broker.consumers.list(names.events)) found.push(other)
  return found.filter((other) => other !== name && ANY_WORKER.test(other))
}
