import {
  WarehouseLedger,
  type StoreServices,
  type QueueServices,
  type WarehouseServices,
  EventQueue,
  Warehouse
} from "@millrace/core"
import { Effect, Layer } from "effect"
import { connect } from "node:net"
import { afterEach, describe, expect, it } from "vitest"
import { endlessQuestions } from "./support/endless.ts"
import { event } from "./support/events.ts"
import { openImpostor } from "./support/impostor.ts"
import { rawRequest } from "./support/raw.ts"
import { memory, problemOf, type Reply, startServer } from "./support/server.ts"

const closers: Array<() => Promise<void>> = []
afterEach(async () => {
  for (const close of closers.splice(0).toReversed()) await close()
})

const start = async (options: Parameters<typeof startServer>[0]) => {
  const lines: Array<Record<string, unknown>> = []
  const server = await startServer({ onLog: (line) => lines.push(JSON.parse(line)), ...options })
  closers.push(server.close)
  /** Waits for it: a line about a connection comes when that has ended. */
  const logged = async (wanted: (line: Record<string, unknown>) => boolean) => {
    while (!lines.some(wanted)) await new Promise((resolve) => setTimeout(resolve, 10))
    return lines.find(wanted)
  }
  /** A problem with a request id, of which the log has a line. */
  const told = async (answer: Reply) => {
    const request_id = answer.headers.get("x-request-id")
    expect(request_id).toMatch(/^[\da-f-]{36}$/u)
    await logged((line) => line["request_id"] === request_id)
    return problemOf(answer)
  }
  return { ...server, logged, told }
}

type Services = QueueServices | StoreServices | WarehouseServices

/** The memory adapters, with something of them that never ends. */
const hanging = <Service>(part: Layer.Layer<Service, never, Service>) =>
  Layer.provideMerge(part as Layer.Layer<never, never, Services>, memory)

const warehouse = (over: Partial<Warehouse["Service"]>) =>
  hanging(
    Layer.effect(
      Warehouse,
      Effect.map(Warehouse, (real) => Warehouse.of({ ...real, ...over }))
    )
  )

/** Hangs, whoever interrupts it, until the test has ended. */
const stuck = () => {
  let release = () => {}
  const ended = new Promise<void>((resolve) => (release = resolve))
  closers.push(() => Promise.resolve(release()))
  return Effect.uninterruptible(
    Effect.andThen(
      Effect.promise(() => ended),
      Effect.interrupt
    )
  )
}

const OVERDUE = { answerWithinMillis: 200, connectionsCheckingInterval: 50 }

const DAY = "/stats/dau?from=2026-01-31&to=2026-01-31"
const ENDLESS = { keys: "endless:admin:endless-key-0123456789,shop:admin:shop-key-0123456789" }
const endless = { authorization: "Bearer endless-key-0123456789" }
const shop = { authorization: "Bearer shop-key-0123456789" }

describe("every time-out ends in a problem with a request id, and a line in the log", () => {
  it("a question at the limit of time for one", async () => {
    const server = await start({ ...ENDLESS, adapters: endlessQuestions({ queryTimeoutMillis: 300 }) })
    const answer = await server.get(DAY, endless)
    expect(await server.told(answer)).toEqual([422, "question_too_expensive"])
    expect(answer.body.detail).toContain("limit of time")
    expect((await server.get(DAY, shop)).status).toBe(200)
  })

  it("a question that waits for others", async () => {
    const server = await start({
      ...ENDLESS,
      adapters: endlessQuestions({ concurrentQueries: 1, queryTimeoutMillis: 3_000, queryWaitMillis: 200 })
    })
    const answers = await Promise.all([1, 2, 3].map(() => server.get(DAY, endless)))
    const late = answers.filter(({ status }) => status === 503)
    expect(late).toHaveLength(2)
    for (const answer of late) {
      expect(await server.told(answer)).toEqual([503, "overloaded"])
      expect(Number(answer.headers.get("retry-after"))).toBeGreaterThan(0)
    }
  })

  it("a question passed on to an owner that does not answer", async () => {
    const owner = await openImpostor(() => {})
    closers.push(owner.close)
    const door = await start({
      adapters: memory,
      roles: ["ingest"],
      statsUrl: new URL(owner.url),
      statsTimeoutMillis: 200
    })
    for (const path of [DAY, "/ledger", "/users/ann/events", "/dead-letters"]) {
      const answer = await door.get(path)
      expect([path, await door.told(answer)]).toEqual([path, [503, "warehouse_unavailable"]])
      expect(answer.headers.get("retry-after")).toBe("1")
    }
  })

  it.each<[string, () => Partial<Warehouse["Service"]>, string]>([
    ["a question", () => ({ answer: () => Effect.never }), DAY],
    ["an export before it begins", () => ({ person: () => Effect.never }), "/users/ann/events"]
  ])("%s whose engine hangs", async (_, over, path) => {
    const server = await start({ adapters: warehouse(over()), timeLimits: OVERDUE })
    const answer = await server.get(path)
    expect(await server.told(answer)).toEqual([503, "answer_overdue"])
    expect(answer.headers.get("retry-after")).toBe("1")
  })

  it("a ledger whose engine hangs", async () => {
    const adapters = hanging(Layer.succeed(WarehouseLedger, { counts: Effect.never }))
    const server = await start({ adapters, timeLimits: OVERDUE })
    const answer = await server.get("/ledger")
    expect(await server.told(answer)).toEqual([503, "answer_overdue"])
    expect(answer.headers.get("retry-after")).toBe("1")
  })

  it("a question that cannot be stopped", async () => {
    const server = await start({
      adapters: warehouse({ answer: stuck }),
      timeLimits: OVERDUE
    })
    expect(await server.told(await server.get(DAY))).toEqual([503, "answer_overdue"])
  })

  it("a batch whose queue hangs", async () => {
    const queue = Layer.effect(
      EventQueue,
      Effect.map(EventQueue, (real) => EventQueue.of({ ...real, publish: stuck }))
    )
    const server = await start({
      adapters: hanging(queue),
      timeLimits: OVERDUE
    })
    expect(await server.told(await server.post([event()]))).toEqual([503, "answer_overdue"])
  })

  it.each([
    ["headers", "POST /events HTTP/1.1\r\nHost: local"],
    ["a body", "POST /events HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\n["],
    [
      "a question's body",
      "POST /stats/query HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{"
    ]
  ])("%s that come too slowly", async (_, request) => {
    const server = await start({
      adapters: memory,
      timeLimits: { headersTimeout: 200, requestTimeout: 300, connectionsCheckingInterval: 50 }
    })
    const answer = await rawRequest(server.port, request)
    expect(answer).toMatch(/^HTTP\/1.1 408 .*application\/problem\+json.*urn:millrace:problem:request_timeout/su)
    const id = /x-request-id: (\S+)/u.exec(answer)?.[1]
    await server.logged((line) => line["request_id"] === id && line["code"] === "request_timeout")
  })
})

