import type { PostgresServer } from "@millrace/test-services"
import { putAside, postgres, putServerAside, queryPostgres } from "@millrace/test-services"
import { describeWithService } from "@millrace/test-services/vitest"
import { DuckDb } from "@millrace/duckdb"
import { eraseUser, forgetWarehouse, Loops } from "@millrace/core"
import { Postgres } from "@millrace/postgres"
import { Effect, Layer } from "effect"
import { rmSync } from "node:fs"
import { join } from "node:path"
import { expect, it } from "vitest"
import { copyFolder, counted, fill, flush, live, problemOf, publish, reconciled } from "./support/belonging.ts"
import { newDirectory } from "./support/profileLaws.ts"

await describeWithService(
  "store and warehouse over PostgreSQL",
  postgres(),
  (server: () => PostgresServer, { owned }) => {
    /** What these laws load was accepted long ago. */
    const world = async (retainDays = 36_500) => {
      const url = await server().createDatabase()
      const open = (folder: string) =>
        Layer.merge(
          Postgres.direct({ url, retainDays }),
          DuckDb.layer({ path: join(folder, "warehouse.duckdb"), threads: 1 })
        )
      return { url, open, folder: newDirectory() }
    }

    it("a database that went back is refused for good, however many transactions follow; reloaded, nothing is lost or doubled", async () => {
      const { folder, open, url } = await world()
      await live(open(folder), fill(1, 100))
      const goBack = await putAside(url)
      await live(open(folder), fill(101, 100))
      await goBack()
      expect(await problemOf(live(open(folder), flush))).toBe("store_went_back")
      // Other processes go on accepting, so its transactions come past where the warehouse is.
      const door = Effect.forEach([201, 301], (from) => publish(from, 100), { discard: true })
      await Effect.runPromise(Effect.provide(door, Postgres.direct({ url })))
      expect(await problemOf(live(open(folder), flush))).toBe("store_went_back")
      expect(await problemOf(reconciled(open(folder), { skip: true, takeOver: true }))).toBe("store_went_back")
      expect(await reconciled(open(folder), { reload: true })).toEqual({ resolved: ["store_went_back"] })
      const after = { accepted: 300, stored: 300, duplicates: 0, lost: 0, difference: 0, events: 400 }
      expect(await live(open(folder), counted)).toEqual(after)
      // Whoever sends what the database had lost adds nothing.
      expect(await live(open(folder), Effect.andThen(fill(101, 100), counted))).toMatchObject({
        difference: 0,
        events: 400
      })
    })

    it("a server that fails over to a replica that lagged behind loads nothing any more, and says so at once", async () => {
      const { folder, open, url } = await world()
      await live(open(folder), fill(1, 100))
      const failOver = await putAside(url)
      const troubles = await live(
        open(folder),
        Effect.gen(function* () {
          yield* fill(101, 100)
          yield* Effect.promise(failOver)
          // Its first statement may find a broken connection.
          while ((yield* Effect.exit(publish(201, 100)))._tag === "Failure");
          let seen = (yield* Loops).status(Date.now()).filter(({ trouble }) => trouble !== undefined)
          while (seen.length === 0) {
            yield* Effect.sleep(5)
            seen = (yield* Loops).status(Date.now()).filter(({ trouble }) => trouble !== undefined)
          }
          return seen.map(({ essential, name, trouble }) => [name, essential, String(trouble?.error)])
        })
      )
      expect(troubles).toEqual([["load", true, expect.stringContaining("StoreMismatch: the store is older")]])
      await reconciled(open(folder), { reload: true })
      expect(await live(open(folder), counted)).toMatchObject({
        accepted: 200,
        stored: 200,
        difference: 0,
        events: 300
      })
    })

    it("a second warehouse is refused, and the first goes on; taken over, the first is refused and loses nothing", async () => {
      const { folder, open } = await world()
      const second = newDirectory()
      await live(
        open(folder),
        Effect.gen(function* () {
          yield* fill(1, 100)
          expect(yield* Effect.promise(() => problemOf(live(open(second), flush)))).toBe("other_warehouse")
          yield* fill(101, 100)
        })
      )
      expect(await reconciled(open(second), { takeOver: true })).toEqual({ resolved: ["other_warehouse"] })
      const all = { accepted: 200, stored: 200, duplicates: 0, lost: 0, difference: 0, events: 200 }
      expect(await live(open(second), counted)).toEqual(all)
      expect(await problemOf(live(open(folder), flush))).toBe("other_warehouse")
      expect(await reconciled(open(folder), { takeOver: true })).toEqual({ resolved: ["other_warehouse"] })
      expect(await live(open(folder), counted)).toEqual(all)
    })

    it("an erasure is complete once no other warehouse of the store may hold the user", async () => {
      const { folder, open } = await world()
      const second = newDirectory()
      await live(open(folder), fill(1, 20))
      await reconciled(open(second), { takeOver: true })
      const erased = Effect.andThen(flush, eraseUser({ project_id: "default", user_id: "user-1" }))
      const { complete, otherWarehouses } = await live(open(second), erased)
      expect([complete, otherWarehouses.length]).toEqual([false, 1])
      const forget = forgetWarehouse(otherWarehouses[0]!)
      expect(await Effect.runPromise(Effect.provide(forget, open(second)))).toBe(true)
      expect(await live(open(second), erased)).toMatchObject({ complete: true, otherWarehouses: [] })
    })

    it("of a folder and its copy the one that was started last goes on", async () => {
      const { folder, open } = await world()
      const copy = newDirectory()
      await live(open(folder), fill(1, 10))
      copyFolder(folder, copy)
      const first = live(
        open(folder),
        Effect.gen(function* () {
          yield* fill(11, 10)
          yield* Effect.promise(() => live(open(copy), fill(21, 10)))
          yield* fill(31, 10)
        })
      )
      expect(await problemOf(first)).toBe("taken_over")
      expect(await live(open(copy), counted)).toMatchObject({ accepted: 40, stored: 40, difference: 0, events: 40 })
    })

    it("a new warehouse over a database that has freed events is refused; taken over and skipped, the ledger says what is in neither", async () => {
      const { folder, open } = await world(0)
      await live(open(folder), Effect.andThen(fill(1, 100), fill(101, 100)))
      rmSync(folder, { recursive: true })
      expect(await problemOf(live(open(folder), flush))).toBe("other_warehouse")
      expect(await problemOf(reconciled(open(folder), { takeOver: true }))).toBe("gap")
      expect(await reconciled(open(folder), { skip: true, takeOver: true })).toEqual({
        resolved: ["other_warehouse", "gap"]
      })
      const after = await live(open(folder), Effect.andThen(fill(201, 100), counted))
      expect(after).toMatchObject({ accepted: 300, lost: 300 - after.events, difference: 0 })
      expect(after.lost).toBeGreaterThan(0)
    })

    it("another database that has freed events is refused until they are given up by name", async () => {
      const [mine, other] = [await world(), await world(0)]
      await live(mine.open(mine.folder), fill(1, 10))
      await live(other.open(other.folder), Effect.andThen(fill(101, 100), fill(201, 100)))
      const beside = other.open(mine.folder)
      expect(await problemOf(live(beside, flush))).toBe("other_store")
      expect(await problemOf(reconciled(beside, { reload: true, takeOver: true }))).toBe("gap")
      // Nothing was changed: each goes on with its own.
      expect(await live(mine.open(mine.folder), counted)).toMatchObject({ accepted: 10, stored: 10, difference: 0 })
      expect(await live(other.open(other.folder), counted)).toMatchObject({ accepted: 200, stored: 200, difference: 0 })
      expect(await reconciled(beside, { reload: true, takeOver: true, skip: true })).toEqual({
        resolved: ["other_store", "other_warehouse", "gap"]
      })
      const after = await live(beside, Effect.andThen(fill(301, 100), counted))
      expect(after).toMatchObject({ accepted: 300, lost: 310 - after.events, difference: 0 })
      expect(after.lost).toBeGreaterThan(0)
    })

    it.skipIf(!owned)(
      "a server put back file by file, its transactions numbered anew, is refused at the start and while it runs",
      async () => {
        const { folder, open, url } = await world()
        const numberOf = async () => (await queryPostgres(url, "SELECT pg_current_xact_id()::text AS n"))[0]!["n"]
        await live(open(folder), fill(1, 100))
        const restore = await putServerAside(server())
        const running = live(
          open(folder),
          Effect.gen(function* () {
            yield* fill(101, 100)
            const before = Number(yield* Effect.promise(numberOf))
            yield* Effect.promise(restore)
            expect(Number(yield* Effect.promise(numberOf))).toBeLessThan(before)
            // Until its transactions have come past all that was ever loaded.
            while (Number(yield* Effect.promise(numberOf)) < before + 10);
            while ((yield* Effect.exit(publish(201, 100)))._tag === "Failure");
            yield* flush
          })
        )
        expect(await problemOf(running)).toBe("store_went_back")
        expect(await problemOf(live(open(folder), flush))).toBe("store_went_back")
        expect(await reconciled(open(folder), { reload: true })).toEqual({ resolved: ["store_went_back"] })
        const after = { accepted: 200, stored: 200, duplicates: 0, lost: 0, difference: 0, events: 300 }
        expect(await live(open(folder), counted)).toEqual(after)
      }
    )
  }
)
