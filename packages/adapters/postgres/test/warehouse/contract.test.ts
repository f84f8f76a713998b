import { warehouseContract } from "@millrace/testing"
import { postgres } from "@millrace/test-services"
import { describeWithService } from "@millrace/test-services/vitest"
import { Effect, Layer } from "effect"
import pg from "pg"
import { Postgres } from "../../src/index.ts"

/** One database for all laws, emptied for each: a server with as many databases takes a minute to stop. */
const emptied = async (url: string) => {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  await client.query("DROP SCHEMA IF EXISTS millrace_warehouse CASCADE")
  await client.end()
}

await describeWithService("Warehouse on PostgreSQL", postgres(), (server) => {
  let database: Promise<string> | undefined
  const empty = Effect.promise(async () => {
    const url = await (database ??= server().createDatabase())
    await emptied(url)
    return url
  })
  warehouseContract("PostgreSQL", {
    layer: () => Layer.unwrap(Effect.map(empty, (url) => Postgres.warehouse({ url })))
  })
})
