import { EventQueue, EventStore, formatInstant, Warehouse } from "@millrace/core"
import type { Readiness } from "@millrace/core/wire"
import { Clock, Effect, Option } from "effect"
import { Gate } from "../http/Gate.ts"
import { respondJson } from "../http/Refusal.ts"
import type { Role } from "../roles.ts"

export const livez = () => Effect.succeed(respondJson({ status: "alive" }))

/** The port is listened on only once the adapters are open. */
export const startupz = () => Effect.succeed(respondJson({ status: "started" }))

/** Ready: not closing, and what the roles cannot do without answers. */
export const readyz = () => Effect.map(readiness, (body) => respondJson(body, {}, body.status === "ready" ? 200 : 503))

/** A part that does not answer within this is not there. */
const PART_WITHIN_MILLIS = 2_000

const readiness = Effect.gen(function* () {
  const { roles, state } = yield* Gate
  const parts = yield* Effect.all(
    { queue: readQueue, store: readStore(roles), warehouse: readWarehouse(roles) },
    { concurrency: "unbounded" }
  )
  const ready = !state.closing && isReady(roles, parts)
  const body: Readiness = { status: ready ? "ready" : "not_ready", roles, ...parts }
  return body
})

type Parts = Pick<Readiness, "queue" | "store" | "warehouse">

/**
 * What requests need decides, wherever requests come: with the hot store down events are still accepted, and the
 * warehouse still answers. A process of background work alone is ready when it can go on with it.
 */
const isReady = (roles: ReadonlyArray<Role>, { queue, store, warehouse }: Parts): boolean => {
  const has = (role: Role) => roles.includes(role)
  const answers = (!has("ingest") || queue.writable) && warehouse?.reachable !== false
  return has("ingest") || has("stats") ? answers : answers && queue.writable && store?.reachable !== false
}

const within = <A, E, R>(part: Effect.Effect<A, E, R>) =>
  Effect.option(part).pipe(Effect.timeoutOption(PART_WITHIN_MILLIS), Effect.map(Option.flatten))

const readQueue = Effect.gen(function* () {
  const queue = yield* EventQueue
  const depth = yield* within(queue.depth)
  return {
    writable: Option.isSome(depth),
    durability: queue.durability,
    events: Option.match(depth, { onNone: () => 0, onSome: ({ events }) => events })
  }
})

const readStore = Effect.fnUntraced(function* (roles: ReadonlyArray<Role>) {
  if (roles.every((role) => role === "ingest")) return undefined
  // Nothing to append: a round trip, and that is what is asked.
  return { reachable: Option.isSome(yield* within((yield* EventStore).append([]))) }
})

const readWarehouse = Effect.fnUntraced(function* (roles: ReadonlyArray<Role>) {
  if (!roles.includes("etl") && !roles.includes("stats")) return undefined
  const watermark = yield* within((yield* Warehouse).watermark)
  const now = yield* Clock.currentTimeMillis
  const as_of = Option.match(watermark, { onNone: () => 0, onSome: (mark) => mark.as_of })
  return {
    reachable: Option.isSome(watermark),
    as_of: as_of === 0 ? null : formatInstant(as_of),
    age_seconds: as_of === 0 ? null : Math.max(0, (now - as_of / 1000) / 1000)
  }
})
