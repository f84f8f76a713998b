import { readFileSync } from "node:fs"
import { EventQueueError, MessageTooLarge, PublishAmbiguous, QueueFull, QueueUnavailable } from "@millrace/core"
import {
  jetstream,
  JetStreamApiError,
  type JetStreamClient,
  type JetStreamManager,
  jetstreamManager,
  type JetStreamPublishOptions,
  type PubAck,
  type StoredMsg
} from "@nats-io/jetstream"
import {
  connect,
  credsAuthenticator,
  errors,
  type NatsConnection,
  nkeyAuthenticator,
  type NodeConnectionOptions
} from "@nats-io/transport-node"
import { Effect } from "effect"
import type { ResolvedOptions } from "./config.ts"

export type { StoredMsg, StreamInfo } from "@nats-io/jetstream"

/** No connection when the call was made: nothing was sent. */
export class NotConnected extends Error {
  override readonly name = "NotConnected"
}
/** The connection was lost before the answer came. */
export class ConnectionLost extends Error {
  override readonly name = "ConnectionLost"
}
/** Larger than the server carries. */
export class PayloadTooLarge extends Error {
  override readonly name = "PayloadTooLarge"
  readonly bytes: number
  readonly limitBytes: number
  constructor(bytes: number, limitBytes: number) {
    super(`${bytes} bytes, of at most ${limitBytes}`)
    this.bytes = bytes
    this.limitBytes = limitBytes
  }
}

/** Requests come faster than the server takes them: nothing was sent. */
export class PublisherFull extends Error {
  override readonly name = "PublisherFull"
}

/** The stream is not the one that was known: what was sent may be taken for something old. */
export class StreamChanged extends Error {
  override readonly name = "StreamChanged"
}

const PING_MILLIS = 2_000
const RECONNECT_WAIT_MILLIS = 200
/** Headers and subject count against the server's limit. */
const HEADER_ROOM_BYTES = 1_024

/** The connection: knows whether it is up, and fails what waits for an answer as soon as it is not. */
export class Broker {
  readonly connection: NatsConnection
  readonly streams: JetStreamManager["streams"]
  readonly consumers: JetStreamManager["consumers"]
  readonly #js: JetStreamClient
  readonly #waiting = new Set<(cause: Error) => void>()
  readonly #watchers = new Set<() => void>()
  #connected = true

  private constructor(connection: NatsConnection, manager: JetStreamManager) {
    this.connection = connection
    this.streams = manager.streams
    this.consumers = manager.consumers
    this.#js = jetstream(connection)
    void this.#watch()
  }

  static async connect(options: ResolvedOptions): Promise<Broker> {
    const connection = await connect(connectionOptions(options))
    try {
      return new Broker(connection, await jetstreamManager(connection, { timeout: options.connectTimeoutMillis }))
    } catch (cause) {
      await connection.close()
      throw cause
    }
  }

  get connected(): boolean {
    return this.#connected && !this.connection.isClosed()
  }

  get maxPayloadBytes(): number {
    return (this.connection.info?.max_payload ?? 1 << 20) - HEADER_ROOM_BYTES
  }

  /** Called on every change of `connected`; returns how to stop. */
  onChange(watcher: () => void): () => void {
    this.#watchers.add(watcher)
    return () => this.#watchers.delete(watcher)
  }

  async #watch(): Promise<void> {
    for await (const status of this.connection.status()) {
      if (status.type === "disconnect" || status.type === "close") this.#lost()
      if (status.type === "reconnect") this.#changed(true)
    }
    this.#lost()
  }

  #lost() {
    this.#changed(false)
    const waiting = [...this.#waiting]
    this.#waiting.clear()
    for (const fail of waiting) fail(new ConnectionLost("the connection to the server was lost"))
  }

  /** As a reconnect: whoever waits for the server asks anew. */
  stir(): void {
    this.#changed(this.#connected)
  }

  #changed(connected: boolean) {
    this.#connected = connected
    for (const watcher of this.#watchers) watcher()
  }

  /** Rejects at once without a connection, and as soon as it is lost: the driver would wait for its time-out. */
  call<A>(task: () => Promise<A>): Promise<A> {
    if (!this.connected) return Promise.reject(new NotConnected("no connection to the server"))
    return new Promise<A>((resolve, reject) => {
      this.#waiting.add(reject)
      const done = () => this.#waiting.delete(reject)
      task().then(
        (value) => {
          done()
          resolve(value)
        },
        (cause: unknown) => {
          done()
          reject(cause)
        }
      )
    })
  }

  publish(subject: string, data: Uint8Array, options: Partial<JetStreamPublishOptions>): Promise<PubAck> {
    if (data.length > this.maxPayloadBytes) {
      return Promise.reject(new PayloadTooLarge(data.length, this.maxPayloadBytes))
    }
    return this.call(() => this.#js.publish(subject, data, options)).catch((cause: unknown) => {
      // A limit that an operator set on the stream; the answer does not tell it.
      throw isTooLarge(cause) ? new PayloadTooLarge(data.length, data.length - 1) : cause
    })
  }

  /** The first message at or after `seq` whose subject matches; `null` when there is none. */
  next(stream: string, seq: number, next_by_subj: string): Promise<StoredMsg | null> {
    const query = { seq, next_by_subj }
    return this.call(() => this.streams.getMessage(stream, query))
  }

  attempt<A>(operation: EventQueueError["operation"], task: () => Promise<A>): Effect.Effect<A, EventQueueError> {
    return Effect.tryPromise({ try: () => this.call(task), catch: (cause) => queueError(operation, cause) })
  }
}

