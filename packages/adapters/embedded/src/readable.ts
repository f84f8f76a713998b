import {
  DeadLetters,
  EventQueue,
  type EventQueueError,
  EventStore,
  type EventStoreError,
  QueueErasure,
  StoreErasure
} from "@millrace/core"
import { Context, Effect } from "effect"
import { queueError, storeError } from "./errors.ts"
import type { EmbeddedQueue } from "./queue.ts"
import type { EmbeddedStore } from "./store.ts"

const closed = () => new Error("the log is open for reading alone")
const noQueue = (operation: EventQueueError["operation"]) => () => Effect.fail(queueError(operation, closed()))
const noStore = (operation: EventStoreError["operation"]) => () => Effect.fail(storeError(operation, closed()))

/** What would be acknowledged here is on no disk. */
export const readableQueue = (queue: Context.Context<EmbeddedQueue>): Context.Context<EmbeddedQueue> =>
  queue.pipe(
    Context.add(EventQueue, { ...Context.get(queue, EventQueue), publish: noQueue("publish"), take: noQueue("take") }),
    Context.add(DeadLetters, {
      ...Context.get(queue, DeadLetters),
      put: noQueue("deadLetter"),
      replay: noQueue("deadLetters"),
      purge: noQueue("deadLetters")
    }),
    Context.add(QueueErasure, { ...Context.get(queue, QueueErasure), erase: noQueue("erase") })
  )

export const readableStore = (store: Context.Context<EmbeddedStore>): Context.Context<EmbeddedStore> =>
  store.pipe(
    Context.add(EventStore, { ...Context.get(store, EventStore), append: noStore("append"), prune: noStore("prune") }),
    Context.add(StoreErasure, { erase: noStore("erase") })
  )
