import type { Filter } from "../../filter/index.ts"
import type { FunnelParams, FunnelRow } from "./model.ts"

/** What a step asks for, in a few words. In any order the steps have no place: the rows count how many were taken. */
export const stepName = ({ step }: Pick<FunnelRow, "step">, { order, steps }: Partial<FunnelParams>): string => {
  const filter = order === "any" ? undefined : steps?.[step - 1]
  return filter === undefined ? "" : nameOf(filter)
}

const nameOf = (filter: Filter | undefined): string => {
  if (filter === undefined) return ""
  if ("and" in filter) return `${nameOf(filter.and[0])} …`
  if ("or" in filter) return `${nameOf(filter.or[0])} or …`
  const { field, op, value } = filter
  return field === "event_type" && op === "=" ? String(value) : `${field} ${op} ${JSON.stringify(value)}`
}
