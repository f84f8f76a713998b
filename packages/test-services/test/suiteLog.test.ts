import { execFile, spawn } from "node:child_process"
import { once } from "node:events"
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest"
import { keepLog } from "../src/index.ts"

const SEARCH = fileURLToPath(new URL("../../../scripts/searchLogs.mjs", import.meta.url))

let folder = ""
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "millrace-suite-logs-"))
})
afterEach(() => {
  vi.unstubAllEnvs()
  rmSync(folder, { recursive: true, force: true })
})

/** As the end of `npm test` runs it. */
const search = (least = "0") =>
  new Promise<{ readonly code: unknown; readonly output: string }>((resolve) => {
    execFile(process.execPath, [SEARCH, folder, least], (error, stdout, stderr) =>
      resolve({ code: error === null ? 0 : error.code, output: stdout + stderr })
    )
  })

/** What servers really write. */
const CLEAN = [
  '{"ts":"2026-11-21T17:04:03.204Z","level":"info","msg":"listening","service":"millrace","version":"1.0.0"}',
  '{"ts":"2026-11-21T17:04:04.100Z","level":"warn","msg":"answered with a failure","request_id":"0b5f4c1e-7d7e-4a57-9a5b-2f1f0b0f6f10","route":"/users/:id","status":503}',
  '{"ts":"2026-11-21T17:04:05.000Z","level":"error","msg":"a load failed","project_id":"shop","error.type":"WarehouseError","key":"mr_w_3fK9aQ2x"}',
  "millrace listening on http://127.0.0.1:4000"
]

const write = (name: string, lines: ReadonlyArray<string>) =>
  writeFileSync(join(folder, name), lines.map((line) => `${line}\n`).join(""))

const KEY = `mr_r_${"Zq3".repeat(15)}`
const LEAKS = [
  ["an API key or a session token", `{"msg":"refused","key":"${KEY}"}`],
  ["an API key or a session token", `mr_s_${"x".repeat(71)}`],
  ["a JSON Web Token", "authorization: Bearer eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJhZGEiLCJleHAiOjF9.c2lnbmF0dXJl"],
  ["a password's hash", '{"row":"$argon2id$v=19$m=19456,t=2,p=1$c2FsdA$aGFzaA"}'],
  ["a private key", "-----BEGIN PRIVATE KEY-----"],
  ["a private key", '{"kty":"OKP","d":"nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A"}'],
  ["an address of mail", '{"msg":"login failed","account":"Ada.Lovelace+x@shop.example"}'],
  ["a part of an event", 'error: value too long for "{\\"user_id\\":\\"4711\\"}"'],
  ["a part of an event", '{"event_type":"visit","properties":{"page":"/"}}'],
  ["something that a test planted", "Failing row contains (planted-user-7)"],
  ["a secret that a server was given", '{"msg":"connect postgres://app:hunter2-4711@db/x"}']
] as const

describe("the search of the suite's logs", () => {
  it.each(LEAKS)("finds %s by file and line, and does not repeat it", async (what, leak) => {
    write("other.log", CLEAN)
    write("leaky.log", [...CLEAN, leak, ...CLEAN])
    write("leaky.secrets.json", ['["hunter2-4711"]'])
    const { code, output } = await search()
    expect(code).toBe(1)
    expect(output).toContain(`leaky.log:${CLEAN.length + 1}: ${what}`)
    expect(output).toContain("1 places with secrets")
    expect(output).not.toContain(leak)
  })

  it("finds one server's secret in another server's log", async () => {
    write("first.log", CLEAN)
    write("first.secrets.json", ['["pepper-0123456789"]'])
    write("second.log", ["the pepper is pepper-0123456789"])
    expect((await search()).output).toContain("second.log:1: a secret that a server was given")
  })

  it("passes what servers really write, and counts it", async () => {
    write("one.log", CLEAN)
    write("one.secrets.json", ['["hunter2-4711","pepper-0123456789"]'])
    const { code, output } = await search("4")
    expect([code, output]).toEqual([
      0,
      "logs of the suite: 5 lines, 2 secrets given to servers, 0 places with secrets or personal data\n"
    ])
  })

  it("fails where there was too little to look at", async () => {
    write("one.log", CLEAN)
    const { code, output } = await search("100")
    expect(code).toBe(1)
    expect(output).toContain("there should be 100 lines or more")
  })
})

describe("keepLog", () => {
  const ENVIRONMENT = {
    MILLRACE_KEYS: "shop:write:write-key-0123456789,shop:admin:admin-key-0123456789",
    MILLRACE_KEY_PEPPER: "pepper-0123456789-0123456789-0123",
    MILLRACE_POSTGRES_URL: "postgres://app:p%40ss-word@127.0.0.1:5432/x",
    MILLRACE_PORT: "4000"
  }

  /** A process that writes the texts, some to standard output and the rest to standard error. */
  const run = async (texts: ReadonlyArray<string>) => {
    const script = `for (const [at, text] of ${JSON.stringify(texts)}.entries()) (at % 2 ? console.log : console.error)(text)`
    const child = spawn(process.execPath, ["-e", script], { stdio: ["ignore", "pipe", "pipe"] })
    keepLog(child, ENVIRONMENT)
    await once(child, "close")
  }

  it.each(["write-key-0123456789", "admin-key-0123456789", "pepper-0123456789-0123456789-0123", "p@ss-word"])(
    "keeps what a server writes, on both of its outputs, and knows that %s is a secret of it",
    async (secret) => {
      vi.stubEnv("MILLRACE_SUITE_LOGS", folder)
      for (const texts of [
        [`so ${secret} is it`, "4000"],
        ["4000", `so ${secret} is it`]
      ]) {
        await run(texts)
        expect((await search()).output).toMatch(/\.log:[12]: a secret that a server was given/u)
        for (const name of readdirSync(folder)) rmSync(join(folder, name))
      }
      await run(CLEAN)
      expect((await search()).code).toBe(0)
    }
  )
})
