import { once } from "node:events"
import pg from "pg"
import { from as copyFrom } from "pg-copy-streams"
import { cpuOfServices, numberFrom, type Services } from "./standard.ts"

const ROWS_PER_COPY = 10_000

interface RawCopy {
  readonly rowsPerSecond: number
  readonly cpuMicros: Readonly<Record<string, number>>
}

/** COPY of rows like those of the API's bench, as text, into a table with nothing but their key: the least there is. */
export const rawCopy = async (services: Services, rows: number): Promise<RawCopy> => {
  const client = new pg.Client({ connectionString: await services.database.createDatabase() })
  await client.connect()
  try {
    await client.query(
      "CREATE TABLE events (event_id uuid PRIMARY KEY, occurred_at bigint NOT NULL, user_id text NOT NULL, event_type text NOT NULL, properties json NOT NULL, received_at bigint NOT NULL)"
    )
    const chunks = Array.from({ length: Math.ceil(rows / ROWS_PER_COPY) }, (_, index) => chunkOf(index * ROWS_PER_COPY))
    const { postgres } = cpuOfServices(services)
    const before = { postgres: postgres!(), client: process.cpuUsage(), at: performance.now() }
    for (const chunk of chunks) {
      const stream = client.query(copyFrom("COPY events FROM STDIN"))
      stream.end(chunk)
      await once(stream, "finish")
    }
    const seconds = (performance.now() - before.at) / 1000
    const { system, user } = process.cpuUsage(before.client)
    const stored = await numberFrom(client, "SELECT count(*) AS number FROM events")
    return {
      rowsPerSecond: stored / seconds,
      cpuMicros: { postgres: ((postgres!() - before.postgres) / stored) * 1e6, client: (system + user) / stored }
    }
  } finally {
    await client.end()
  }
}

const chunkOf = (from: number): Buffer =>
  Buffer.from(Array.from({ length: ROWS_PER_COPY }, (_, index) => lineOf(from + index)).join(""))

const lineOf = (index: number): string => {
  const properties = JSON.stringify({
    path: `/products/${index % 300}`,
    amount: index % 97,
    currency: "EUR",
    plan: "pro",
    campaign: "spring-sale-2026"
  })
  const at = (Date.now() - index * 1000) * 1000
  return `${crypto.randomUUID()}\t${at}\tuser-${index % 5_000}\tvisit\t${properties}\t${at}\n`
}
