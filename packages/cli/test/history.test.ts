import { readFileSync } from "node:fs"
import { join } from "node:path"
import { gunzipSync } from "node:zlib"
import { afterAll, describe, expect, it } from "vitest"
import {
  dailyUsers,
  monthlyLifecycle,
  monthlyStickiness,
  readCdnow,
  readCollege,
  readEcom,
  threeTimes,
  topTypes,
  weeklyRetention
} from "./support/independent.mjs"
import { ok, temporaryFolder } from "./support/cli.ts"
import { sharedFolder } from "./support/shared.ts"

interface History {
  readonly file: string
  readonly rows: number
  readonly flags: ReadonlyArray<string>
  readonly read: (text: string) => ReturnType<typeof readCdnow>
}

const HISTORIES: ReadonlyArray<History> = [
  {
    file: "CDNOW_master.txt",
    rows: 69_659,
    flags:
      "--delimiter whitespace --map user_id=customer_id --map occurred_at=date --time-format YYYYMMDD --event-type-value purchase".split(
        " "
      ),
    read: readCdnow
  },
  {
    file: "CollegeMsg.txt",
    rows: 59_835,
    flags:
      "--delimiter whitespace --no-header --columns sender,receiver,at --map user_id=sender --map occurred_at=at --time-format unix --event-type-value message".split(
        " "
      ),
    read: readCollege
  },
  { file: "ecom.csv.gz", rows: 31_106, flags: [], read: readEcom }
]

const WINDOWS = 12
const data = sharedFolder("data")
const temporary = temporaryFolder()
afterAll(temporary.remove)

const textOf = (file: string) => {
  const bytes = readFileSync(join(data!, file))
  return (file.endsWith(".gz") ? gunzipSync(bytes) : bytes).toString("utf8")
}

/** A mean's last digits depend on the order of its sum. */
const toMillis = (seconds: unknown) => (typeof seconds === "number" ? Math.round(seconds * 1_000) : null)

const isoDay = (millis: number) => new Date(millis).toISOString().slice(0, 10)

describe.skipIf(data === undefined).each(HISTORIES)("$file imported twice", ({ file, flags, read, rows }) => {
  const folder = join(temporary.path, file)
  const place = ["--data", folder, "--json"]
  const importIt = async (): Promise<unknown> =>
    JSON.parse(
      await ok(["import", join(data!, file), ...flags, ...place, "--rejects", join(temporary.path, `${file}.rejects`)])
    )
  const ask = async (...args: ReadonlyArray<string>): Promise<ReadonlyArray<Record<string, unknown>>> =>
    (JSON.parse(await ok([...args, ...place])) as { readonly rows: ReadonlyArray<Record<string, unknown>> }).rows

  it("counts each row once, and says what an independent reading says", async () => {
    expect(await importIt()).toMatchObject({ rows, accepted: rows, rejected: 0, stored: rows, duplicates: 0 })
    expect(await importIt()).toMatchObject({ rows, accepted: rows, rejected: 0, stored: 0, duplicates: rows })
    expect(JSON.parse(await ok(["ledger", ...place]))).toEqual({
      accepted: 2 * rows,
      stored: rows,
      duplicates: rows,
      dead_lettered: 0,
      replayed: 0,
      in_flight: 0,
      lost: 0,
      difference: 0
    })

    const raw = read(textOf(file))
    expect(raw.length).toBe(rows)
    const millis = raw.map((row) => row.millis).toSorted((a, b) => a - b)
    const [from, to] = [isoDay(millis[0]!), isoDay(millis.at(-1)!)]
    const range = ["--from", from, "--to", to]
    const dau = await ask("stats", "dau", ...range)
    expect(dau.map(({ date, users }) => [date, users])).toEqual(dailyUsers(raw, from, to))
    const top = await ask("stats", "top-events", "--limit", "1000", ...range)
    expect(top.map(({ event_type, events, users }) => [event_type, events, users])).toEqual(topTypes(raw))
    const cohorts = await ask("stats", "retention", "--start-date", from, "--windows", String(WINDOWS))
    const wanted = weeklyRetention(raw, WINDOWS)
    const got = cohorts.map(({ cells, cohort, size }) => [
      cohort,
      size,
      (cells as ReadonlyArray<{ users: number }>).map(({ users }) => users)
    ])
    expect(got.slice(0, wanted.length)).toEqual(wanted)
    expect(got.slice(wanted.length).every((row) => row[1] === 0)).toBe(true)

    const monthly = [...range, "--interval", "month"]
    const lifecycle = await ask("stats", "lifecycle", ...monthly)
    expect(
      lifecycle.map((row) => [row["date"], row["new"], row["returning"], row["resurrecting"], row["dormant"]])
    ).toEqual(monthlyLifecycle(raw))
    const stickiness = await ask("stats", "stickiness", ...monthly)
    expect(stickiness.map(({ users }) => users)).toEqual(monthlyStickiness(raw))
    const anything = ["--step", "event_type exists"]
    const funnel = await ask("stats", "funnel", ...range, ...anything, ...anything, ...anything, "--window", "30d")
    const times = threeTimes(raw, 30)
    expect(
      funnel.map(({ mean_seconds, median_seconds, users }) => [users, median_seconds, toMillis(mean_seconds)])
    ).toEqual(times.map(([users, median, mean]) => [users, median, toMillis(mean)]))
  })
})
