import { warehouseContract } from "@millrace/testing"
import { DuckDb } from "../src/index.ts"

warehouseContract("duckdb", { layer: () => DuckDb.layer({ path: ":memory:", threads: 2 }) })

// Each property gets its column at the first question, in the midst of the others.
warehouseContract("duckdb, hot properties", {
  layer: () => DuckDb.layer({ path: ":memory:", threads: 2, hotProperties: 2, hotAfterQuestions: 1 })
})
