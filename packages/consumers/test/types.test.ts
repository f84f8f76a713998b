import { execFile } from "node:child_process"
import { join } from "node:path"
import { describe, expect, it } from "vitest"
import { isAsked, projectFolder, writeFiles } from "./support/project.ts"

const SERVER = `import { createMillrace, MillraceError, type QueryParams } from "@millrace/server"
const millrace = await createMillrace({ directory: "./analytics", basePath: "/analytics" })
await millrace.ingest([{ event_id: "e", occurred_at: new Date(), user_id: "ann", event_type: "purchase" }])
// Filters and steps are taken as text too, as at run time.
const funnel = await millrace.query("funnel", {
  from: "2026-01-01", to: "2026-01-31", steps: ["visit", { field: "event_type", op: "=", value: "buy" }], where: 'properties.plan = "pro"'
})
await millrace.query("funnel", { from: "2026-01-01", to: "2026-01-31", steps: "visit,buy" })
export const users: number | undefined = funnel.rows[0]?.users
const { rows } = await millrace.query("retention", { start_date: "2026-01-01", interval: "week" })
export const rate: number | undefined = rows[0]?.cells[0]?.rate
export const params: QueryParams<"retention"> = { start_date: "2026-01-01" }
export const code = (error: unknown) => (error instanceof MillraceError ? error.code : undefined)
// @ts-expect-error there is no such metric
await millrace.query("retension", { start_date: "2026-01-01" })
// @ts-expect-error a range needs its end
await millrace.query("dau", { from: "2026-01-01" })
`

const LAYERS = `import type { QueueServices, StoreServices, WarehouseServices } from "@millrace/core"
import { DuckDb } from "@millrace/duckdb"
import { Embedded } from "@millrace/embedded"
import { Nats } from "@millrace/nats"
import { Postgres } from "@millrace/postgres"
import { createMillrace } from "@millrace/server"
import { Layer } from "effect"
const warehouse: Layer.Layer<WarehouseServices, unknown> = DuckDb.layer({ path: "./warehouse.duckdb" })
const log: Layer.Layer<QueueServices | StoreServices, unknown> = Embedded.layer({ directory: "./log" })
export const optional = [Nats.layer, Postgres.direct]
export const own = () => createMillrace({ layer: Layer.merge(log, warehouse) })
`

interface Case {
  readonly compiler: "typescript" | "typescript-5"
  readonly module: "NodeNext" | "ESNext" | "Node16"
  readonly moduleResolution: "nodenext" | "bundler" | "node16"
  readonly lib: ReadonlyArray<string>
  readonly skipLibCheck: boolean
}

const WITH_DOM = ["ES2023", "DOM", "DOM.Iterable"]
const WITHOUT_DOM = ["ES2023"]
const nodenext = { compiler: "typescript", module: "NodeNext", moduleResolution: "nodenext" } as const
const bundler = { compiler: "typescript", module: "ESNext", moduleResolution: "bundler" } as const
const node16 = { compiler: "typescript", module: "Node16", moduleResolution: "node16" } as const

// Who passes without skipLibCheck passes with it.
const SERVER_CASES: ReadonlyArray<Case> = [
  { ...nodenext, lib: WITH_DOM, skipLibCheck: false },
  { ...bundler, lib: WITH_DOM, skipLibCheck: false },
  { ...node16, lib: WITH_DOM, skipLibCheck: false },
  { ...nodenext, lib: WITHOUT_DOM, skipLibCheck: true },
  { ...bundler, lib: WITHOUT_DOM, skipLibCheck: true },
  { ...nodenext, lib: WITHOUT_DOM, skipLibCheck: false },
  { ...nodenext, compiler: "typescript-5", lib: WITH_DOM, skipLibCheck: false },
  { ...bundler, compiler: "typescript-5", lib: WITH_DOM, skipLibCheck: false }
]

const nameOf = ({ compiler, lib, moduleResolution, skipLibCheck }: Case) =>
  `${compiler} ${moduleResolution} ${lib.includes("DOM") ? "with" : "without"} DOM, skipLibCheck ${skipLibCheck}`

/** What the compiler says of the files, by line; nothing when it takes them. */
const compile = (given: Case, files: Readonly<Record<string, string>>) => {
  const { compiler, ...options } = given
  const name = `${nameOf(given)} ${Object.keys(files)[0]}`.replaceAll(/\W+/gu, "-")
  const compilerOptions = { ...options, target: "ES2023", strict: true, noEmit: true, types: ["node"] }
  const home = writeFiles(join(projectFolder, `types-${name}`), {
    ...files,
    "tsconfig.json": JSON.stringify({ compilerOptions, include: ["*.ts"] })
  })
  const tsc = join(projectFolder, "node_modules", compiler, "bin", "tsc")
  return new Promise<ReadonlyArray<string>>((resolve) => {
    execFile(process.execPath, [tsc, "-p", "tsconfig.json"], { cwd: home }, (_, printed) =>
      resolve(printed.split("\n").filter((line) => line.includes("error TS")))
    )
  })
}

/** Of a dependency's own declarations: effect names the DOM's `CryptoKey`, which only `lib: ["DOM"]` or a skipped check has. */
const isForeign = (line: string) => /node_modules\/(?!@millrace\/)/u.test(line)

describe.skipIf(!isAsked)("types", () => {
  for (const given of SERVER_CASES) {
    const { lib, skipLibCheck } = given
    it(`${nameOf(given)}: server and layers compile, optional packages there or not`, async () => {
      const said = await compile(given, { "server.ts": SERVER, "layers.ts": LAYERS })
      const isExcused = skipLibCheck || lib.includes("DOM") ? () => false : isForeign
      expect(said.filter((line) => !isExcused(line))).toEqual([])
    })
  }
})
