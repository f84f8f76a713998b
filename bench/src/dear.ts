import { type ChildProcess, spawn } from "node:child_process"
import { mkdtempSync, openSync, readFileSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { setTimeout as sleep } from "node:timers/promises"
import { fileURLToPath } from "node:url"
import { DuckDBInstance } from "@duckdb/node-api"
import { type QuestionParams, deep, HEAVY, PROJECTS, QUESTIONS, RANGE } from "./dearQuestions.ts"
import { type Measured, measure } from "./Process.ts"
import { makeWarehouse } from "./queries.ts"
import { median, printTable, round } from "./table.ts"

const CLI = fileURLToPath(new URL("../../packages/cli/dist/main.js", import.meta.url))

const START_MICROS = Date.parse(`${RANGE.from}T00:00:00Z`) * 1_000
const RANGE_MICROS = 26 * 86_400_000_000

const fill = async (path: string) => {
  const instance = await DuckDBInstance.create(path)
  const connection = await instance.connect()
  await connection.run("SELECT setseed(0.42)")
  for (const { events, project, properties, type, user } of PROJECTS) {
    const step = Math.floor(RANGE_MICROS / events)
    await connection.run(`
      INSERT INTO events (project_id, event_id, occurred_at, user_id, event_type, properties, received_at, skew_micros)
      SELECT '${project}', uuid(), moment, ${user}, ${type}, ${properties}, moment, 0
      FROM (SELECT i, make_timestamp(${START_MICROS}::BIGINT + i * ${step}) AS moment FROM range(${events}) t(i))`)
  }
  await connection.run("CHECKPOINT")
  connection.closeSync()
  instance.closeSync()
}

const keyOf = (project: string) => `key-of-project-${project}`
const KEYS = PROJECTS.map(({ project }) => `${project}:read:${keyOf(project)}`).join(",")

interface Served extends Measured {
  readonly url: string
  readonly log: () => ReadonlyArray<string>
}

const portOf = (child: ChildProcess) =>
  new Promise<string>((resolve, reject) => {
    child.stdout!.on("data", (text: Buffer) => {
      const port = /http:\/\/127\.0\.0\.1:(\d+)/u.exec(text.toString())?.[1]
      if (port !== undefined) resolve(port)
    })
    child.once("exit", (code) => reject(new Error(`the server ended with ${code}`)))
  })

const serve = async (directory: string, env: NodeJS.ProcessEnv): Promise<Served> => {
  const log = join(directory, "server.log")
  const child = spawn(process.execPath, [CLI, "serve", "--port", "0", "--data", directory], {
    stdio: ["ignore", "pipe", openSync(log, "w")],
    env: { ...process.env, MILLRACE_KEYS: KEYS, ...env }
  })
  const url = `http://127.0.0.1:${await portOf(child)}`
  return { ...measure(child), url, log: () => readFileSync(log, "utf8").split("\n") }
}

interface Answer {
  readonly millis: number
  /** Of a problem with its code: `422 question_too_expensive`. */
  readonly status: string
  readonly contentType: string | null
  readonly requestId: string | null
  readonly rows: number
}

const ask = async (url: string, project: string, metric: string, params: QuestionParams): Promise<Answer> => {
  const begun = performance.now()
  const response = await fetch(`${url}/stats/query`, {
    method: "POST",
    headers: { authorization: `Bearer ${keyOf(project)}`, "content-type": "application/json" },
    body: JSON.stringify({ metric, params: { ...RANGE, ...params } })
  })
  const body = (await response.json()) as { readonly rows?: ReadonlyArray<unknown>; readonly type?: string }
  return {
    millis: performance.now() - begun,
    status: `${response.status} ${body.type?.split(":").at(-1) ?? ""}`.trim(),
    contentType: response.headers.get("content-type"),
    requestId: response.headers.get("x-request-id"),
    rows: body.rows?.length ?? 0
  }
}

/** Each question for the first time, by the clock and by the server's processor. */
const dearOnes = async (server: Served) => {
  const rows: Array<Record<string, string | number>> = []
  for (const { name, metric, params, project } of QUESTIONS) {
    const before = server.cpuSeconds()
    const { millis, rows: count, status } = await ask(server.url, project, metric, params)
    const cpu = round(server.cpuSeconds() - before)
    rows.push({ question: name, metric, ms: Math.round(millis), "CPU s": cpu, status, rows: count })
  }
  printTable(rows)
}

const ASKERS = 4
const LIGHT = 20

/** Four questions of one project go on while another one asks light ones. */
const besideHeavy = async (url: string) => {
  const going = new AbortController()
  const heavy: Array<Answer> = []
  const askers = Array.from({ length: ASKERS }, async (_, asker) => {
    for (let index = 0; !going.signal.aborted; index++) {
      const where = { field: "properties.amount", op: ">", value: asker }
      heavy.push(await ask(url, "a", "funnel", { ...HEAVY, window: `${30 + index}d`, where }))
    }
  })
  const light: Array<Answer> = []
  for (let index = 0; index < LIGHT; index++) {
    await sleep(500)
    light.push(await ask(url, "b", "trend", { breakdown: "properties.path", where: deep(1 + (index % 3)) }))
  }
  going.abort()
  await Promise.all(askers)
  const row = (what: string, answers: ReadonlyArray<Answer>) => ({
    what,
    answers: answers.length,
    "p50 ms": Math.round(median(answers.map(({ millis }) => millis))),
    "longest ms": Math.round(Math.max(...answers.map(({ millis }) => millis))),
    statuses: [...new Set(answers.map(({ status }) => status))].join(", ")
  })
  printTable([row("light ones of project b", light), row(`project a's, ${ASKERS} at a time`, heavy)])
}

/** What a question that is stopped at its limit is told, and the log. */
const stoppedAtLimit = async ({ log, url }: Served) => {
  const { contentType, millis, requestId, status } = await ask(url, "a", "funnel", HEAVY)
  const line = log().find((each) => requestId !== null && each.includes(requestId))
  console.log(`after ${Math.round(millis)} ms: ${status}, ${contentType}, request-id ${requestId}; log: ${line}`)
}

const served = async (directory: string, env: NodeJS.ProcessEnv, body: (server: Served) => Promise<void>) => {
  const server = await serve(directory, env)
  try {
    await body(server)
    console.log(`peak: ${Math.round(server.peakMebibytes())} MiB`)
  } finally {
    await server.stop()
  }
}

const SMALL = { MILLRACE_QUERY_MEMORY_MEGABYTES: "64", MILLRACE_QUERY_SPILL_MEGABYTES: "0" }

/** Questions that are dear by what they ask, over HTTP: as a server comes, with little memory, and at the limit of time. */
export const benchDear = async (limitMillis: number): Promise<void> => {
  const directory = mkdtempSync(join(tmpdir(), "millrace-bench-"))
  try {
    const path = join(directory, "warehouse.duckdb")
    await makeWarehouse(path)
    await fill(path)
    console.log("dear: as a server comes")
    await served(directory, {}, async (server) => {
      await dearOnes(server)
      await besideHeavy(server.url)
    })
    console.log("dear: 64 MB of memory, nothing spilled")
    await served(directory, SMALL, dearOnes)
    console.log(`dear: stopped after ${limitMillis} ms`)
    await served(directory, { MILLRACE_QUERY_TIMEOUT_MILLIS: String(limitMillis) }, stoppedAtLimit)
  } finally {
    rmSync(directory, { recursive: true, force: true })
  }
}
