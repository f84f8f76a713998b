import { join } from "node:path"
import { setTimeout as sleep } from "node:timers/promises"
import { jetstreamManager } from "@nats-io/jetstream"
import { connect } from "@nats-io/transport-node"
import type { PostgresServer, TestServer } from "@millrace/test-services"
import { Member } from "./Member.ts"
import { HarmfulEvents } from "./HarmfulEvents.ts"
import { PROCESSES, type ProcessName, type Schedule, SERVICES, type ServiceName, type Target } from "./Schedule.ts"

/** What all schedules of a run share. */
export interface Services {
  readonly nats: TestServer
  readonly postgres: PostgresServer
}

interface ClusterOptions {
  readonly schedule: Schedule
  readonly services: Services
  /** The checkout whose sources are run. */
  readonly root: string
  /** Of the owner's files. */
  readonly directory: string
}

const ROLES: Readonly<Record<ProcessName, string>> = {
  api: "ingest",
  "worker-1": "worker",
  "worker-2": "worker",
  owner: "etl,stats"
}

const KEEP_UP_MILLIS = 100
const MEGABYTE = 1_048_576

/** The standard profile in processes of its own: api, two workers, and the owner of the warehouse. */
export class Cluster {
  readonly members: Readonly<Record<ProcessName, Member>>
  readonly harmful: HarmfulEvents
  readonly #services: Services
  readonly #stream: string
  readonly #down = new Set<ServiceName>()
  #over = false
  #keeping: Promise<void> = Promise.resolve()

  private constructor(
    services: Services,
    stream: string,
    harmful: HarmfulEvents,
    members: Readonly<Record<ProcessName, Member>>
  ) {
    this.#services = services
    this.#stream = stream
    this.harmful = harmful
    this.members = members
  }

  static async open({ directory, root, schedule, services }: ClusterOptions): Promise<Cluster> {
    const url = await services.postgres.createDatabase()
    const stream = `faults-${schedule.seed}`
    const environmentOf = (name: ProcessName) => ({
      MILLRACE_DATA: join(directory, name),
      MILLRACE_CLOSE_GRACE_MILLIS: "0",
      MILLRACE_ROLES: ROLES[name],
      MILLRACE_QUEUE: "nats",
      MILLRACE_NATS_URL: services.nats.url,
      MILLRACE_NATS_NAME: stream,
      MILLRACE_NATS_REDELIVER_MILLIS: "1000",
      ...(schedule.theme === "full" ? { MILLRACE_NATS_MAX_BYTES: String(MEGABYTE) } : {}),
      ...(schedule.killer ? { MILLRACE_NATS_MAX_ATTEMPTS: "4" } : {}),
      MILLRACE_STORE: "postgres",
      // The name by which the ruin finds whose statement it is.
      MILLRACE_POSTGRES_URL: `${url}?application_name=${name}`
    })
    const main = join(root, "packages/server/src/main.ts")
    const member = (name: ProcessName) => new Member({ name, main, environment: environmentOf(name) })
    const members = {
      api: member("api"),
      "worker-1": member("worker-1"),
      "worker-2": member("worker-2"),
      owner: member("owner")
    }
    const cluster = new Cluster(services, stream, new HarmfulEvents(url), members)
    // The first one makes the tables and streams; one that only ingests opens no database.
    await members["worker-1"].start()
    await cluster.harmful.prepare(schedule)
    await Promise.all(PROCESSES.map((name) => members[name].start()))
    cluster.#keeping = cluster.#keepUp()
    return cluster
  }

  async #keepUp(): Promise<void> {
    while (!this.#over) {
      await Promise.all(PROCESSES.map((name) => this.members[name].keepUp()))
      await this.harmful.killVictims((name) => this.restart(name))
      await sleep(KEEP_UP_MILLIS)
    }
  }

  async restart(name: ProcessName): Promise<void> {
    await this.members[name].kill()
    await this.members[name].start()
  }

  async kill(target: Target): Promise<void> {
    if (isService(target)) {
      this.#down.add(target)
      await this.#services[target].kill()
    } else await this.members[target].kill()
  }

  /** In its own time: what it has taken it settles, or gives back. */
  async end(name: ProcessName): Promise<void> {
    await this.members[name].stop()
  }

  /** As an operator would, behind everybody's back. */
  async purge(): Promise<void> {
    const connection = await connect({ servers: this.#services.nats.url })
    try {
      await (await jetstreamManager(connection)).streams.purge(this.#stream)
    } finally {
      await connection.close()
    }
  }

  async start(target: Target): Promise<void> {
    if (isService(target)) {
      await this.#services[target].start()
      this.#down.delete(target)
    } else await this.members[target].start()
  }

  pause(target: Target): void {
    this.#of(target).pause()
  }

  resume(target: Target): void {
    this.#of(target).resume()
  }

  #of(target: Target): { readonly pause: () => void; readonly resume: () => void } {
    return isService(target) ? this.#services[target] : this.members[target]
  }

  /** Everything runs and nothing stands still. */
  async heal(): Promise<void> {
    for (const target of [...SERVICES, ...PROCESSES]) this.resume(target)
    for (const name of this.#down) await this.start(name)
    await Promise.all(PROCESSES.map((name) => this.members[name].start()))
  }

  /** Ends without ceremony, and removes what the schedule made on the services. */
  async close(): Promise<void> {
    this.#over = true
    await this.heal().catch(() => undefined)
    await this.#keeping.catch(() => undefined)
    await Promise.all(PROCESSES.map((name) => this.members[name].kill()))
    await this.harmful.drop(this.#services.postgres.url)
  }
}

const isService = (target: Target): target is ServiceName => (SERVICES as ReadonlyArray<Target>).includes(target)
