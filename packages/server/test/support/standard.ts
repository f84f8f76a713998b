import { nats, postgres, type PostgresServer, type TestServer } from "@millrace/test-services"
import { describeWithService, type SuiteInfo } from "@millrace/test-services/vitest"
import { afterAll, afterEach, beforeAll } from "vitest"
import { type ServerProcess, startProcess } from "./child.ts"
import { type Environment, newDirectory, overPostgres } from "./profileLaws.ts"

/** The broker sets aside what its streams may grow to; nothing is written for that. */
const FILE_STORE_BYTES = 2 ** 40

export interface Standard extends SuiteInfo {
  readonly broker: () => TestServer
  readonly database: () => PostgresServer
  /** A new database and new streams. */
  readonly environment: () => Promise<Environment>
}

let names = 0

/** A suite over a broker and a database of its own; skipped, or failed under CI, where one of them cannot be had. */
export const describeStandard = async (name: string, body: (standard: Standard) => void): Promise<void> => {
  const service = postgres()
  const located = await service.locate()
  // Without PostgreSQL its absence is what is told.
  if (located._tag === "Missing") return describeWithService(name, service, () => {})
  return describeWithService(name, nats({ maxFileStoreBytes: FILE_STORE_BYTES }), (broker, info) => {
    let database: PostgresServer
    beforeAll(async () => {
      database = await service.start()
    })
    afterAll(() => database.close())
    body({
      owned: info.owned && located.owned,
      broker,
      database: () => database,
      environment: async () => ({
        ...(await overPostgres(database)),
        MILLRACE_QUEUE: "nats",
        MILLRACE_NATS_URL: broker().url,
        MILLRACE_NATS_NAME: `law-${process.pid}-${names++}`
      })
    })
  })
}

/** Starts processes that end with the test, whatever becomes of it. Call it once, at the top of a test file. */
export const processes = () => {
  const started: Array<ServerProcess> = []
  afterEach(async () => {
    await Promise.all(started.splice(0).map((server) => server.end("SIGKILL")))
  })
  return async (roles: string, environment: Environment, directory = newDirectory()): Promise<ServerProcess> => {
    const server = await startProcess(directory, { ...environment, MILLRACE_ROLES: roles })
    started.push(server)
    return server
  }
}
