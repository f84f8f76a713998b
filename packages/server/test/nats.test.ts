import { nats, postgres, type PostgresServer } from "@millrace/test-services"
import { describeWithService } from "@millrace/test-services/vitest"
import { afterAll, beforeAll, expect, it } from "vitest"
import { ABSENT, absentNats, absentPostgres, failedStart, overPostgres, profileLaws } from "./support/profileLaws.ts"

/** The broker sets aside what its streams may grow to; nothing is written for that. */
const FILE_STORE_BYTES = 2 ** 40

const broker = nats({ maxFileStoreBytes: FILE_STORE_BYTES })
const database = postgres()
const located = await database.locate()
// Without PostgreSQL its absence is what is told, and what fails under CI.
await (located._tag === "Missing"
  ? describeWithService("queue nats, store postgres", database, () => {})
  : describeWithService("queue nats, store postgres", broker, (server) => {
      let store: PostgresServer
      let names = 0
      beforeAll(async () => {
        store = await database.start()
      })
      afterAll(() => store.close())

      profileLaws(async () => ({
        ...(await overPostgres(store)),
        MILLRACE_QUEUE: "nats",
        MILLRACE_NATS_URL: server().url,
        MILLRACE_NATS_NAME: `law-${process.pid}-${names++}`
      }))
    }))

it("without a broker the server does not start", async () => {
  expect(await failedStart({ ...absentPostgres, ...absentNats })).toMatch(ABSENT)
})
