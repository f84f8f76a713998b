import { warehouseContract } from "@millrace/core/testing"
import { DuckDb } from "../src/index.ts"

warehouseContract("duckdb", { layer: () => DuckDb.layer({ path: ":memory:", threads: 2 }) })