const connectionOptions = (options: ResolvedOptions): NodeConnectionOptions => ({
  servers: [...options.servers],
  name: options.name,
  timeout: options.connectTimeoutMillis,
  // For ever, and past refused credentials: what an operator repairs on the server needs no restart here.
  maxReconnectAttempts: -1,
  ignoreAuthErrorAbort: true,
  reconnectTimeWait: RECONNECT_WAIT_MILLIS,
  reconnectJitter: RECONNECT_WAIT_MILLIS,
  // A server that is stopped, not dead, is noticed by its silence.
  pingInterval: PING_MILLIS,
  maxPingOut: 2,
  noAsyncTraces: true,
  ...(options.tls === undefined ? {} : { tls: options.tls }),
  ...authentication(options.credentials)
})

const authentication = (credentials: ResolvedOptions["credentials"]): Partial<NodeConnectionOptions> => {
  if (credentials === undefined) return {}
  if ("user" in credentials) return { user: credentials.user, pass: credentials.password }
  if ("token" in credentials) return { token: credentials.token }
  if ("nkeySeed" in credentials) {
    return { authenticator: nkeyAuthenticator(new TextEncoder().encode(credentials.nkeySeed)) }
  }
  // Read again at every connect: the file may be renewed while we run.
  const { credentialsFile } = credentials
  return { authenticator: (nonce) => credsAuthenticator(readFileSync(credentialsFile))(nonce) }
}

const STREAM_STORE_FAILED = 10_077
/** Memory, storage, and resources of the server or the account. */
const OUT_OF_RESOURCES: ReadonlySet<number> = new Set([10_023, 10_028, 10_047])
const MESSAGE_EXCEEDS_MAXIMUM = 10_054
const WRONG_LAST_SEQUENCE = 10_071
/** Workers free a full stream soon; a full disk needs an operator. */
const RETRY_AFTER_SECONDS = { publisher: 1, stream: 2, resources: 30 } as const

/** Whether the server answered with one of these codes. */
export const isCode = (cause: unknown, ...codes: ReadonlyArray<number>): boolean =>
  cause instanceof JetStreamApiError && codes.includes(cause.code)

/** For `catch`: what the server answered with one of these codes is `undefined`. */
export const orUndefined =
  (...codes: ReadonlyArray<number>) =>
  (cause: unknown): undefined => {
    if (!isCode(cause, ...codes)) throw cause
  }

/** The subject holds a message already. */
export const isConflict = (cause: unknown): boolean => isCode(cause, WRONG_LAST_SEQUENCE)

const isTooLarge = (cause: unknown): boolean => isCode(cause, MESSAGE_EXCEEDS_MAXIMUM)

const STREAM_NOT_FOUND = 10_059
export const isGone = (cause: unknown): boolean => isCode(cause, STREAM_NOT_FOUND)

/** Nobody listens for what is published: the stream is gone, or the server has none. */
export const isUnheard = (cause: unknown): boolean => cause instanceof Error && cause.name === "JetStreamNotEnabled"

export const isTimeout = (cause: unknown): boolean => cause instanceof errors.TimeoutError

export const queueError = (operation: EventQueueError["operation"], cause: unknown): EventQueueError =>
  cause instanceof EventQueueError ? cause : new EventQueueError({ operation, reason: reasonOf(operation, cause) })

const reasonOf = (operation: EventQueueError["operation"], cause: unknown): EventQueueError["reason"] => {
  if (cause instanceof PayloadTooLarge) return new MessageTooLarge({ bytes: cause.bytes, limitBytes: cause.limitBytes })
  if (cause instanceof PublisherFull) return new QueueFull({ retryAfterSeconds: RETRY_AFTER_SECONDS.publisher })
  // What a server refuses while the streams are made, an operator has to read.
  if (operation === "open") return new QueueUnavailable({ cause })
  if (cause instanceof JetStreamApiError) return reasonOfAnswer(cause)
  const unanswered = isTimeout(cause) || cause instanceof ConnectionLost || cause instanceof StreamChanged
  if (operation === "publish" && unanswered) return new PublishAmbiguous({ cause })
  return new QueueUnavailable({ cause })
}

const reasonOfAnswer = (cause: JetStreamApiError): EventQueueError["reason"] => {
  if (cause.code === STREAM_STORE_FAILED && cause.message.includes("maximum")) {
    return new QueueFull({ retryAfterSeconds: RETRY_AFTER_SECONDS.stream })
  }
  if (OUT_OF_RESOURCES.has(cause.code)) return new QueueFull({ retryAfterSeconds: RETRY_AFTER_SECONDS.resources })
  return new QueueUnavailable({ cause })
}
