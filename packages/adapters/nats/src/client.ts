import { readFileSync } from "node:fs"
import type { EventQueueError } from "@millrace/core"
import {
  jetstream,
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
  type NatsConnection,
  nkeyAuthenticator,
  type NodeConnectionOptions
} from "@nats-io/transport-node"
import { Effect } from "effect"
import type { ResolvedOptions } from "./config.ts"
import { ConnectionLost, isTooLarge, NotConnected, PayloadTooLarge, queueError } from "./errors.ts"

export type { StoredMsg, StreamInfo } from "@nats-io/jetstream"

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
