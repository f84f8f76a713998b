import { EventQueue, formatInstant, Warehouse } from "@millrace/core"
import type { Readiness } from "@millrace/core/wire"
import { Clock, Effect, Option } from "effect"
import { Gate } from "../http/Gate.ts"
import { respondJson } from "../http/Refusal.ts"

export const livez = () => Effect.succeed(respondJson({ status: "alive" }))

/** Ready: not closing, the queue answers, the warehouse answers. */
export const readyz = () => Effect.map(readiness, (body) => respondJson(body, {}, body.status === "ready" ? 200 : 503))

const readiness = Effect.gen(function* () {
  const { roles, state } = yield* Gate
  const queue = yield* EventQueue
  const depth = yield* Effect.option(queue.depth)
  const watermark = yield* Effect.option(Effect.flatMap(Warehouse, (warehouse) => warehouse.watermark))
  const now = yield* Clock.currentTimeMillis
  const as_of = Option.match(watermark, { onNone: () => 0, onSome: (mark) => mark.as_of })
  const ready = !state.closing && Option.isSome(depth) && Option.isSome(watermark)
  const body: Readiness = {
    status: ready ? "ready" : "not_ready",
    roles,
    queue: {
      writable: Option.isSome(depth),
      durability: queue.durability,
      events: Option.match(depth, { onNone: () => 0, onSome: ({ events }) => events })
    },
    warehouse: {
      reachable: Option.isSome(watermark),
      as_of: as_of === 0 ? null : formatInstant(as_of),
      age_seconds: as_of === 0 ? null : Math.max(0, (now - as_of / 1000) / 1000)
    }
  }
  return body
})
