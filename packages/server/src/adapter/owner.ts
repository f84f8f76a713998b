import { Warehouse } from "@millrace/core"
import { Effect, Layer } from "effect"
import { readFileSync, writeFileSync } from "node:fs"
import { hostname } from "node:os"
import { join } from "node:path"

const fileOf = (directory: string) => join(directory, "warehouse.owner")

/** Leaves a note for the process that finds the warehouse taken: the lock itself does not tell of another container. */
export const signOwner = (directory: string): Layer.Layer<never, never, Warehouse> =>
  Layer.effectDiscard(
    Effect.andThen(
      Warehouse,
      Effect.ignore(
        Effect.try(() => writeFileSync(fileOf(directory), `process ${process.pid} on host ${hostname()}\n`))
      )
    )
  )

export const ownerOf = (directory: string): string => {
  try {
    return readFileSync(fileOf(directory), "utf8").trim() || "another process"
  } catch {
    return "another process"
  }
}
