import type { AdapterChoice, QueueName, WarehouseName } from "./registry.ts"
import { type Role, ROLES } from "./roles.ts"
import { BadAdapterChoice } from "./failures.ts"

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
