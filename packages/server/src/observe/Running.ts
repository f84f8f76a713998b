import { type Durability, EventQueue, EventQueueError } from "@millrace/core"
import { Context, Effect, Layer } from "effect"

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
    Effect.map(EventQueue, ({ broken = Effect.never, durability }) => ({
      durability,
      fatal: Effect.flatMap(broken, (reason) => Effect.fail(new EventQueueError({ operation: "publish", reason })))
    }))
  )
}
