import { existsSync, mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { createMillrace, type Millrace } from "../src/index.ts"
import { event } from "./support/events.ts"

/** As plain JavaScript calls it: nothing was checked before. */
const create = (...options: ReadonlyArray<unknown>) =>
  (createMillrace as (...given: ReadonlyArray<unknown>) => Promise<Millrace>)(...options)

const folder = mkdtempSync(join(tmpdir(), "millrace-arguments-"))
const file = join(folder, "file")
writeFileSync(file, "")
afterAll(() => rmSync(folder, { recursive: true }))

describe("each option of createMillrace that cannot be meant is refused by its name, and nothing is opened", () => {
  it.each<[string, unknown, string, RegExp]>([
    ["null", null, "options", /must be an object/u],
    ["a text", "./data", "options", /must be an object/u],
    ["a list", [], "options", /must be an object/u],
    ["an unknown option", { directry: "x" }, "directry", /not known.*did you mean directory\?/u],
    ["one of a server", { port: 4000 }, "port", /not known/u],
    ["a number as directory", { directory: 1 }, "directory", /path of a folder/u],
    ["null as directory", { directory: null }, "directory", /path of a folder/u],
    ["no directory", { directory: "" }, "directory", /path of a folder/u],
    ["a directory with NUL", { directory: "a\0b" }, "directory", /path of a folder/u],
    ["a file as directory", { directory: file }, "directory", /not a folder/u],
    ["a directory below a file", { directory: join(file, "a") }, "directory", /not a folder/u],
    ["a directory that nobody can make", { directory: "/proc/millrace/a" }, "directory", /cannot be made/u],
    ["a layer that is none", { layer: {} }, "layer", /Effect layer/u],
    ["keys as a list", { keys: [] }, "keys", /must be a text/u],
    ["bad keys", { keys: "shop:owner:0123456789abcdef" }, "keys", /entry 1: the scope/u],
    ["authorize as a flag", { authorize: true }, "authorize", /function/u],
    ["open as a text", { open: "yes" }, "open", /true or false/u],
    ["an origin with a path", { origins: ["https://a.example/"] }, "origins", /web origins/u],
    ["origins as a text", { origins: "https://a.example" }, "origins", /list/u],
    ["basePath as a number", { basePath: 1 }, "basePath", /path like/u],
    ["a pipeline that is none", { pipeline: 5 }, "pipeline", /object/u],
    ["a pipeline's unknown number", { pipeline: { loadLimt: 5 } }, "pipeline", /loadLimt.*did you mean loadLimit/u],
    ["a pipeline's text", { pipeline: { loadLimit: "5" } }, "pipeline", /loadLimit/u]
  ])("%s", async (_, options, field, rule) => {
    const failure = await create(options).then(
      () => undefined,
      (error: unknown) => error
    )
    expect(failure).toMatchObject({ name: "MillraceError", code: "invalid_argument", field, retryable: false })
    expect((failure as Error).message).toMatch(rule)
  })

  it.each([
    "/a?b",
    "/a#b",
    "/a b",
    "//a",
    "/a//b",
    "/../a",
    "/a/.",
    "/:id",
    "/a*",
    "https://a.example/b",
    "/%61",
    "\\a"
  ])("basePath %s", async (basePath) => {
    await expect(create({ basePath })).rejects.toMatchObject({ code: "invalid_argument", field: "basePath" })
  })

  it.each([
    ["analytics", "/analytics"],
    ["analytics/", "/analytics"],
    ["/analytics/", "/analytics"],
    ["a/b", "/a/b"],
    ["/", ""],
    ["", ""]
  ])("basePath %j can mean but one path: %j", async (basePath, path) => {
    const millrace = await create({ basePath, open: true })
    expect((await millrace.fetch(new Request(`http://app.example${path}/livez`))).status).toBe(200)
    await millrace.close()
  })

  it("options that are undefined are not given; a folder is made, for its owner alone", async () => {
    const directory = join(folder, "new", "data")
    const millrace = await create({
      directory,
      keys: undefined,
      basePath: undefined,
      pipeline: { loadLimit: undefined }
    })
    await millrace.close()
    expect(statSync(directory).mode & 0o777).toBe(0o700)
    expect(existsSync(join(directory, "warehouse.duckdb"))).toBe(true)
  })
})

describe("each argument that cannot be meant is refused by its name", () => {
  let millrace: Record<"ingest" | "query" | "ledger", (...given: ReadonlyArray<unknown>) => Promise<unknown>>
  let opened: Millrace
  beforeAll(async () => {
    opened = await createMillrace()
    millrace = opened as never
  })
  afterAll(() => opened.close())
  const range = { from: "2026-01-31", to: "2026-01-31" }

  it.each<[string, ReadonlyArray<unknown>, RegExp]>([
    ["one event", [event()], /list of events.*\[event\]/u],
    ["nothing", [], /list of events/u],
    ["null", [null], /list of events/u],
    ["JSON", [JSON.stringify([event()])], /list of events/u],
    ["a set", [new Set([event()])], /list of events/u]
  ])("ingest: %s", async (_, given, rule) => {
    await expect(millrace.ingest(...given)).rejects.toMatchObject({
      code: "invalid_argument",
      field: "events",
      message: expect.stringMatching(rule)
    })
  })

  it.each<[string, unknown, RegExp]>([
    ["retension", "metric", /did you mean retention\?/u],
    ["DAU", "metric", /did you mean dau\?/u],
    ["toString", "metric", /no metric/u],
    ["__proto__", "metric", /no metric/u]
  ])("query: the metric %s", async (metric, field, rule) => {
    await expect(millrace.query(metric, range)).rejects.toMatchObject({
      code: "unknown_metric",
      field,
      message: expect.stringMatching(rule)
    })
  })

  it.each<[string, ReadonlyArray<unknown>, string]>([
    ["no metric", [], "metric"],
    ["a metric that is no text", [7, range], "metric"],
    ["no params", ["dau"], "params"],
    ["params as a list", ["dau", []], "params"],
    ["params as a text", ["dau", "from=2026-01-31"], "params"],
    ["a project in place of options", ["dau", range, "shop"], "options"],
    ["an unknown option", ["dau", range, { projekt: "shop" }], "projekt"],
    ["a project that is none", ["dau", range, { project: "../shop" }], "project"],
    ["a project that is no text", ["dau", range, { project: 7 }], "project"]
  ])("query: %s", async (_, given, field) => {
    await expect(millrace.query(...given)).rejects.toMatchObject({ code: "invalid_argument", field })
  })

  it("projects are checked by every call that takes one", async () => {
    for (const call of [() => millrace.ingest([event()], { project: "" }), () => millrace.ledger({ project: null })]) {
      await expect(call()).rejects.toMatchObject({ code: "invalid_argument", field: "project" })
    }
    expect(await opened.ledger()).toMatchObject({ accepted: 0 })
  })
})
