import type { Identity } from "./makeClient.ts"
import type { ClientProblem, Options, Stats } from "./types.ts"

/** An event as it will travel, when it was tracked (Unix milliseconds), and the bytes of its JSON. */
export type Entry = readonly [json: string, at: number, bytes: number]

type Ids = ReadonlyArray<string>

/** What differs between a browser and Node. Names with an underscore are shortened by the build. */
export interface Platform {
  /** `urgent`: the page or process may end before the answer. */
  readonly _post: (body: string, urgent: boolean, timeoutMillis: number) => Promise<Response>
  readonly _put: (id: string, entry: Entry) => void
  readonly _remove: (ids: Ids) => void
}

export interface Sender {
  /** `stored`: it comes from storage, where another page or process left it. */
  readonly _add: (id: string, json: string, at: number, stored?: boolean) => void
  /** Drops an event that is in no queue; counted and reported like any other. */
  readonly _refuse: (id: string, code: string, message?: string) => void
  /** Resolves when all is sent or an attempt failed; never rejects. */
  readonly _flush: () => Promise<void>
  /** The last chance of a page or process: what is not under way yet goes at once, whatever we wait for. */
  readonly _urge: () => void
  /** The oldest events that are not under way, at most a batch of them. */
  readonly _take: () => Ids
  readonly _bodyOf: (ids: Ids) => string
  readonly _purge: () => void
  /** Events that were sent or dropped. */
  readonly _settled: () => number
  readonly _stats: () => Stats
}

interface Answer {
  readonly rejected?: ReadonlyArray<{ readonly index: number; readonly code: string; readonly message: string }>
  /** The server's sentence, where it refused the request. */
  readonly detail?: string
}

/** One event's limit on the server is 64 KiB of properties; its other fields fit in the rest. */
const MAX_EVENT_BYTES = 68_000
const MAX_PAUSE_MILLIS = 300_000
/** A longer `Retry-After` is a mistake, and beyond 2³¹ ms a timer would fire at once. */
const MAX_FLOOR_MILLIS = 3_600_000
/** Of a body, beside its events. */
const ENVELOPE_BYTES = 200

/**
 * The queue and its one batch under way: it holds every event until the server has given a verdict on it. A closure,
 * not a class, since its variables become single letters in the build, and the browser's part has 3 KB in all.
 */
