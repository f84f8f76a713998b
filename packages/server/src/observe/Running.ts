import { type Durability, EventQueue, EventQueueError, QueueFailure } from "@millrace/core"
import { Context, Effect, Layer, Option } from "effect"

/** What whoever runs a server as a process wants to know of it. */
export class Running extends Context.Service<
  Running,
  {
    readonly durability: Durability
    /** Fails once the server can only go on by being started anew. */
    readonly fatal: Effect.Effect<never, EventQueueError>
  }
>()("@millrace/server/Running") {
  static readonly layer: Layer.Layer<Running, never, EventQueue> = Layer.effect(
    Running,
    Effect.gen(function* () {
      const { durability } = yield* EventQueue
      const failure = yield* Effect.serviceOption(QueueFailure)
      const broken = Option.isSome(failure) ? failure.value.broken : Effect.never
      return {
        durability,
        fatal: Effect.flatMap(broken, (reason) => Effect.fail(new EventQueueError({ operation: "publish", reason })))
      }
    })
  )
}
