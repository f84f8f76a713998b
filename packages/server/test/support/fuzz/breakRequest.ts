import { brotliCompressSync, deflateSync, gzipSync } from "node:zlib"
import { authorized, type Attempt, json, type Plan, targetOf, write } from "./Attempt.ts"
import { breakRules, replaceTexts } from "./breakRule.ts"
import { type Json, type JsonSchema, type OpenApiDocument, resolve } from "./Document.ts"
import { brokenJson, hostileTexts } from "./hostile.ts"
import type { WireRequest } from "./Wire.ts"

export interface Breaker {
  readonly document: OpenApiDocument
  readonly matches: (schema: JsonSchema, value: Json) => boolean
  /** A key that may not do what the operation does, for each scope that an operation can need. */
  readonly keys: Readonly<Record<"admin" | "read" | "write", string>>
}

type Family = (plan: Plan, pick: Pick, breaker: Breaker) => ReadonlyArray<Attempt>

/** One of a list, by the seed. */
export type Pick = <A>(list: ReadonlyArray<A>) => A

const attempt = ({ operation }: Plan, rule: string, expect: Attempt["expect"], request: WireRequest): Attempt => ({
  operation,
  rule,
  expect,
  request
})

const bodyRules: Family = (plan, pick, { document, matches }) => {
  const { body, operation } = plan
  const { jsonBody } = operation
  if (body === undefined || jsonBody === undefined) return []
  const broken = [...breakRules(document, jsonBody, body)].filter(({ value }) => !matches(jsonBody, value))
  const { rule, value } = pick(broken)
  const hostile = pick([...replaceTexts(body, pick(hostileTexts)), body])
  return [
    attempt(plan, `body: ${rule}`, "refused", write({ ...plan, body: value })),
    attempt(plan, `body: ${rule}`, "refused", write({ ...plan, body: value })),
    attempt(plan, "body: a hostile text", "any", write({ ...plan, body: hostile }))
  ]
}

const queryRules: Family = (plan, pick, { document }) => {
  const { operation, query } = plan
  const stray = attempt(plan, "query: unknown", "refused", write({ ...plan, query: [...query, ["stray", "1"]] }))
  if (query.length === 0) return [{ ...stray, expect: "any" }]
  const parameters = new Map((operation.parameters ?? []).map((parameter) => [parameter.name, parameter]))
  const [name, value] = pick(query)
  const at = query.findIndex(([known]) => known === name)
  const { required = false, schema = {} } = parameters.get(name) ?? {}
  const repeatable = /repeated/u.test(resolve(document, schema).description ?? "")
  const replaced = (text: string) => write({ ...plan, query: query.with(at, [name, text]) })
  const rules = [...breakRules(document, schema, value)].filter(({ rule }) => !rule.startsWith("type "))
  return [
    stray,
    attempt(
      plan,
      `query: ${name} twice`,
      repeatable ? "any" : "refused",
      write({ ...plan, query: [...query, [name, value]] })
    ),
    attempt(
      plan,
      `query: ${name} missing`,
      required ? "refused" : "any",
      write({ ...plan, query: query.toSpliced(at, 1) })
    ),
    attempt(plan, `query: ${name} empty`, "any", replaced("")),
    ...rules.map((broken) => attempt(plan, `query: ${broken.rule}${name}`, "refused", replaced(String(broken.value)))),
    attempt(plan, `query: a hostile text as ${name}`, "any", replaced(pick(hostileTexts))),
    attempt(
      plan,
      `query: ${name} with broken escapes`,
      "any",
      write(plan, { target: `${targetOf(plan)}%ff%${pick(["", "z", "0"])}` })
    )
  ]
}

const pathRules: Family = (plan, pick) => {
  const target = targetOf(plan)
  const elsewhere = (rule: string, wrong: string): Attempt => ({
    ...attempt(plan, `path: ${rule}`, "refused", write(plan, { target: wrong })),
    elsewhere: true
  })
  const [path = "", search = ""] = target.split("?")
  const behind = search === "" ? "" : `?${search}`
  // Where a path ends with a parameter, a little less or more is another value of it.
  const endsFixed = !plan.operation.name.endsWith("}")
  return [
    ...(endsFixed
      ? [elsewhere("half of it", `${path.slice(0, -1)}${behind}`), elsewhere("escapes", `${path}%2f%00`)]
      : []),
    elsewhere("a slash at its end", `${path}/${behind}`),
    elsewhere("a slash too many", `/${path}${behind}`),
    elsewhere("in capitals", `${path.toUpperCase()}${behind}`),
    elsewhere("more of it", `${path}/${encodeURIComponent(pick(hostileTexts).toWellFormed())}`),
    elsewhere("bytes", `${path}\u00ff\u0080`),
    elsewhere("nothing at all", pick(["*", "?", "/", "//", "/%", "/..", "http://elsewhere/", "\\", "/\\\\"]))
  ]
}

const METHODS = ["PUT", "PATCH", "DELETE", "POST", "GET", "TRACE", "PROPFIND", "LOCK"]

const methodRules: Family = (plan, pick, { document }) => {
  const taken = new Set(Object.keys(document.paths[plan.operation.path] ?? {}).map((method) => method.toUpperCase()))
  const wrong = pick(METHODS.filter((method) => !taken.has(method)))
  return [
    { ...attempt(plan, `method: ${wrong}`, "refused", write(plan, { method: wrong })), elsewhere: true },
    { ...attempt(plan, "method: unheard of", "refused", write(plan, { method: "FOO" })), elsewhere: true },
    { ...attempt(plan, "method: in lower case", "refused", write(plan, { method: "get" })), elsewhere: true }
  ]
}

