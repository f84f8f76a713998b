import {
  AckPolicy,
  type ConsumerConfig,
  DiscardPolicy,
  JetStreamApiError,
  RetentionPolicy,
  StorageType,
  type StreamConfig,
  type StreamInfo
} from "@nats-io/jetstream"
import type { Broker } from "./client.ts"
import type { ResolvedOptions } from "./config.ts"
import type { Names } from "./subjects.ts"

const NANOS_PER_MILLI = 1_000_000
/** How long the server recognises a publish that was sent again; identity beyond it is the store's. */
const DUPLICATE_WINDOW_MILLIS = 120_000
/** The ledger is cut by checkpoints; this much never accumulates while anything works. */
const LEDGER_BYTES = 64 << 20
const MAX_ADVISORIES = 100_000
/** Redelivery after an interruption is no attempt, so the server's own limit leaves room for some. */
const SPARE_DELIVERIES = 16
const MAX_UNACKNOWLEDGED = 20_000

/** The server keeps the queue in another way than asked for, and would break a promise. */
export class StreamRefused extends Error {
  override readonly name = "StreamRefused"
}

type Wanted = Partial<StreamConfig> & { readonly name: string }

/** Makes what is not there, adapts what may be, and reads back what the server understood. Returns what it has made. */
export const openStreams = async (
  broker: Broker,
  names: Names,
  options: ResolvedOptions
): Promise<ReadonlyArray<string>> => {
  const made: Array<string> = []
  const common = { storage: StorageType.File, discard: DiscardPolicy.New, num_replicas: options.replicas } as const
  const { subjects } = names
  await ensure(broker, made, {
    ...common,
    name: names.events,
    subjects: [`${subjects.events}.>`],
    retention: RetentionPolicy.Workqueue,
    max_bytes: options.maxBytes,
    duplicate_window: DUPLICATE_WINDOW_MILLIS * NANOS_PER_MILLI
  })
  await ensure(broker, made, {
    ...common,
    name: names.dead,
    subjects: [`${subjects.letters}.>`, subjects.unreadable],
    max_bytes: options.maxDeadLetterBytes
  })
  await ensure(broker, made, {
    ...common,
    name: names.ledger,
    subjects: [subjects.record, subjects.checkpoint],
    max_bytes: LEDGER_BYTES
  })
  await ensure(broker, made, {
    name: names.advisories,
    subjects: [`$JS.EVENT.ADVISORY.CONSUMER.MAX_DELIVERIES.${names.events}.>`],
    storage: StorageType.File,
    num_replicas: options.replicas,
    max_msgs: MAX_ADVISORIES
  })
  const isMade = await ensureConsumer(broker, names, {
    ack_wait: options.redeliverMillis * NANOS_PER_MILLI,
    max_deliver: options.maxAttempts + SPARE_DELIVERIES,
    max_ack_pending: MAX_UNACKNOWLEDGED
  })
  return isMade ? [...made, `consumer ${names.worker}`] : made
}

/** Whether workers can be served; false when the consumer is gone, or the stream with it. */
export const isServed = async (broker: Broker, names: Names): Promise<boolean> => {
  const info = await broker
    .call(() => broker.consumers.info(names.events, names.worker))
    .catch(orUndefined(CONSUMER_NOT_FOUND))
    .catch(orUndefined(STREAM_NOT_FOUND))
  return info !== undefined
}

const STREAM_NOT_FOUND = 10_059

const CONSUMER_NOT_FOUND = 10_014

const orUndefined = (code: number) => (cause: unknown) => {
  if (cause instanceof JetStreamApiError && cause.code === code) return undefined
  throw cause
}

/** All workers share it. Made anew, it delivers all that waits from the start. */
const ensureConsumer = async (broker: Broker, names: Names, settings: Partial<ConsumerConfig>): Promise<boolean> => {
  const existing = await broker.consumers.info(names.events, names.worker).catch(orUndefined(CONSUMER_NOT_FOUND))
  if (existing !== undefined) await broker.consumers.update(names.events, names.worker, settings)
  else {
    await broker.consumers.add(names.events, {
      ...settings,
      durable_name: names.worker,
      ack_policy: AckPolicy.Explicit
    })
  }
  return existing === undefined
}

const ensure = async (broker: Broker, made: Array<string>, wanted: Wanted): Promise<void> => {
  const existing = await broker.streams.info(wanted.name).catch(orUndefined(STREAM_NOT_FOUND))
  const info =
    existing === undefined ? await broker.streams.add(wanted) : await broker.streams.update(wanted.name, wanted)
  check(info, wanted)
  if (existing === undefined) made.push(`stream ${wanted.name}`)
}

/** A server drops what it does not know without a word, so only what it echoes is believed. */
const check = (info: StreamInfo, wanted: Wanted): void => {
  for (const key of ["storage", "retention", "discard", "max_bytes", "num_replicas", "duplicate_window"] as const) {
    if (wanted[key] !== undefined && info.config[key] !== wanted[key]) {
      const has = JSON.stringify(info.config[key])
      throw new StreamRefused(`stream ${wanted.name}: ${key} is ${has}, not ${JSON.stringify(wanted[key])}`)
    }
  }
}
