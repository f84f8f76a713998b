import { Contract, PROBLEMS } from "@millrace/core/wire"
import { contractRoutes } from "./support/contractRoutes.ts"
import { HttpApi } from "effect/http-api"
import { readFileSync } from "node:fs"
import { fileURLToPath } from "node:url"
import { describe, expect, it } from "vitest"
import { keyStoreNames } from "../src/keys/stores.ts"
import { limiterNames } from "../src/limits/config.ts"
import { queueNames, storeNames, warehouseNames } from "../src/adapters/registry.ts"

const root = new URL("../../../", import.meta.url)
const read = (path: string) => readFileSync(fileURLToPath(new URL(path, root)), "utf8")
const variablesIn = (text: string) => [...new Set(text.match(/MILLRACE_[A-Z_]+/gu))].toSorted()

/** A path as the page writes it: metrics are many, and stand on a page of their own. */
const written = (pattern: string) =>
  pattern.replaceAll(/:(\w+)/gu, "{$1}").replace(/^\/stats\/(?!query$)[^/]+/u, "/stats/{metric}")

describe("docs/http-api.md", () => {
  const page = read("docs/http-api.md")

  it("names every problem code beside its status, and no other", () => {
    const rows = page.matchAll(/^\| (\d{3}) \| ((?:`[a-z_\d]+`).*) \|$/gmu)
    const documented = [...rows].flatMap(([, status, cells]) =>
      [...cells!.matchAll(/`([a-z_\d]+)`/gu)].map(([, code]) => `${status} ${code}`)
    )
    const stated = Object.entries(PROBLEMS).map(([code, { status }]) => `${status} ${code}`)
    expect(documented.toSorted()).toEqual(stated.toSorted())
  })

  it("names every path of the contract", () => {
    HttpApi.reflect(Contract, {
      onGroup: () => {},
      onEndpoint: ({ endpoint }) => {
        const path = written(endpoint.path).replaceAll(/[{}]/gu, String.raw`\$&`)
        expect(page).toMatch(new RegExp(`\`(?:[A-Z]+ )?${path}\``, "u"))
      }
    })
    expect(page).toContain("`POST /events`")
  })

  it("names beside every path the key or role that the contract asks for", () => {
    const named = { write: "write, or admin", read: "read, or viewer", admin: "admin", operator: "none", none: "none" }
    const rows = page.matchAll(/^\| (`[A-Z]+ \/.*) \| .* \| (.*) \|$/gmu)
    const documented = new Map(
      [...rows].flatMap(([, paths, key]) =>
        [...paths!.matchAll(/(\/[^`]+)`/gu)].map(([, path]) => [path, key] as const)
      )
    )
    for (const { access, pattern } of contractRoutes) {
      const path = written(pattern)
      expect([path, documented.get(path)]).toEqual([path, named[access.scope]])
    }
  })
})

describe("docs/configuration.md", () => {
  const page = read("docs/configuration.md")

  it("names every variable the server and the CLI read, and no other", () => {
    const files = [
      "server/src/config.ts",
      "server/src/adapters/natsConfig.ts",
      "server/src/limits/config.ts",
      "server/src/auth/config.ts",
      "cli/src/command/flags.ts"
    ]
    const sources = files.map((file) => read(`packages/${file}`)).join()
    expect(variablesIn(page)).toEqual(variablesIn(sources))
  })

  it("names every adapter", () => {
    for (const name of [...queueNames, ...storeNames, ...warehouseNames, ...limiterNames, ...keyStoreNames])
      expect(page).toContain(`\`${name}\``)
  })
})
