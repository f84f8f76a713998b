import { benchAggregates } from "./aggregates.ts"
import { benchBeside } from "./beside.ts"
import { benchDear } from "./dear.ts"
import { benchDelay } from "./delay.ts"
import { benchEngines } from "./engines.ts"
import { benchEtl } from "./etl.ts"
import { benchImport } from "./importCsv.ts"
import { benchIngest } from "./ingest.ts"
import { benchMemory } from "./memory.ts"
import { benchPostgres } from "./postgres.ts"
import { benchQueries } from "./queries.ts"
import { benchWindowFunnel } from "./windowFunnel.ts"

const BENCHES: Readonly<Record<string, () => Promise<void>>> = {
  ingest: () => benchIngest({ clients: 32, eventsPerRequest: 100, seconds: 5, rounds: 3 }),
  import: () => benchImport([100_000, 1_000_000]),
  queries: () => benchQueries(10_000_000),
  "window-funnel": () => benchWindowFunnel(10_000_000),
  beside: () => benchBeside({ events: 1_000_000, askers: 8, seconds: 6, rounds: 3 }),
  memory: () => benchMemory({ seconds: 30 }),
  postgres: () => benchPostgres({ events: 100_000, eventsPerRequest: 100, naiveEvents: 10_000 }),
  "postgres-singles": () => benchPostgres({ events: 100_000, eventsPerRequest: 1, naiveEvents: 5_000 }),
  "postgres-million": () => benchPostgres({ events: 1_000_000, eventsPerRequest: 100, naiveEvents: 10_000 }),
  "postgres-million-singles": () => benchPostgres({ events: 1_000_000, eventsPerRequest: 1, naiveEvents: 5_000 }),
  etl: () => benchEtl(1_000_000),
  engines: () => benchEngines(1_000_000),
  "engines-100k": () => benchEngines(100_000),
  aggregates: () => benchAggregates(10_000_000),
  "aggregates-50m": () => benchAggregates(50_000_000),
  dear: () => benchDear(1_000),
  delay: () => benchDelay({ eventsPerSecond: 5_000, eventsPerRequest: 100, seconds: 15 })
}

const names = process.argv.slice(2)
const unknown = names.filter((name) => !(name in BENCHES))
if (unknown.length > 0) {
  console.error(`unknown bench: ${unknown.join(", ")}; there are: ${Object.keys(BENCHES).join(", ")}`)
  process.exit(2)
}
for (const name of names.length > 0 ? names : Object.keys(BENCHES)) {
  await BENCHES[name]!()
  console.log()
}
