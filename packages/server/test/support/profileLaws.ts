import type { PostgresServer } from "@millrace/test-services"
import { rmSync } from "node:fs"
import { afterAll, beforeEach, expect, it } from "vitest"
import { type ServerProcess, startProcess } from "./child.ts"
import { event } from "./events.ts"
import { expectExactlyOnce } from "./kills.ts"
import { reply, temporaryDirectory } from "./server.ts"

/** The embedded profile's own test takes all of them; here each restart opens a database as well. */
export const KILLS = Math.min(Number(process.env["MILLRACE_KILLS"] ?? 2), 10)
export const KILL_LAW_MILLIS = 60_000 + KILLS * 10_000

export type Environment = Record<string, string>

const directories: Array<string> = []
/** Removed after the file's last test. */
export const newDirectory = (): string => {
  const made = temporaryDirectory()
  directories.push(made)
  return made
}
afterAll(() => {
  for (const made of directories.splice(0)) rmSync(made, { recursive: true, force: true })
})

export const post = async ({ url }: Pick<ServerProcess, "url">, events: ReadonlyArray<unknown>) =>
  reply(await fetch(`${url}/events`, { method: "POST", body: JSON.stringify(events) }))

export const topEvents = async ({ url }: ServerProcess) =>
  (await reply(await fetch(`${url}/stats/top-events?from=2026-01-31&to=2026-01-31`))).body.rows

export const settledLedger = async ({ url }: Pick<ServerProcess, "url">) => {
  while (true) {
    const { body } = await reply(await fetch(`${url}/ledger`))
    if (body.in_flight === 0) return body
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
}

export const overPostgres = async (server: PostgresServer): Promise<Environment> => ({
  MILLRACE_STORE: "postgres",
  MILLRACE_POSTGRES_URL: await server.createDatabase()
})

/** What every profile must do, by processes of its own. Call it within a suite; each law has an environment of its own. */
export const profileLaws = (environment: () => Promise<Environment>): void => {
  let env: Environment
  beforeEach(async () => {
    env = await environment()
  })

  it("ingests, counts each event once also when it is sent twice, and the ledger balances", async () => {
    const server = await startProcess(newDirectory(), env)
    const events = Array.from({ length: 300 }, (_, index) => event({ user_id: `user-${index % 7}` }))
    expect((await post(server, events)).body).toEqual({ accepted: 300, rejected: [] })
    expect((await post(server, [...events.slice(0, 100), { ...event(), user_id: 5 }])).body).toMatchObject({
      accepted: 100,
      rejected: [{ index: 100, path: "/user_id" }]
    })
    expect(await settledLedger(server)).toEqual({
      accepted: 400,
      stored: 300,
      duplicates: 100,
      dead_lettered: 0,
      replayed: 0,
      in_flight: 0,
      lost: 0,
      difference: 0
    })
    expect(await topEvents(server)).toEqual([{ event_type: "visit", events: 300, users: 7 }])
    expect(await server.end("SIGTERM")).toEqual({ code: 0, signal: null })
  })

  it(
    `kill -9 of the server, ${KILLS} times during ingest: exactly once`,
    async () => {
      const place = { directory: newDirectory(), environment: env }
      expect(await expectExactlyOnce(place, KILLS)).toMatchObject({ in_flight: 0, difference: 0 })
    },
    KILL_LAW_MILLIS
  )
}

const NOBODY = "127.0.0.1:9"
export const absentPostgres = { MILLRACE_STORE: "postgres", MILLRACE_POSTGRES_URL: `postgres://u:s3cret@${NOBODY}/d` }
export const absentNats = { MILLRACE_QUEUE: "nats", MILLRACE_NATS_URL: `nats://u:s3cret@${NOBODY}` }

/** How a start over something that is not there ends. */
export const failedStart = (env: Environment): Promise<string> =>
  startProcess(newDirectory(), env).then(() => "it started", String)

/** One line, without the password. */
export const ABSENT = /ended with 1: millrace: open: (?!.*s3cret).*ECONNREFUSED.*\n$/u
