import { DuckDb } from "@millrace/duckdb"
import { Embedded } from "@millrace/embedded"
import { Effect, Layer } from "effect"
import { cpSync, readdirSync, rmSync } from "node:fs"
import { join } from "node:path"
import { describe, expect, it } from "vitest"
import { copyFolder, counted, fill, live, type Open, problemOf, publish, reconciled } from "./support/belonging.ts"
import { newDirectory } from "./support/profileLaws.ts"

const openWith =
  (segmentBytes: number): Open =>
  (folder) =>
    Layer.merge(
      Embedded.layer({ directory: join(folder, "log"), segmentBytes }),
      DuckDb.layer({ path: join(folder, "warehouse.duckdb"), threads: 1 })
    )
const open = openWith(4096)
/** With segments so large that nothing is pruned. */
const openWhole = openWith(1 << 20)

/** Of `part` of one folder into another one. */
const put = (part: "log" | "warehouse.duckdb", from: string, to: string) => {
  for (const name of readdirSync(to).filter((file) => file.startsWith(part))) {
    rmSync(join(to, name), { recursive: true })
  }
  cpSync(join(from, part), join(to, part), { recursive: true })
}

describe("log and warehouse", () => {
  it("a log that is older than its warehouse is refused, as often as one tries; reloaded, nothing is lost or doubled", async () => {
    const [folder, old] = [newDirectory(), newDirectory()]
    await live(open(folder), fill(1, 100))
    copyFolder(folder, old)
    await live(open(folder), fill(101, 100))
    put("log", old, folder)
    for (let time = 0; time < 2; time++) {
      expect(await problemOf(live(open(folder), publish(201, 100)))).toBe("store_went_back")
    }
    expect(await problemOf(reconciled(open(folder), { skip: true, takeOver: true }))).toBe("store_went_back")
    expect(await reconciled(open(folder), { reload: true })).toEqual({ resolved: ["store_went_back"] })
    // What only the lost part of the log had is in the warehouse, and comes once more from whoever never got an answer.
    expect(await live(open(folder), Effect.andThen(fill(201, 100), counted))).toEqual({
      accepted: 200,
      stored: 200,
      duplicates: 0,
      lost: 0,
      difference: 0,
      events: 300
    })
    expect(await live(open(folder), Effect.andThen(fill(101, 50), counted))).toMatchObject({
      difference: 0,
      events: 300
    })
    expect(await reconciled(open(folder), {})).toEqual({ resolved: [] })
  })

  it("a warehouse that ends before the log begins is refused; skipped, the ledger says for good what is in neither", async () => {
    const [folder, old] = [newDirectory(), newDirectory()]
    await live(open(folder), fill(1, 100))
    copyFolder(folder, old)
    await live(
      open(folder),
      Effect.forEach([101, 201, 301, 401], (from) => fill(from, 100), { discard: true })
    )
    put("warehouse.duckdb", old, folder)
    expect(await problemOf(live(open(folder), publish(501, 100)))).toBe("gap")
    expect(await problemOf(reconciled(open(folder), { reload: true }))).toBe("gap")
    expect(await reconciled(open(folder), { skip: true })).toEqual({ resolved: ["gap"] })
    const after = await live(open(folder), Effect.andThen(fill(501, 100), counted))
    const { events } = after
    expect(after).toEqual({ accepted: 600, stored: events, duplicates: 0, lost: 600 - events, difference: 0, events })
    expect(after.lost).toBeGreaterThan(0)
  })

  it("a new warehouse over a log that has pruned is refused; over one that has not, it is filled", async () => {
    const [pruned, whole] = [newDirectory(), newDirectory()]
    await live(open(pruned), Effect.andThen(fill(1, 200), fill(201, 200)))
    await live(open(whole), fill(1, 5))
    for (const folder of [pruned, whole]) {
      for (const name of readdirSync(folder)) if (name !== "log") rmSync(join(folder, name), { recursive: true })
    }
    expect(await problemOf(live(open(pruned), publish(401, 1)))).toBe("gap")
    expect(await live(open(whole), counted)).toMatchObject({ accepted: 5, stored: 5, difference: 0, events: 5 })
  })

  it("another log is refused, however long it is; reloaded, its events come to what is there", async () => {
    const [folder, other] = [newDirectory(), newDirectory()]
    await live(openWhole(folder), fill(1, 10))
    await live(openWhole(other), fill(101, 50))
    put("log", other, folder)
    expect(await problemOf(live(openWhole(folder), publish(201, 1)))).toBe("other_store")
    expect(await reconciled(openWhole(folder), { reload: true })).toEqual({ resolved: ["other_store"] })
    const after = { accepted: 50, stored: 50, duplicates: 0, lost: 0, difference: 0, events: 60 }
    expect(await live(openWhole(folder), counted)).toEqual(after)
  })

  it("another log that has pruned is a gap too, before anything is changed; reloaded and skipped, what it pruned is lost by name", async () => {
    const [folder, other, own] = [newDirectory(), newDirectory(), newDirectory()]
    await live(open(folder), fill(1, 10))
    copyFolder(folder, own)
    await live(
      open(other),
      Effect.forEach([101, 201, 301, 401], (from) => fill(from, 100), { discard: true })
    )
    put("log", other, folder)
    expect(await problemOf(live(open(folder), publish(501, 1)))).toBe("other_store")
    for (const choice of [{ reload: true }, { skip: true }, { reload: true, takeOver: true }]) {
      expect(await problemOf(reconciled(open(folder), choice))).toBe(choice.reload === true ? "gap" : "other_store")
    }
    // The right one in its place, all is as it was.
    put("log", own, folder)
    expect(await live(open(folder), counted)).toMatchObject({ accepted: 10, stored: 10, difference: 0, events: 10 })
    put("log", other, folder)
    expect(await reconciled(open(folder), { reload: true, skip: true })).toEqual({ resolved: ["other_store", "gap"] })
    const after = await live(open(folder), Effect.andThen(fill(501, 100), counted))
    expect(after).toMatchObject({ accepted: 500, stored: 500 - after.lost, difference: 0, events: 510 - after.lost })
    expect(after.lost).toBeGreaterThan(0)
  })

  it("a warehouse that is merely behind goes on from where it is", async () => {
    const [folder, old] = [newDirectory(), newDirectory()]
    await live(open(folder), fill(1, 5))
    copyFolder(folder, old)
    await live(open(folder), fill(6, 5))
    put("warehouse.duckdb", old, folder)
    const after = { accepted: 10, stored: 10, duplicates: 0, lost: 0, difference: 0, events: 10 }
    expect(await live(open(folder), counted)).toEqual(after)
  })
})
