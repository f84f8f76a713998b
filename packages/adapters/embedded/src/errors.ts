import {
  EventQueueError,
  EventStoreError,
  MessageTooLarge,
  PublishAmbiguous,
  QueueBroken,
  QueueDamaged,
  QueueFull,
  QueueUnavailable,
  StoreRejected,
  StoreUnavailable
} from "@millrace/core"
import { AppendTooLarge, CorruptLog, DiskFull, LogBroken, LogFull, WriteFailed } from "./log/errors.ts"

/** Pending writes are gone in milliseconds; a full log waits for a load and a prune. */
const RETRY_AFTER_SECONDS = { maxPendingBytes: 1, maxBytes: 30, disk: 5 } as const

export const queueError = (operation: EventQueueError["operation"], cause: unknown): EventQueueError =>
  new EventQueueError({ operation, reason: queueReason(cause) })

export const queueBroken = ({ cause, errno, file }: LogBroken): QueueBroken => new QueueBroken({ file, errno, cause })

const queueReason = (cause: unknown): EventQueueError["reason"] => {
  if (cause instanceof LogBroken) return queueBroken(cause)
  if (cause instanceof CorruptLog) {
    const { advice, file, offsetBytes, problem } = cause
    return new QueueDamaged({ file, offsetBytes, problem, advice })
  }
  if (cause instanceof LogFull) return new QueueFull({ retryAfterSeconds: RETRY_AFTER_SECONDS[cause.bound] })
  if (cause instanceof DiskFull) return new QueueFull({ retryAfterSeconds: RETRY_AFTER_SECONDS.disk })
  if (cause instanceof AppendTooLarge) return new MessageTooLarge({ bytes: cause.bytes, limitBytes: cause.limitBytes })
  if (cause instanceof WriteFailed) return new PublishAmbiguous({ cause: cause.cause })
  return new QueueUnavailable({ cause })
}

export const storeError = (operation: EventStoreError["operation"], cause: unknown): EventStoreError =>
  new EventStoreError({
    operation,
    reason: cause instanceof AppendTooLarge ? new StoreRejected({ cause }) : new StoreUnavailable({ cause })
  })
