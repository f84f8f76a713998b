import { readFileSync, writeFileSync } from "node:fs"
import { hostname } from "node:os"
import { join } from "node:path"
import { countingNames } from "@millrace/core"
import { gzipSync } from "node:zlib"
import type { ChildProcess } from "node:child_process"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { ended, millrace, ok, type Ran, start, temporaryFolder } from "./support/cli.ts"

const temporary = temporaryFolder()
const folder = join(temporary.path, "data")
afterAll(temporary.remove)

const COMMANDS = [
  "",
  "serve",
  "import",
  "stats",
  ...countingNames.map((name) => `stats ${name}`),
  "stats users",
  "stats users retention",
  "ledger",
  "dlq",
  "dlq list",
  "dlq replay",
  "dlq purge",
  "erase",
  "export",
  "send",
  "rebuild",
  "doctor"
]
const words = (line: string) => line.split(" ").filter((word) => word !== "")

/** Few at a time: the machine has two cores. */
const inPairs = async <A, B>(items: ReadonlyArray<A>, work: (item: A) => Promise<B>): Promise<ReadonlyArray<B>> => {
  const out: Array<B> = []
  for (let at = 0; at < items.length; at += 2) out.push(...(await Promise.all(items.slice(at, at + 2).map(work))))
  return out
}

const oneSentence = ({ stderr }: Ran) => {
  expect(stderr).toMatch(/^millrace: [^\n]+\n$/u)
  return stderr
}

it("--help of every command ends with 0 and states the exit codes", async () => {
  const answers = await inPairs(COMMANDS, (command) => millrace([...words(command), "--help"]))
  for (const { code, stderr, stdout } of answers) {
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" })
    expect(stdout).toContain("0 ok, 1 failure, 2 wrong usage")
  }
})

it("wrong usage ends with 2 and one sentence on stderr", async () => {
  const csv = join(temporary.path, "usage.csv")
  writeFileSync(csv, "a,b\n1,2\n")
  const wrong = [
    "nonsense",
    "import",
    "stats dau --nonsense",
    "stats funnel",
    "ledger --url http://127.0.0.1:1 --data x",
    "ledger --url nonsense",
    `import ${csv} --no-header`,
    `import ${csv} --no-header --columns user_id,user_id`,
    `import ${csv} --delimiter ab`,
    `import ${csv} --map nonsense=a`,
    `import ${csv} --time-format YYYY`,
    `import ${csv} --map user_id=z --map occurred_at=a --event-type-value e --data ${folder}-usage`,
    "serve --port 70000",
    "dlq purge",
    "dlq purge --all",
    "send --user-id u"
  ]
  const answers = await inPairs(wrong, (line) => millrace(words(line)))
  for (const [index, answer] of answers.entries()) {
    expect([wrong[index], answer.code]).toEqual([wrong[index], 2])
    oneSentence(answer)
  }
})

it("a failure ends with 1 and one sentence on stderr", async () => {
  const notGzip = join(temporary.path, "not.csv.gz")
  writeFileSync(notGzip, "plain")
  const failing = [
    "ledger --url http://127.0.0.1:1",
    `ledger --data ${join(temporary.path, "absent")}`,
    `import ${join(temporary.path, "absent.csv")} --data ${folder}-failing`,
    `import ${notGzip} --data ${folder}-failing-too`
  ]
  const answers = await inPairs(failing, (line) => millrace(words(line)))
  for (const answer of answers) {
    expect(answer.code).toBe(1)
    oneSentence(answer)
  }
  expect(answers[2]!.stderr).toContain("there is no such file")
})

