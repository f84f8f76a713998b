import { claimStore, EventStore, EventStoreError, type PipelineLoop, Warehouse } from "@millrace/core"
import { Effect, Layer, Schema, SchemaTransformation } from "effect"
import { BadAdapterChoice } from "./failures.ts"
import type { AdapterChoice, QueueName, WarehouseName } from "./registry.ts"

/** Roles of a process; one process has any set of them that its adapters allow. */
export const ROLES = ["ingest", "worker", "etl", "stats"] as const
export type Role = (typeof ROLES)[number]

const Names = Schema.NonEmptyArray(Schema.Literals(ROLES)).check(Schema.isUnique())

/** `ingest,worker,…`: at least one, none twice. */
export const RolesText = Schema.String.pipe(
  Schema.decodeTo(
    Names,
    SchemaTransformation.transform<typeof Names.Encoded, string>({
      decode: (text) => text.split(",").map((name) => name.trim()) as unknown as typeof Names.Encoded,
      encode: (names) => names.join(",")
    })
  )
)

/** The background work of these roles. */
export const loopsOf = (roles: ReadonlyArray<Role>): ReadonlyArray<PipelineLoop> => [
  ...(roles.includes("worker") ? (["drain"] as const) : []),
  ...(roles.includes("etl") ? (["load"] as const) : [])
]

/** Queues that any number of processes may use at once; of the others one process is the queue. */
const SHARED_QUEUES: ReadonlySet<QueueName> = new Set(["nats", "none"])
/** As above: the process that loads such a warehouse need not be the one that answers from it. */
export const SHARED_WAREHOUSES: ReadonlySet<WarehouseName> = new Set(["postgres"])

/** The roles of a process; all that the adapters have work for, when none are chosen. */
export const rolesOf = ({ queue, roles }: Pick<AdapterChoice, "roles" | "queue">): ReadonlyArray<Role> =>
  roles ?? (queue === "none" ? ROLES.filter((role) => role !== "worker") : ROLES)

/** Roles that would leave work undone which no other process can do; `undefined` when there are none. */
export const refuseRoles = (choice: Pick<AdapterChoice, "roles" | "queue" | "warehouse">) => {
  const roles = rolesOf(choice)
  const missing = ROLES.filter((role) => !roles.includes(role))
  if (choice.queue === "none" && roles.includes("worker")) {
    return bad("worker: with MILLRACE_QUEUE=none there is no queue to work on; leave it out")
  }
  const names = (some: ReadonlyArray<Role>) => some.join(", ")
  if (!SHARED_QUEUES.has(choice.queue) && missing.length > 0) {
    return bad(
      `${names(roles)} without ${names(missing)}: with MILLRACE_QUEUE=${choice.queue} one process is the queue and does ` +
        `everything; leave the setting out, or share a queue between processes with MILLRACE_QUEUE=nats`
    )
  }
  if (!SHARED_WAREHOUSES.has(choice.warehouse) && roles.includes("etl") !== roles.includes("stats")) {
    const [has, lacks] = roles.includes("etl") ? ["etl", "stats"] : ["stats", "etl"]
    return bad(
      `${has} without ${lacks}: with MILLRACE_WAREHOUSE=${choice.warehouse} one process owns the warehouse, so that both ` +
        `belong to the same one`
    )
  }
  return undefined
}

const bad = (rule: string) => new BadAdapterChoice({ setting: "MILLRACE_ROLES", rule })

/**
 * A warehouse knows how far it was loaded by a cursor of the store that filled it. Over another store, or an older state of
 * the same one, nothing would ever be loaded again, in silence; so the server does not start. A store that is away for the
 * moment is no reason: the loader asks again.
 */
export const checkStore: Layer.Layer<never, BadAdapterChoice | EventStoreError, EventStore | Warehouse> =
  Layer.effectDiscard(
    Effect.gen(function* () {
      const { cursor } = yield* (yield* Warehouse).watermark
      yield* (yield* EventStore).replay({ after: cursor, limit: 1 })
      yield* claimStore({ takeOver: false })
    }).pipe(
      Effect.catch((error) => {
        if (!(error instanceof EventStoreError) || error.retryable) return Effect.void
        return Effect.fail(error.reason._tag === "StoreMismatch" ? error : otherStore)
      })
    )
  )

const otherStore = new BadAdapterChoice({
  setting: "MILLRACE_STORE",
  rule: "is not the store that filled this warehouse: choose that one again, or start with another data folder"
})
