import {
  EventQueue,
  EventStore,
  formatInstant,
  Horizon,
  ledgers,
  type LoopStatus,
  type LoopTrouble,
  Loops,
  QueueLedger,
  Warehouse
} from "@millrace/core"
import type { Readiness } from "@millrace/core/wire"
import { Clock, Effect, Option } from "effect"
import { Admission } from "../http/Admission.ts"
import { respondJson } from "../http/Refusal.ts"
import { errorType } from "../observe/jsonLog.ts"
import type { Role } from "../adapters/roles.ts"

export const livez = () => Effect.succeed(respondJson({ status: "alive" }))

/** The port is listened on only once the adapters are open. */
export const startupz = () => Effect.succeed(respondJson({ status: "started" }))

/** Ready: not closing, and what the roles cannot do without answers. */
export const readyz = () => Effect.map(readiness, (body) => respondJson(body, {}, body.status === "ready" ? 200 : 503))

/** A part that does not answer within this is not there. */
const PART_WITHIN_MILLIS = 2_000

const readiness = Effect.gen(function* () {
  const { roles, state } = yield* Admission
  const parts = yield* Effect.all(
    { queue: readQueue, store: readStore(roles), warehouse: readWarehouse(roles), ledger: readLedger(roles) },
    { concurrency: "unbounded" }
  )
  const now = yield* Clock.currentTimeMillis
  const troubled = (yield* Loops).status(now).flatMap(inTrouble)
  const ready = !state.closing && isReady(roles, parts) && !stands(troubled, parts)
  const loops = troubled.map(({ name, trouble }) => ({
    name,
    trouble: trouble.kind,
    since: formatInstant(trouble.since * 1000),
    ...(trouble.error === undefined ? {} : { error: errorType(trouble.error) })
  }))
  const body: Readiness = {
    status: ready ? "ready" : "not_ready",
    roles,
    ...parts,
    ...(loops.length === 0 ? {} : { loops })
  }
  return body
})

type Troubled = LoopStatus & { readonly trouble: LoopTrouble }

const inTrouble = (loop: LoopStatus): ReadonlyArray<Troubled> =>
  loop.trouble === undefined ? [] : [{ ...loop, trouble: loop.trouble }]

/**
 * Whether work that this process is there for stands still. While a part is away that the work needs, it fails, and the
 * part alone decides: events are still accepted. But a defect, a run that does not end, or failures with every part there
 * are nothing that passes, and nobody else would tell.
 */
const stands = (loops: ReadonlyArray<Troubled>, { queue, store, warehouse }: Parts): boolean => {
  const isAway = !queue.writable || store?.reachable === false || warehouse?.reachable === false
  return loops.some(({ essential, trouble }) => essential && (trouble.kind !== "failing" || !isAway))
}

type Parts = Pick<Readiness, "queue" | "store" | "warehouse" | "ledger">

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
  Effect.asSome(part).pipe(
    // One that breaks does not answer either.
    Effect.catchCause(() => Effect.succeedNone),
    Effect.timeoutOption(PART_WITHIN_MILLIS),
    Effect.map(Option.flatten)
  )

const readQueue = Effect.gen(function* () {
  const queue = yield* EventQueue
  const { waiting, lost } = yield* Effect.all(
    { waiting: within(queue.waiting), lost: within((yield* QueueLedger).lost) },
    { concurrency: 2 }
  )
  return {
    writable: Option.isSome(waiting),
    durability: queue.durability,
    events: Option.match(waiting, { onNone: () => 0, onSome: ({ events }) => events }),
    lost: Option.getOrElse(lost, () => 0)
  }
})

const readStore = Effect.fnUntraced(function* (roles: ReadonlyArray<Role>) {
  if (roles.every((role) => role === "ingest")) return undefined
  // Nothing to append: a round trip, and that is what is asked.
  const { append } = yield* EventStore
  const horizon = yield* Effect.serviceOption(Horizon)
  const reachable = Option.isSome(yield* within(append([])))
  const age = Option.isNone(horizon) ? Option.none() : yield* within(horizon.value.ageSeconds)
  return { reachable, ...(Option.isNone(age) ? {} : { held_back_seconds: age.value }) }
})

/** What is lost makes nobody less ready: whoever looks here is to see it, not to be sent away. */
const readLedger = Effect.fnUntraced(function* (roles: ReadonlyArray<Role>) {
  if (!roles.includes("etl") && !roles.includes("stats")) return undefined
  return Option.getOrUndefined(yield* within(Effect.map(ledgers, ({ total }) => total)))
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
