import { setTimeout as sleep } from "node:timers/promises"
import { type LoadResult, runLoad } from "./Load.ts"
import { rawCopy } from "./rawCopy.ts"
import { type Cpu, type Services, type Side, withMillrace, withNaive, withServices } from "./standard.ts"
import { printTable, round } from "./table.ts"

interface PostgresOptions {
  readonly events: number
  readonly eventsPerRequest: number
  /** The naive design gets fewer, or it would take minutes; its rate does not depend on it. */
  readonly naiveEvents: number
}

const CLIENTS = 32
const WARM_UP_REQUESTS = 200
const POLL_MILLIS = 20
const WITHIN_SECONDS = 600

interface Run {
  readonly load: LoadResult
  /** From the first POST to the last row in PostgreSQL. */
  readonly eventsPerSecond: number
  readonly cpuMicros: Readonly<Record<string, number>>
}

const untilStored = async (side: Side, rows: number) => {
  while ((await side.stored()) < rows) await sleep(POLL_MILLIS)
}

const read = (cpu: Cpu) => Object.fromEntries(Object.entries(cpu).map(([name, seconds]) => [name, seconds()]))

/** POST → row in PostgreSQL, everything on the same cores. */
const run = async (side: Side, { events, eventsPerRequest }: PostgresOptions): Promise<Run> => {
  const send = (requests: number) =>
    runLoad({ port: side.port, clients: CLIENTS, eventsPerRequest, seconds: WITHIN_SECONDS, requests })
  const warm = await send(WARM_UP_REQUESTS)
  await untilStored(side, warm.events)
  const before = read(side.cpu)
  const client = process.cpuUsage()
  const start = performance.now()
  const load = await send(Math.ceil(events / eventsPerRequest))
  await untilStored(side, warm.events + load.events)
  const seconds = (performance.now() - start) / 1000
  const { system, user } = process.cpuUsage(client)
  const after = read(side.cpu)
  const cpuMicros = Object.keys(before).map(
    (name) => [name, ((after[name]! - before[name]!) / load.events) * 1e6] as const
  )
  return {
    load,
    eventsPerSecond: load.events / seconds,
    cpuMicros: { ...Object.fromEntries(cpuMicros), client: (system + user) / load.events }
  }
}

const total = (cpuMicros: Run["cpuMicros"]) =>
  Object.entries(cpuMicros).reduce((sum, [name, micros]) => (name === "client" ? sum : sum + micros), 0)

const rowOf = (design: string, { cpuMicros, eventsPerSecond, load }: Run, naive: Run) => {
  const of = (prefix: string) =>
    round(
      Object.entries(cpuMicros).reduce((sum, [name, micros]) => (name.startsWith(prefix) ? sum + micros : sum), 0),
      1
    )
  return {
    design,
    events: load.events,
    "events/s": Math.round(eventsPerSecond),
    "× naive": round(eventsPerSecond / naive.eventsPerSecond, 1),
    "p50 ms": round(load.p50Millis),
    "p99 ms": round(load.p99Millis),
    "CPU µs/event": round(total(cpuMicros), 1),
    api: of("api"),
    nats: of("nats"),
    worker: of("worker"),
    postgres: of("postgres"),
    client: of("client")
  }
}

const bench = async (services: Services, options: PostgresOptions): Promise<void> => {
  const naive = await withNaive(services, (side) => run(side, { ...options, events: options.naiveEvents }))
  const one = await withMillrace(services, { workers: 1, owner: false }, (side) => run(side, options))
  const two = await withMillrace(services, { workers: 2, owner: false }, (side) => run(side, options))
  const raw = await rawCopy(services, options.events)
  console.log(`postgres: POST → row, ${CLIENTS} clients, ${options.eventsPerRequest} events a request`)
  printTable([rowOf("naive", naive, naive), rowOf("millrace", one, naive), rowOf("millrace, two workers", two, naive)])
  const { client, postgres } = raw.cpuMicros
  console.log(
    `raw COPY of ${options.events} rows: ${Math.round(raw.rowsPerSecond)} rows/s, CPU µs/row: PostgreSQL ${round(postgres!, 1)}, client ${round(client!, 1)}`
  )
}

export const benchPostgres = (options: PostgresOptions): Promise<void> =>
  withServices(async (services) => {
    console.log(`${services.broker.origin}; ${services.database.origin}, fsync on`)
    await bench(services, options)
  })
