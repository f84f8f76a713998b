import { postgres } from "@millrace/test-services"
import { describeWithService } from "@millrace/test-services/vitest"
import { expect, it } from "vitest"
import { startProcess } from "./support/child.ts"
import { event } from "./support/events.ts"
import {
  ABSENT,
  absentPostgres,
  failedStart,
  newDirectory,
  overPostgres,
  post,
  profileLaws,
  settledLedger,
  topEvents
} from "./support/profileLaws.ts"
import { refusalLaws } from "./support/refusalLaws.ts"
import { problemOf, reply } from "./support/server.ts"

await describeWithService("queue embedded, store postgres", postgres(), (database, { owned }) => {
  profileLaws(() => overPostgres(database()))
  refusalLaws(() => overPostgres(database()))

  it("over a warehouse that another store filled the server does not start, and nothing is lost by trying", async () => {
    const directory = newDirectory()
    const embedded = await startProcess(directory)
    expect((await post(embedded, [event()])).status).toBe(202)
    await embedded.end("SIGTERM")
    await expect(startProcess(directory, await overPostgres(database()))).rejects.toThrow(
      /ended with 1: millrace: MILLRACE_STORE is not the store that filled this warehouse/u
    )
    const again = await startProcess(directory)
    expect(await settledLedger(again)).toMatchObject({ accepted: 1, stored: 1, difference: 0 })
    await again.end("SIGTERM")
  })

  it.skipIf(!owned)("PostgreSQL down: ingestion goes on, answers are served, the backlog drains after", async () => {
    const server = await startProcess(newDirectory(), await overPostgres(database()))
    expect((await post(server, [event()])).status).toBe(202)
    await settledLedger(server)
    await database().kill()
    expect((await post(server, [event(), event()])).body).toEqual({ accepted: 2, rejected: [] })
    expect(await topEvents(server)).toEqual([{ event_type: "visit", events: 1, users: 1 }])
    const ledger = async () => reply(await fetch(`${server.url}/ledger`))
    expect(problemOf(await ledger())).toEqual([503, "warehouse_unavailable"])
    await database().start()
    while ((await ledger()).status !== 200) await new Promise((resolve) => setTimeout(resolve, 100))
    expect(await settledLedger(server)).toMatchObject({ accepted: 3, stored: 3, difference: 0 })
    expect(await server.end("SIGTERM")).toEqual({ code: 0, signal: null })
  })
})

it("without a database the server does not start", async () => {
  expect(await failedStart(absentPostgres)).toMatch(ABSENT)
})
