import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { nats, postgres, type PostgresServer, type TestServer } from "@millrace/test-services"
import pg from "pg"
import { treeCpuSeconds } from "./cpu.ts"
import { startServer } from "./Process.ts"

const CLI = fileURLToPath(new URL("../../packages/cli/dist/main.js", import.meta.url))

export interface Services {
  readonly broker: TestServer
  readonly database: PostgresServer
}

/** Both with their defaults, so with fsync in PostgreSQL; they end with `use`. */
export const withServices = async <A>(use: (services: Services) => Promise<A>): Promise<A> => {
  const database = await postgres({ fsync: true }).start()
  const broker = await nats({ maxFileStoreBytes: 2 ** 40 }).start()
  try {
    return await use({ broker, database })
  } finally {
    await broker.close()
    await database.close()
  }
}

/** Everything that takes part, by name, with what CPU it has used so far. */
export type Cpu = Readonly<Record<string, () => number>>

export interface Side {
  /** Of the API. */
  readonly port: number
  /** Another member's. */
  readonly portOf: (member: string) => number
  /** Rows that are in PostgreSQL. */
  readonly stored: () => Promise<number>
  readonly cpu: Cpu
}

export const cpuOfServices = ({ broker, database }: Services): Cpu => ({
  nats: () => treeCpuSeconds(broker.pid!),
  postgres: () => treeCpuSeconds(database.pid!)
})

/** One number out of one row. */
export const numberFrom = async (client: pg.Client, text: string): Promise<number> => {
  const { rows } = await client.query<{ readonly number: string | null }>(text)
  return Number(rows[0]?.number ?? 0)
}

interface Command {
  readonly args: ReadonlyArray<string>
  readonly environment?: NodeJS.ProcessEnv
}

/** Starts the members in turn, the first of them the API, around a use of them. */
const withMembers = async <A>(
  services: Services,
  url: string,
  options: { readonly members: Readonly<Record<string, Command>>; readonly stored: string },
  use: (side: Side) => Promise<A>
): Promise<A> => {
  const client = new pg.Client({ connectionString: url })
  const started = new Map<string, Awaited<ReturnType<typeof startServer>>>()
  try {
    await client.connect()
    for (const [name, { args, environment }] of Object.entries(options.members)) {
      started.set(name, await startServer(args, environment))
    }
    const cpu: Record<string, () => number> = { ...cpuOfServices(services) }
    for (const [name, member] of started) cpu[name] = () => treeCpuSeconds(member.child.pid!)
    const portOf = (member: string) => started.get(member)!.port
    const [first] = started.keys()
    return await use({ port: portOf(first!), portOf, stored: () => numberFrom(client, options.stored), cpu })
  } finally {
    for (const member of started.values()) await member.stop()
    await client.end()
  }
}

let names = 0
const uniqueName = (): string => `bench-${process.pid}-${names++}`

const SEGMENTS = "SELECT sum(stored) AS number FROM millrace.segments"

/** The standard profile, a process for each role. */
export const withMillrace = async <A>(
  services: Services,
  { owner, workers }: { readonly workers: number; readonly owner: boolean },
  use: (side: Side) => Promise<A>
): Promise<A> => {
  const directory = mkdtempSync(join(tmpdir(), "millrace-bench-"))
  const url = await services.database.createDatabase()
  const common = {
    MILLRACE_QUEUE: "nats",
    MILLRACE_NATS_URL: services.broker.url,
    MILLRACE_NATS_NAME: uniqueName(),
    MILLRACE_POSTGRES_URL: url
  }
  const member = (name: string, roles: string) =>
    [
      name,
      {
        args: [CLI, "serve", "--port", "0", "--data", join(directory, name)],
        environment: { ...common, MILLRACE_ROLES: roles }
      }
    ] as const
  const members = Object.fromEntries([
    member("api", "ingest"),
    ...Array.from({ length: workers }, (_, index) => member(`worker-${index + 1}`, "worker")),
    ...(owner ? [member("owner", "etl,stats")] : [])
  ])
  try {
    return await withMembers(services, url, { members, stored: SEGMENTS }, use)
  } finally {
    rmSync(directory, { recursive: true, force: true })
  }
}

const NAIVE = fileURLToPath(new URL("naive.ts", import.meta.url))

export const withNaive = async <A>(services: Services, use: (side: Side) => Promise<A>): Promise<A> => {
  const url = await services.database.createDatabase()
  const place = [services.broker.url, uniqueName()]
  const members = {
    api: { args: [NAIVE, "api", ...place] },
    "worker-1": { args: [NAIVE, "worker", ...place, url] }
  }
  return await withMembers(services, url, { members, stored: "SELECT count(*) AS number FROM events" }, use)
}
