import type { Delivery, EventQueueError, TakeOptions } from "@millrace/core"
import { type Handout, take as takeFrom } from "@millrace/core/account"
import { Effect, type Scope } from "effect"
import type { Inbox, Message } from "./Inbox.ts"
import type { QueueLog } from "./QueueLog.ts"
import { NotConnected, queueError } from "./errors.ts"

const ANSWER_MILLIS = 5_000

export const take = (
  log: QueueLog,
  inbox: Inbox,
  options: TakeOptions
): Effect.Effect<Delivery, EventQueueError, Scope.Scope> =>
  Effect.acquireUseRelease(
    Effect.sync(() => inbox.takers++),
    () => takeFrom({ queue: log, handout: handoutOf(log, inbox), limits: log.options }, options),
    () => Effect.sync(() => inbox.takers--)
  )

export const handoutOf = (log: QueueLog, inbox: Inbox): Handout<Message> => ({
  next: Effect.fnUntraced(function* (limit, restore) {
    const { maxMessages } = log.options
    while (true) {
      if (!log.broker.connected) return yield* Effect.fail(queueError("take", new NotConnected("the server is down")))
      const trouble = inbox.takeTrouble()
      if (trouble !== undefined) {
        yield* Effect.tryPromise({ try: () => log.mending.mend(), catch: (cause) => queueError("take", cause) })
        return yield* Effect.fail(queueError("take", new Error(trouble)))
      }
      const taken = inbox.take(limit, maxMessages)
      if (taken !== undefined) return taken
      inbox.pull(limit, maxMessages)
      const seen = inbox.changes
      const changed = Effect.callback<true>((resume) => {
        const off = inbox.onChange(seen, () => resume(Effect.succeed(true)))
        return Effect.sync(off)
      })
      const change = yield* restore(Effect.timeoutOption(changed, inbox.patienceMillis))
      if (change._tag === "None") inbox.giveUp()
    }
  }),
  putBack: (messages) => inbox.putBack(messages),
  acknowledge: (messages) => inbox.acknowledge(messages, ANSWER_MILLIS),
  giveBack: (message, delayMillis) => inbox.giveBack(message, delayMillis),
  terminate: (message) => inbox.terminate(message),
  letGo: (messages) => inbox.letGo(messages)
})
