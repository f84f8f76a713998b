import type { EventQueue, EventQueueError, EventStore, EventStoreError } from "@millrace/core"
import { Effect } from "effect"
import { queueError, storeError } from "./errors.ts"

const closed = () => new Error("the log is open for reading alone")
const noQueue = (operation: EventQueueError["operation"]) => () => Effect.fail(queueError(operation, closed()))
const noStore = (operation: EventStoreError["operation"]) => () => Effect.fail(storeError(operation, closed()))

/** What would be acknowledged here is on no disk. */
export const readableQueue = (queue: EventQueue["Service"]): EventQueue["Service"] => ({
  ...queue,
  publish: noQueue("publish"),
  take: noQueue("take"),
  deadLetter: noQueue("deadLetter"),
  deadLetters: { ...queue.deadLetters, replay: noQueue("deadLetters"), purge: noQueue("deadLetters") },
  erase: noQueue("erase")
})

export const readableStore = (store: EventStore["Service"]): EventStore["Service"] => ({
  ...store,
  append: noStore("append"),
  prune: noStore("prune"),
  erase: noStore("erase")
})
