import { Effect, Logger } from "effect"
import { randomUUID } from "node:crypto"
import { accountsIn } from "./support/accounts.ts"
import { describe, expect, it } from "vitest"
import { formatLog, maskValues } from "../src/observe/jsonLog.ts"
import { startProcess } from "./support/child.ts"
import { event } from "./support/events.ts"
import { newDirectory } from "./support/profileLaws.ts"

const logged = (effect: Effect.Effect<void>) => {
  const lines: Array<string> = []
  const logger = Logger.layer([
    Logger.make((options) => {
      lines.push(formatLog(options))
    })
  ])
  return Effect.runPromise(Effect.as(Effect.provide(effect, logger), lines))
}

describe("a line of the log", () => {
  it("is JSON with time, level, message, service and version; annotations of the closed set, no others", async () => {
    const line = Effect.logWarning("drain failed").pipe(
      Effect.annotateLogs({ stage: "store", attempt: 3, user_id: "ada@example.com", body: "secret" })
    )
    const [text] = await logged(line)
    const { ts, version, ...rest } = JSON.parse(text!) as Record<string, unknown>
    expect(ts).toMatch(/^\d{4}-.*Z$/u)
    expect(version).toMatch(/^\d/u)
    expect(rest).toEqual({ level: "warn", msg: "drain failed", service: "millrace", stage: "store", attempt: 3 })
  })

  it("names the errors from the outside in, and masks the values that a driver quotes", async () => {
    const driver = Object.assign(new Error(`duplicate key (user_id)=(ada@example.com) in 'secret-value'`), {
      code: "23505"
    })
    const outer = Object.assign(new Error("outer"), {
      _tag: "EventStoreError",
      reason: { _tag: "StoreRejected", cause: driver }
    })
    const [text] = await logged(Effect.logError("append failed", outer))
    expect(JSON.parse(text!)).toMatchObject({
      msg: "append failed",
      "error.type": "EventStoreError/StoreRejected/Error:23505",
      "error.message": "duplicate key (…)=(…) in '…'"
    })
  })

  it.each([
    [`Could not convert string "ada@example.com" to INT32`, `Could not convert string "…" to INT32`],
    ["ENOENT: no such file, open '/data/log'", "ENOENT: no such file, open '/data/log'"],
    [`{"user_id":"ada"} is bad`, `{…} is bad`]
  ])("%s", (text, expected) => {
    expect(maskValues(text)).toBe(expected)
  })
})

const linesOf = (text: string) =>
  text
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line) as Record<string, unknown>)

const postEvents = (url: string, headers: Record<string, string> = {}) =>
  fetch(`${url}/events`, { method: "POST", body: JSON.stringify([event(), event()]), headers })

it("background work says which batch, of which project, for how long, in the trace of the request that brought it", async () => {
  const server = await startProcess(newDirectory(), { MILLRACE_LOG_LEVEL: "debug" })
  const trace_id = "0af7651916cd43dd8448eb211c80319c"
  expect((await postEvents(server.url, { traceparent: `00-${trace_id}-b7ad6b7169203331-01` })).status).toBe(202)
  await server.end("SIGTERM")
  const lines = linesOf(server.stderr())
  const known = {
    trace_id,
    project_id: "default",
    batch_id: "1",
    count: 2,
    duration_s: expect.any(Number),
    msg: "done"
  }
  expect(lines.filter(({ stage }) => stage === "store")).toMatchObject([{ ...known, attempt: 1 }])
  expect(lines.filter(({ stage }) => stage === "etl")).toMatchObject([known])
}, 120_000)

it("failures are told once a second for each route, with their number and a request's id, which its answer shows", async () => {
  const server = await startProcess(newDirectory(), {
    MILLRACE_LIMITER: "redis",
    MILLRACE_REDIS_URL: "redis://127.0.0.1:1",
    MILLRACE_LIMIT_KEY_EVENTS_PER_SECOND: "1000000",
    MILLRACE_LIMIT_WHEN_DOWN: "closed"
  })
  const ids: Array<string | null> = []
  const start = performance.now()
  do {
    const answer = await postEvents(server.url)
    expect(answer.status).toBe(503)
    ids.push(answer.headers.get("x-request-id"))
  } while (performance.now() - start < 1_500)
  const given = "4bf92f3577b34da6a3ce929d0e0e4736"
  expect((await postEvents(server.url, { "x-request-id": given })).headers.get("x-request-id")).toBe(given)
  expect(
    (await postEvents(server.url, { "x-request-id": "ada@example.com" })).headers.get("x-request-id")
  ).not.toContain("@")
  await server.end("SIGTERM")
  const lines = linesOf(server.stderr()).filter(({ msg }) => msg === "answered with a failure")
  expect(lines[0]).toMatchObject({
    request_id: ids[0],
    route: "/events",
    status: 503,
    count: 1,
    code: "limiter_unavailable",
    detail: expect.any(String),
    "error.type": expect.stringContaining("Limiter")
  })
  expect(lines.length).toBeGreaterThan(1)
  expect(lines.length).toBeLessThan(ids.length / 2)
  expect(ids).toContain(lines[1]!["request_id"])
  expect(lines[1]!["count"]).toBeGreaterThan(1)
}, 120_000)