const keyRules: Family = (plan, pick, { keys }) => {
  if (!plan.operation.secured) return []
  const headers = plan.body === undefined ? [] : json
  const with_ = (rule: string, key: WireRequest["headers"], expect: Attempt["expect"] = "refused") =>
    attempt(plan, `key: ${rule}`, expect, write(plan, { headers: [...key, ...headers] }))
  return [
    with_("none", []),
    with_("unknown", authorized("mr_w_nobodys")),
    with_("empty", [["authorization", ""]]),
    with_("another scheme", [["authorization", `Digest ${plan.key}`]]),
    with_("not base64", [["authorization", "Basic \u00ff\u00ff\u00ff"]]),
    with_("a hostile text", [
      [
        "x-api-key",
        Buffer.from(pick(hostileTexts))
          .toString("latin1")
          .replaceAll(/[^\u0021-\u007e\u00a0-\u00ff]/gu, "?")
      ]
    ]),
    with_("of a lesser scope", authorized(pick([keys.read, keys.write])), "any"),
    with_("as user of Basic", [["authorization", `Basic ${btoa(`${plan.key}:`)}`]], "any")
  ]
}

const cutOff = (bytes: Uint8Array) => bytes.subarray(0, Math.max(1, bytes.length >> 1))

const encodingRules: Family = (plan, pick) => {
  const { body } = write(plan)
  if (body === undefined) return []
  const encoded = (rule: string, encoding: string, bytes: Uint8Array, expect: Attempt["expect"] = "refused") =>
    attempt(
      plan,
      `encoding: ${rule}`,
      expect,
      write(plan, { headers: [...write(plan).headers, ["content-encoding", encoding]], body: bytes })
    )
  return [
    encoded("unknown", pick(["zstd", "compress", "rot13", "gzip, gzip", "\u00e9"]), body),
    encoded("not what it says", pick(["gzip", "deflate", "br"]), body),
    encoded("gzip cut short", "gzip", cutOff(gzipSync(body))),
    encoded("brotli cut short", "br", cutOff(brotliCompressSync(body))),
    encoded("deflate cut short", "deflate", cutOff(deflateSync(body))),
    encoded("gzip", "gzip", gzipSync(body), "any")
  ]
}

const bytesRules: Family = (plan, pick) => {
  const { body } = write(plan)
  if (body === undefined) return []
  const sent = (rule: string, bytes: Uint8Array) =>
    attempt(plan, `bytes: ${rule}`, "refused", write(plan, { body: bytes }))
  return [
    sent("no JSON", pick(brokenJson)),
    sent("cut short", cutOff(body)),
    sent(
      "a byte that is not UTF-8",
      Buffer.concat([cutOff(body), Buffer.from([0xff]), body.subarray(body.length >> 1)])
    ),
    sent("empty", Buffer.alloc(0)),
    sent("UTF-16", Buffer.from(body.toString(), "utf16le")),
    sent("too much", Buffer.concat([body, Buffer.from("]")]))
  ]
}

const mediaRules: Family = (plan, pick) => {
  if (plan.body === undefined) return []
  const type = (rule: string, value: string) =>
    attempt(
      plan,
      `content type: ${rule}`,
      "refused",
      write(plan, { headers: [...authorized(plan.key), ["content-type", value]] })
    )
  return [
    type(
      "another",
      pick(["text/html", "application/x-www-form-urlencoded", "multipart/form-data", "image/png", "*/*"])
    ),
    type("no media type", pick(["json", "/", ";;;", "\u00ff", "application/jsonx"])),
    type("another charset", `application/json; charset=${pick(["latin1", "utf-16", "\u00ff"])}`),
    { ...type("none", ""), expect: "any" }
  ]
}

const framingRules: Family = (plan, pick) => {
  const { headers } = write(plan)
  const framed = (rule: string, more: WireRequest["headers"], over: Partial<WireRequest> = {}): Attempt => ({
    ...attempt(plan, `HTTP: ${rule}`, "refused", write(plan, { headers: [...headers, ...more], ...over })),
    elsewhere: true
  })
  return [
    framed("headers too large", [["x-large", "a".repeat(17_000)]]),
    framed("a length that is none", [["content-length", pick(["-1", "1e3", "0x10", "99999999999999999999", ""])]]),
    framed("two lengths", [
      ["content-length", "1"],
      ["content-length", "2"]
    ]),
    framed("length and chunks", [
      ["content-length", "5"],
      ["transfer-encoding", "chunked"]
    ]),
    framed("a chunk without a size", [["transfer-encoding", "chunked"]], {
      body: Buffer.from("zz\r\n[]\r\n0\r\n\r\n")
    }),
    framed("a header's name with a space", [["x bad", "1"]]),
    framed("a control character in a header", [["x-bad", "a\u0000b"]]),
    framed("no host", [], { hostless: true }),
    framed("two hosts", [
      ["host", "localhost"],
      ["host", "localhost"]
    ]),
    ...(plan.body === undefined
      ? []
      : [framed("a body that never ends", [["content-length", "100000"]], { cut: true })])
  ]
}

const FAMILIES: ReadonlyArray<Family> = [
  bodyRules,
  bodyRules,
  queryRules,
  queryRules,
  keyRules,
  bytesRules,
  encodingRules,
  mediaRules,
  methodRules,
  pathRules,
  framingRules
]

/** The plan's request with exactly one rule broken. */
export const breakRequest = (plan: Plan, pick: Pick, breaker: Breaker): Attempt => {
  while (true) {
    const attempts = pick(FAMILIES)(plan, pick, breaker)
    if (attempts.length > 0) return pick(attempts)
  }
}
