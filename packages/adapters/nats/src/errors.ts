import { EventQueueError, MessageTooLarge, PublishAmbiguous, QueueFull, QueueUnavailable } from "@millrace/core"
import { JetStreamApiError } from "@nats-io/jetstream"
import { errors } from "@nats-io/transport-node"

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

/** The server keeps the queue in another way than asked for, and would break a promise. */
export class StreamRefused extends Error {
  override readonly name = "StreamRefused"
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

export const isTooLarge = (cause: unknown): boolean => isCode(cause, MESSAGE_EXCEEDS_MAXIMUM)

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