export const makeSender = (
  {
    debug,
    flushMillis = 2_000,
    key,
    maxAgeMillis = 2_592_000_000,
    maxBatchBytes,
    maxBatchEvents = 500,
    maxQueueBytes,
    onError,
    retryMillis = 1_000,
    timeoutMillis = 10_000
  }: Options & Required<Pick<Options, "maxBatchBytes" | "maxQueueBytes">>,
  who: Identity,
  connect: (sender: Sender) => Platform
): Sender => {
  const queue = new Map<string, Entry>()
  const flying = new Set<string>()
  let queuedBytes = 0
  let sent = 0
  let dropped = 0
  /** Events in a batch; halved by a body that is refused whole. */
  let limit = maxBatchEvents
  let attempt = 0
  /** The server named a time: not even `flush` comes before it. */
  let held = false
  let timer: ReturnType<typeof setTimeout> | undefined
  let running: Promise<void> | undefined
  const said: Record<string, unknown> = {}

  const narrate = (...words: ReadonlyArray<unknown>) => debug && console.log("millrace:", ...words)

  /** Where nobody listens, the console is told, of each kind once: an event that is lost in silence is found too late. */
  const warn = ({ code, message, status }: ClientProblem) =>
    (said[code] ??= [console.warn("millrace:", code, message ?? status)])

  const add: Sender["_add"] = (id, json, at, stored) => {
    if (queue.has(id)) return
    const bytes = new TextEncoder().encode(json).length
    const full = queuedBytes + bytes > maxQueueBytes
    if (full && stored) return
    if (full || bytes > MAX_EVENT_BYTES) return refuse(id, full ? "queue_full" : "too_large")
    const entry: Entry = [json, at, bytes]
    queue.set(id, entry)
    queuedBytes += bytes
    narrate("queued", json)
    if (!stored) platform._put(id, entry)
    if (attempt || running) return
    if (queue.size >= limit || queuedBytes >= maxBatchBytes) void flush()
    else if (!timer) later(flushMillis)
  }

  const refuse: Sender["_refuse"] = (id, code, message) => {
    queue.set(id, ["", 0, 0])
    settle([id], code, 0, message)
  }

  const later = (millis: number) => {
    clearTimeout(timer)
    timer = setTimeout(() => {
      held = false
      void flush()
    }, millis)
    // In Node, waiting is no reason to keep the process.
    ;(timer as { unref?: () => void }).unref?.()
  }

  const flush = async () => {
    if (!held) await (running ??= run())
  }

  const run = async () => {
    clearTimeout(timer)
    timer = undefined
    // What is tracked in this turn joins the first batch.
    // oxlint-disable-next-line typescript/await-thenable -- a turn is all that is waited for
    await undefined
    let ids
    while ((ids = take()).length && (await send(ids, !attempt)));
    running = undefined
  }

  const take = () => {
    const ids: Array<string> = []
    let bytes = ENVELOPE_BYTES
    for (const [id, entry] of queue) {
      if (who.pending || flying.has(id)) continue
      bytes += entry[2] + 1
      if (ids.length && (bytes > maxBatchBytes || ids.length >= limit)) break
      ids.push(id)
    }
    return ids
  }

  const bodyOf = (ids: Ids) =>
    `${JSON.stringify({ key, sent_at: new Date() }).slice(0, -1)},"events":[${ids
      .map((id) => queue.get(id)![0])
      .join()}]}`

  /** False when the rest has to wait. */
  const send = async (ids: Ids, urgent: boolean) => {
    let status = 0
    let after: string | null | undefined
    let answer: Answer | undefined
    let sentence: string | undefined
    for (const id of ids) flying.add(id)
    try {
      const response = await platform._post(bodyOf(ids), urgent, timeoutMillis)
      status = response.status
      after = response.headers.get("retry-after")
      answer = await response.json()
      sentence = answer?.detail
    } catch (cause) {
      sentence = String(cause)
      // No answer, half of one, or a page that is not ours: the events' fate is unknown, and asking again is free.
    }
    for (const id of ids) flying.delete(id)
    narrate("sent", ids.length, status, answer ?? sentence)
    const whole = /400|413|422/.test(status as unknown as string)
    if (answer?.rejected && (status === 202 || whole)) {
      attempt = 0
      limit = Math.min(maxBatchEvents, limit * 2)
      for (const { code, index, message } of answer.rejected) settle([ids[index]!], code, status, message)
      settle(ids)
    } else if (whole) {
      // One event spoils the body, or there are too many: halving finds out which.
      limit = Math.ceil(ids.length / 2)
      if (!ids[1]) settle(ids, `http_${status}`, status, sentence)
    } else retry(ids, status, after, sentence)
    return !attempt
  }

  const retry = (ids: Ids, status: number, after: string | null | undefined, message: string | undefined) => {
    const now = Date.now()
    const pause = Math.random() * Math.min(MAX_PAUSE_MILLIS, retryMillis * 2 ** ++attempt)
    const floor = Math.min(MAX_FLOOR_MILLIS, Number(after) * 1_000 || Date.parse(after!) - now || 0)
    // Judged by age only now: whatever the clock says, an event has its attempt first.
    const old = ids.filter((id) => now - (queue.get(id)?.[1] ?? now) > maxAgeMillis)
    if (old.length) settle(old, "too_old", status)
    // The request was refused, not its events: they are kept, since a key, a route or a network can be repaired.
    if (!/408|429|5../.test(status as unknown as string)) {
      settle([], status ? `http_${status}` : "network", status, message)
    }
    held = floor > 0
    later(Math.max(floor, pause))
  }

  /** Takes events out of queue and storage: they were sent, or dropped where there is a `code`. */
  const settle = (ids: Ids, code?: string, status = 0, message?: string) => {
    const eventIds = ids.filter((id) => {
      // Gone already after a purge.
      queuedBytes -= queue.get(id)?.[2] ?? 0
      return queue.delete(id)
    })
    platform._remove(eventIds)
    if (!code) sent += eventIds.length
    else {
      dropped += eventIds.length
      try {
        ;(onError ?? warn)({ code, status, eventIds, message })
      } catch {
        // The application's handler must not cost events.
      }
    }
  }

  const sender: Sender = {
    _add: add,
    _refuse: refuse,
    _flush: flush,
    _urge: () => {
      const ids = take()
      if (ids.length) void send(ids, true)
    },
    _take: take,
    _bodyOf: bodyOf,
    _purge: () => settle([...queue.keys()], "purged"),
    _settled: () => sent + dropped,
    _stats: () => ({ queued: queue.size, sent, dropped })
  }
  const platform = connect(sender)
  return sender
}
