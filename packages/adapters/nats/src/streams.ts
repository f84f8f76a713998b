import { DiscardPolicy, RetentionPolicy, StorageType, type StreamConfig, type StreamInfo } from "@nats-io/jetstream"
import type { Broker } from "./client.ts"
import type { ResolvedOptions } from "./config.ts"
import type { Names } from "./subjects.ts"
import { orUndefined, StreamRefused } from "./errors.ts"

const NANOS_PER_MILLI = 1_000_000
/** How long the server recognises a publish that was sent again; identity beyond it is the store's. */
const DUPLICATE_WINDOW_MILLIS = 120_000
/** The ledger is cut by checkpoints; this much never accumulates while anything works. */
const LEDGER_BYTES = 64 << 20
const MAX_ADVISORIES = 100_000

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
  return made
}

const STREAM_NOT_FOUND = 10_059
const NAME_IN_USE = 10_058

const ensure = async (broker: Broker, made: Array<string>, wanted: Wanted): Promise<void> => {
  const existing = await broker.streams.info(wanted.name).catch(orUndefined(STREAM_NOT_FOUND))
  const described = { ...wanted, description: existing?.config.description || idFor(existing) }
  const info =
    existing === undefined
      ? await broker.streams.add(described).catch(orUndefined(NAME_IN_USE))
      : await broker.streams.update(wanted.name, described)
  // Made by another process meanwhile, under another id.
  if (info === undefined) return ensure(broker, made, wanted)
  check(info, wanted)
  if (existing === undefined) made.push(`stream ${wanted.name}`)
}

const ID = /^millrace \S+$/u

/** Of one that an earlier version made: the same for all that look, where it has none yet. */
const idFor = (existing: StreamInfo | undefined): string => `millrace ${existing?.created ?? crypto.randomUUID()}`

/**
 * What tells a stream from another of its name, and stays with it in a copy; undefined where somebody else described it. The
 * time of its making does not: a server of 2.10 tells another one after its second start.
 */
export const idOf = ({ config }: StreamInfo): string | undefined =>
  config.description !== undefined && ID.test(config.description) ? config.description : undefined

/** A server drops what it does not know without a word, so only what it echoes is believed. */
const check = (info: StreamInfo, wanted: Wanted): void => {
  for (const key of ["storage", "retention", "discard", "max_bytes", "num_replicas", "duplicate_window"] as const) {
    if (wanted[key] !== undefined && info.config[key] !== wanted[key]) {
      const has = JSON.stringify(info.config[key])
      throw new StreamRefused(`stream ${wanted.name}: ${key} is ${has}, not ${JSON.stringify(wanted[key])}`)
    }
  }
}