describe("a connection", () => {
  it("is not cut while its question is worked on, however quiet it is", async () => {
    const slow = warehouse({ answer: ({ shape }) => Effect.map(Effect.sleep(1_500), () => shape([])) })
    const server = await start({ adapters: slow, timeLimits: { socketIdleMillis: 100 } })
    expect((await server.get(DAY)).status).toBe(200)
  })

  it("whose client does not read its answer is cut, and the log says so", async () => {
    const endlessHistory = warehouse({
      person: () => Effect.succeed({ user_ids: ["ann"], hash: "h", latest: 0 }),
      history: () =>
        Effect.succeed(
          Array.from({ length: 500 }, (_, index) => ({
            project_id: "default",
            event_id: crypto.randomUUID(),
            occurred_at: index,
            user_id: "ann",
            event_type: "visit",
            properties: `{"filling":"${"x".repeat(2_000)}"}`,
            received_at: index,
            skew_micros: 0
          }))
        )
    })
    const server = await start({ adapters: endlessHistory, timeLimits: { socketIdleMillis: 300 } })
    const socket = connect(server.port, "127.0.0.1").on("error", () => {})
    socket.pause()
    socket.write("GET /users/ann/events HTTP/1.1\r\nhost: localhost\r\n\r\n")
    expect((await server.logged((line) => line["code"] === "cut"))?.["reason"]).toBe("a client did not read its answer")
    socket.destroy()
  })

  it("an answer that has begun breaks off visibly, and no problem stands in the midst of it", async () => {
    const begun = warehouse({
      person: () => Effect.succeed({ user_ids: ["ann"], hash: "h", latest: 0 }),
      history: () => Effect.never
    })
    const server = await start({ adapters: begun })
    const socket = connect(server.port, "127.0.0.1").on("error", () => {})
    const text = await new Promise<string>((resolve) => {
      let answer = ""
      socket.write("GET /users/ann/events HTTP/1.1\r\nhost: localhost\r\n\r\n")
      socket.on("data", (chunk) => {
        answer += String(chunk)
        if (answer.includes('"kind":"user"')) socket.write("NO HTTP\r\n\r\n")
      })
      socket.on("close", () => resolve(answer))
    })
    expect(text).toMatch(/^HTTP\/1.1 200 /u)
    expect(text).not.toContain("urn:millrace:problem")
    expect(text.endsWith("0\r\n\r\n")).toBe(false)
    await server.logged((line) => line["code"] === "cut")
  })
})

it("one project's questions that an owner does not answer leave a door's places to others", async () => {
  let asked = 0
  const owner = await openImpostor(() => void asked++)
  closers.push(owner.close)
  const door = await start({
    ...ENDLESS,
    adapters: memory,
    roles: ["ingest"],
    statsUrl: new URL(owner.url),
    statsTimeoutMillis: 3_000
  })
  const flood = Array.from({ length: 80 }, () => door.get(DAY, endless))
  const refused = await Promise.race(flood)
  expect(problemOf(refused)).toEqual([503, "overloaded"])
  const other = await door.get(DAY, shop)
  // It came to the owner, and was let down by that.
  expect(problemOf(other)).toEqual([503, "warehouse_unavailable"])
  const codes = (await Promise.all(flood)).map((answer) => String(problemOf(answer)))
  expect(codes.filter((code) => code === "503,warehouse_unavailable")).toHaveLength(asked - 1)
})