const SECRETS = {
  key: "planted-key-0123456789abcdef",
  user: "planted.user@example.com",
  type: "planted-type",
  property: "planted-property",
  password: "planted-password",
  email: "planted.login@example.com",
  loginPassword: "planted-login-password",
  header: "planted-header"
}

/** Logs in and out, wrongly too; every token that came of it. */
const logIn = async (url: string): Promise<ReadonlyArray<string>> => {
  const post = async (path: string, body: unknown): Promise<Record<string, string>> => {
    const headers = { "content-type": "application/json" }
    const answer = await fetch(`${url}/auth/${path}`, { method: "POST", headers, body: JSON.stringify(body) })
    const text = await answer.text()
    return text === "" ? {} : JSON.parse(text)
  }
  const { email, loginPassword: password } = SECRETS
  const first = await post("login", { email, password })
  const second = await post("refresh", { refresh_token: first["refresh_token"] })
  const issued = [first, second].flatMap((tokens) => [tokens["access_token"]!, tokens["refresh_token"]!])
  for (const token of issued) {
    await fetch(`${url}/ledger?token=${token}`, { headers: { authorization: `Bearer ${token}` } })
    await fetch(`${url}/dead-letters/${token}`, { headers: { authorization: `Bearer ${token}.x` } })
  }
  await post("login", { email, password: `${password}-wrong`, more: password })
  await post("login", { email, password: `${password}-wrong` })
  await post("refresh", { refresh_token: first["refresh_token"] })
  await post("logout", { refresh_token: second["refresh_token"] })
  expect(issued.every((token) => token.length > 20)).toBe(true)
  return issued
}

it("nothing that is secret or a person's is ever written: keys, users, properties, passwords, bodies", async () => {
  const directory = newDirectory()
  const accounts = accountsIn({ directory })
  await accounts.create(SECRETS.email, { shop: "viewer" }, SECRETS.loginPassword)
  const server = await startProcess(directory, {
    MILLRACE_KEYS: `shop:admin:${SECRETS.key}`,
    MILLRACE_LIMITER: "redis",
    MILLRACE_REDIS_URL: `redis://user:${SECRETS.password}@127.0.0.1:1`,
    MILLRACE_LIMIT_KEY_EVENTS_PER_SECOND: "1000000"
  })
  const headers = { authorization: `Bearer ${SECRETS.key}`, "x-secret": SECRETS.header }
  const secret = {
    event_id: randomUUID(),
    occurred_at: "2026-01-31T12:00:00Z",
    user_id: SECRETS.user,
    event_type: SECRETS.type,
    properties: { note: SECRETS.property }
  }
  const send = (body: string, more: Record<string, string> = {}) =>
    fetch(`${server.url}/events`, { method: "POST", body, headers: { ...headers, ...more } }).then(
      (answer) => answer.status
    )
  expect(await send(JSON.stringify([secret, { ...secret, user_id: 5 }]))).toBe(202)
  for (const body of [
    JSON.stringify([{ ...secret, occurred_at: SECRETS.property }]),
    `["${SECRETS.user}`,
    SECRETS.user
  ]) {
    expect(await send(body)).toBeGreaterThanOrEqual(400)
  }
  expect(await send("[]", { authorization: `Bearer ${SECRETS.key}x` })).toBeGreaterThanOrEqual(400)
  for (const path of [`/stats/dau?from=${SECRETS.user}`, `/${SECRETS.property}?key=${SECRETS.key}`, "/ledger"]) {
    await fetch(`${server.url}${path}`, { headers })
  }
  const issued = await logIn(server.url)
  await server.end("SIGTERM")
  const output = server.stderr() + server.lines.join("\n")
  // The absent limiter is in the log: it was written, and read here.
  expect(output).toContain("the rate limiter does not answer")
  expect(output).toContain("a spent refresh token was shown")
  for (const planted of [...Object.values(SECRETS), ...issued]) expect(output).not.toContain(planted)
  for (const line of server.stderr().trim().split("\n"))
    expect(Object.keys(JSON.parse(line) as object)).toEqual(expect.arrayContaining(["ts", "level", "msg"]))
}, 120_000)
