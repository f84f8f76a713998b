export type Properties = Readonly<Record<string, unknown>>

/** Event types and their properties: a plain map, or the types of schemas that the server uses too. */
export type EventMap<Events> = { readonly [Type in keyof Events]: object }

/** Something was refused or dropped; `eventIds` are the events that it cost, none when they are kept for a retry. */
export interface ClientProblem {
  /** The server's code (`wrong_type`, `occurred_at_in_future`, …) or one of ours: `too_large`, `queue_full`, `too_old`, `corrupt`, `invalid`, `purged`, `network`, `undelivered`, `http_<status>`. */
  readonly code: string
  /** Of the answer; 0 when there was none. */
  readonly status: number
  readonly eventIds: ReadonlyArray<string>
  /** What is the matter, in the server's words where it gave any. */
  readonly message?: string | undefined
}

export interface Options {
  /**
   * Where the server is: `https://events.example.com`, with a path when it is mounted below one; in browsers a path alone
   * means the page's own server. Whatever else it is, `createClient` throws a `TypeError`.
   */
  readonly host: string
  /** A write key. It travels in the body, so that no browser asks for a preflight. */
  readonly key?: string | undefined
  /** How long an event waits for company. Default 2,000. */
  readonly flushMillis?: number
  /** Default 500. */
  readonly maxBatchEvents?: number
  /** Of a request's body. Default 58 KiB in browsers (what may outlive a page is 64 KiB), 512 KiB in Node. */
  readonly maxBatchBytes?: number
  /** All events that wait. When full, new ones are dropped and counted. Default 4 MiB in browsers, 64 MiB in Node. */
  readonly maxQueueBytes?: number
  /** Older events are dropped, but only after one more failed attempt. Default 30 days. */
  readonly maxAgeMillis?: number
  /** Of a request. Default 10,000. */
  readonly timeoutMillis?: number
  /** The n-th retry waits a random time up to `retryMillis × 2ⁿ` and 5 minutes, and at least `Retry-After`. Default 1,000. */
  readonly retryMillis?: number
  /** Whatever it throws is ignored. Without it each kind of problem is said once, by `console.warn`. */
  readonly onError?: (problem: ClientProblem) => void
  /** Tells the console what is queued and sent. Default false. */
  readonly debug?: boolean
}

export interface TrackOptions {
  /** Default: who was identified, else the anonymous id. */
  readonly userId?: string | number | undefined
  /** Your own identity of the event, a UUID: sending it again counts once. */
  readonly eventId?: string | undefined
  /** Default: now. */
  readonly occurredAt?: Date | number | undefined
}

export interface Stats {
  /** Waiting, with those under way. */
  readonly queued: number
  /** Accepted by the server. */
  readonly sent: number
  readonly dropped: number
}

type Rest<Props> = {} extends Props
  ? readonly [properties?: Props, options?: TrackOptions]
  : readonly [properties: Props, options?: TrackOptions]

/** What plugins need of a client, whatever its events. */
export interface AnyClient {
  track(type: `$${string}`, properties?: Properties, options?: TrackOptions): string
  page(name?: string, properties?: Properties): string
  register(properties: Properties): void
  /** False while consent is pending or refused, and with `persistence: "memory"`: plugins store nothing then either. */
  mayStore(): boolean
}

/** Every method works detached from the client, and none of them ever throws or rejects. */
export interface Client<Events extends EventMap<Events>> extends AnyClient {
  /** Returns the event's id; `""` after {@link optOut}. Types that begin with `$` are the SDK's own and the plugins'. */
  track(type: `$${string}`, properties?: Properties, options?: TrackOptions): string
  track<Type extends keyof Events & string>(type: Type, ...rest: Rest<Events[Type]>): string
  /** The anonymous id's events, earlier and later, become the user's. Another user than before: `reset` comes first. */
  identify(userId: string | number, traits?: Properties): void
  /** Makes another anonymous id's events the user's, too (by default: the current user's). */
  alias(anonymousId: string | number, userId?: string | number): void
  /** Forgets the user and the registered properties; a new anonymous id. What is queued stays as it is. */
  reset(): void
  /** Properties for every later event; getters are read for each event. An event's own properties win. */
  register(properties: Properties): void
  page(name?: string, properties?: Properties): string
  /** Sends what is queued. Resolves when everything was sent or an attempt failed; the rest is kept. */
  flush(): Promise<void>
  /** `flush`, then no timers or listeners any more. */
  shutdown(): Promise<void>
  /**
   * Drops what is queued, here and in storage, with the ids of user and browser, and ignores every later event, also after
   * a reload: that it may not is all that stays.
   */
  optOut(): void
  /** Takes back an `optOut`; where consent was pending, what was tracked so far is sent. */
  optIn(): void
  anonymousId(): string
  stats(): Stats
}
