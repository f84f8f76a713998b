import type { PipelineLoop } from "@millrace/core"
import { Schema, SchemaTransformation } from "effect"

/** What a process can do; one process does any set of it that its adapters allow. */
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
