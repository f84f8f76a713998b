import { randomUUID } from "node:crypto"
import { afterAll, beforeAll, expect, it } from "vitest"
import { createMillrace, type Millrace } from "../src/index.ts"
import { event } from "./support/events.ts"
import { settled, startServer, type TestServer } from "./support/server.ts"

const NOBODY = ["undefined", "NULL", " null ", "NaN", "None", "[object Object]", '"undefined"', "   "]
const NIL = "00000000-0000-0000-0000-000000000000"
const MANY = ["guest", "anonymous", "0", "id", "true"]
const DAY = { from: "2026-01-31", to: "2026-01-31" }

let server: TestServer
let millrace: Millrace
beforeAll(async () => {
  server = await startServer()
  millrace = await createMillrace()
})
afterAll(async () => {
  await server.close()
  await millrace.close()
})

/** One visit of each, then an `$identify` that would make one user of all of them. */
const historyOf = (...ids: ReadonlyArray<string>) => [
  ...ids.map((user_id) => event({ user_id })),
  ...ids.map((anonymous_id) => event({ user_id: "ada", event_type: "$identify", properties: { anonymous_id } }))
]

const refusedIn = (body: { readonly rejected: ReadonlyArray<object> }) => body.rejected
const refusal = (index: number) =>
  expect.objectContaining({ index, path: "/user_id", code: "placeholder_id" }) as unknown

it("POST: events of nobody are refused by name and merged into nobody, the shared names stay users of their own", async () => {
  const ids = [...NOBODY, NIL, ...MANY]
  const events = historyOf(...ids)
  const wanted = [...NOBODY, NIL].map((_, index) => refusal(index))
  for (const body of [events, { events }]) {
    const answer = await server.post(body)
    expect([answer.status, refusedIn(answer.body)]).toEqual([202, wanted])
  }
  for (const [index, user_id] of [...NOBODY, NIL].entries()) {
    const alone = await server.post([event({ user_id })])
    expect([alone.status, refusedIn(alone.body)[0]]).toEqual([422, refusal(0)])
    expect(events[index]!["user_id"]).toBe(user_id)
  }
  await settled(server)
  const { body } = await server.get(`/stats/dau?from=${DAY.from}&to=${DAY.to}`)
  expect(body.rows[0].users).toBe(MANY.length)
  expect((await server.get("/users/ada/events")).body.split("\n")[0]).toContain('"merged":[]')
})

it("the library: the same", async () => {
  const history = historyOf(...NOBODY, ...MANY).map((one) => ({ ...one, event_id: randomUUID() }))
  const verdict = await millrace.ingest(history as never)
  expect(verdict.rejected).toEqual(NOBODY.map((_, index) => refusal(index)))
  await millrace.flush()
  expect((await millrace.query("dau", DAY)).rows[0]!.users).toBe(MANY.length)
})