describe("with a server", () => {
  let server: ChildProcess
  let exit: Promise<Ran>
  let url: string
  const at = (line: string) => [...words(line), "--url", url]

  beforeAll(async () => {
    server = start(["serve", "--port", "0", "--data", folder])
    exit = ended(server)
    url = await new Promise((resolve, reject) => {
      server.stdout!.once("data", (text: Buffer) => resolve(/http:\/\/\S+/u.exec(text.toString())![0]))
      void exit.then(({ stderr }) => reject(new Error(stderr)))
    })
  })
  afterAll(() => {
    server.kill("SIGKILL")
  })

  const loaded = async (stored: number) => {
    for (;;) {
      const entry = JSON.parse(await ok(at("ledger --json"))) as { stored: number; in_flight: number }
      if (entry.in_flight === 0 && entry.stored >= stored) return entry
    }
  }

  it("send: the verdict of one event, from flags or standard input", async () => {
    expect(await ok(at("send --user-id u1 --event-type ping"))).toMatch(/^accepted [0-9a-f-]{36}\n$/u)
    const refused = await millrace(at("send"), '{"event_id":"x"}')
    expect(refused.code).toBe(1)
    expect(oneSentence(refused)).toContain("rejected: event_id must be a UUID")
  })

  it("import over HTTP: gzip, rejects with line numbers, and a second import adds nothing", async () => {
    const rows = Array.from(
      { length: 6_000 },
      (_, index) => `u${index % 50},2026-01-0${1 + (index % 5)}T00:00:00Z,${index}`
    )
    rows[10] = "u1,never,10"
    rows[5_999] = `${"x".repeat(300)},2026-01-01T00:00:00Z,5999`
    const file = join(temporary.path, "http.csv.gz")
    writeFileSync(file, gzipSync(`user_id,occurred_at,n\n${rows.join("\n")}\n`))
    const arguments_ = at(`import ${file} --event-type-value visit --json`)
    const first: unknown = JSON.parse(await ok(arguments_))
    expect(first).toMatchObject({ rows: 6_000, accepted: 5_998, rejected: 2, rejects_file: `${file}.rejects.ndjson` })
    const lines = readFileSync(`${file}.rejects.ndjson`, "utf8")
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line) as Record<string, unknown>)
    expect(lines.map(({ code, line, path }) => [line, code, path])).toEqual([
      [12, "invalid_date_time", "/occurred_at"],
      [6_001, "too_long", "/user_id"]
    ])
    const { stored } = await loaded(5_999)
    await ok(arguments_)
    expect(await loaded(stored)).toMatchObject({ stored: 5_999, duplicates: 5_998, difference: 0 })
  })

  it("import reads NDJSON from standard input", async () => {
    const event = {
      event_id: "0190a6c2-7b1e-7000-8000-000000000001",
      occurred_at: "2026-01-01T00:00:00Z",
      user_id: "n",
      event_type: "nd"
    }
    const input = `${JSON.stringify(event)}\n\n{"broken\n${JSON.stringify({ ...event, extra: 1 })}\n`
    const { code, stdout } = await millrace(at("import - --format ndjson --json"), input, { cwd: temporary.path })
    expect(code).toBe(0)
    expect(JSON.parse(stdout)).toMatchObject({ rows: 3, accepted: 1, rejected: 2 })
    const rejects = readFileSync(join(temporary.path, "stdin.rejects.ndjson"), "utf8")
    expect(
      rejects
        .split("\n")
        .slice(0, 2)
        .map((line) => (JSON.parse(line) as { code: string }).code)
    ).toEqual(["broken_record", "unknown_field"])
  })

  it("stats: tables for people, the answer as it is with --json, a refused parameter is wrong usage", async () => {
    await loaded(5_999)
    const range = "--from 2026-01-01 --to 2026-01-05"
    expect(await ok(at(`stats dau ${range}`))).toContain("2026-01-01     11  █")
    const body: unknown = await (await fetch(`${url}/stats/top-events?from=2026-01-01&to=2026-01-05`)).json()
    expect(JSON.parse(await ok(at(`stats top-events ${range} --json`)))).toMatchObject({
      rows: (body as { rows: unknown }).rows
    })
    expect(await ok(at("stats retention --start-date 2026-01-01"))).toContain("cohort")
    const first = await ok(at(`stats users dau ${range} --date 2026-01-01 --limit 1`))
    expect(first).toContain("users of dau, date=2026-01-01")
    const listed: unknown = JSON.parse(await ok(at(`stats users dau ${range} --date 2026-01-01 --json`)))
    expect(listed).toHaveProperty("rows.length", 11)
    const dropped = await ok(at(`stats users funnel ${range} --step visit --step nothing --dropped 2 --json`))
    expect(JSON.parse(dropped)).toMatchObject({ metric: "funnel/users", params: { step: 2, outcome: "dropped" } })
    const refused = await millrace(at("stats dau --tz Nowhere/Land"))
    expect(refused.code).toBe(2)
    expect(oneSentence(refused)).toContain("tz must be an IANA time zone")
  })

  it("dlq: an empty list, and nothing to replay or purge", async () => {
    expect(await ok(at("dlq list"))).toBe("no dead letters\n")
    expect(await ok(at("dlq replay --all"))).toBe("0 dead letters queued again\n")
    expect(await ok(at("dlq purge --all --yes --json"))).toContain('"count":0')
  })

  it("doctor: all is well, and an absent server is a finding", async () => {
    const { ok: well, findings } = JSON.parse(await ok(at("doctor --json"))) as {
      ok: boolean
      findings: ReadonlyArray<{ name: string }>
    }
    expect(well).toBe(true)
    expect(findings.map(({ name }) => name)).toEqual(["millrace", "node", "server", "clock", "ledger"])
    const sick = await millrace(["doctor", "--url", "http://127.0.0.1:1"])
    expect(sick.code).toBe(1)
    expect(sick.stdout).toContain("→ start it with `millrace serve`")
  })

  it("a folder that a server has open is refused, with its pid and what to use instead", async () => {
    const csv = join(temporary.path, "owned.csv")
    writeFileSync(csv, "user_id,occurred_at\nu,2026-01-01T00:00:00Z\n")
    const owned = `${folder} is owned by process ${server.pid} on host ${hostname()}, since 20`
    const wanted = expect.stringMatching(new RegExp(`${owned}\\S+; use --url`, "u"))
    expect(oneSentence(await millrace(words(`import ${csv} --event-type-value e --data ${folder}`)))).toEqual(wanted)
    expect(oneSentence(await millrace(words(`ledger --data ${folder}`)))).toEqual(wanted)
    expect(oneSentence(await millrace(words(`serve --port 0 --data ${folder}`)))).toEqual(wanted)
    expect(oneSentence(await millrace(words(`rebuild --data ${folder}`)))).toContain("stop it first")
  })

  it("serve: a role that does not exist, or leaves work undone, is refused by name", async () => {
    const unknown = await millrace(words(`serve --roles ingest,cook --data ${folder}-other`))
    expect([unknown.code, oneSentence(unknown)]).toEqual([2, expect.stringContaining("--roles")])
    const alone = await millrace(words(`serve --port 0 --roles worker --data ${folder}-other`))
    expect([alone.code, oneSentence(alone)]).toEqual([1, expect.stringContaining("MILLRACE_ROLES worker without")])
  })

  it("serve: a taken port is named; SIGTERM ends it with 0", async () => {
    const taken = await millrace(words(`serve --port ${new URL(url).port} --data ${folder}-other`))
    expect(taken.code).toBe(1)
    expect(oneSentence(taken)).toContain("is taken")
    server.kill("SIGTERM")
    expect(await exit).toMatchObject({ code: 0, signal: null })
    const asked = words(`stats dau --from 2026-01-01 --to 2026-12-31 --json --data ${folder}`)
    const before = await ok(asked)
    expect(await ok(words(`rebuild --data ${folder}`))).toContain("rebuilt from its events")
    expect(JSON.parse(await ok(asked))).toMatchObject({
      rows: (JSON.parse(before) as { rows: unknown }).rows
    })
  })
})
