import { readFileSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { afterAll, expect, it } from "vitest"
import { ok, temporaryFolder } from "./support/cli.ts"

const temporary = temporaryFolder()
afterAll(temporary.remove)

const IDS = ["ada", "undefined", " Null", "NaN", "00000000-0000-0000-0000-000000000000", "guest"]
const AT = "2026-01-31T12:00:00Z"
const DAY = ["--from", "2026-01-31", "--to", "2026-01-31"]

const files = {
  "plain.csv": ["user_id,occurred_at,event_type", ...IDS.map((id) => `${id},${AT},visit`)].join("\n"),
  "parsed.csv": ["user_id,occurred_at,event_type,note", ...IDS.map((id) => `${id},${AT},visit,a\\b`)].join("\n"),
  "lines.ndjson": IDS.flatMap((user_id) => [
    { user_id, occurred_at: AT, event_type: "visit" },
    { user_id: "ada", occurred_at: AT, event_type: "$identify", properties: { anonymous_id: user_id } }
  ])
    .map((event) => JSON.stringify(event))
    .join("\n")
}

it("an import refuses rows of nobody by name, and merges neither them nor a shared name", async () => {
  const at = ["--data", join(temporary.path, "data")]
  for (const [name, content] of Object.entries(files)) {
    const file = join(temporary.path, name)
    writeFileSync(file, `${content}\n`)
    await ok(["import", file, ...at])
    const rejects = readFileSync(`${file}.rejects.ndjson`, "utf8").trimEnd().split("\n")
    expect([name, ...rejects.map((line) => (JSON.parse(line) as { code: string }).code)]).toEqual([
      name,
      ...Array.from({ length: 4 }, () => "placeholder_id")
    ])
  }
  const answer = JSON.parse(await ok(["stats", "dau", ...DAY, "--json", ...at])) as object
  expect(answer).toMatchObject({ rows: [{ users: 2 }] })
}, 120_000)
