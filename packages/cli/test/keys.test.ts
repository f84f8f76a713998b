import { readFileSync } from "node:fs"
import { join } from "node:path"
import { afterAll, afterEach, expect, it, vi } from "vitest"
import { millrace, ok, temporaryFolder } from "./support/cli.ts"

const folder = temporaryFolder()
afterAll(folder.remove)
afterEach(() => void vi.unstubAllEnvs())
const at = ["--data", folder.path]

it("keys: created once in the open, listed by prefix, revoked by it", async () => {
  const key = (await ok(["keys", "create", "--project", "shop", "--scope", "write", ...at])).trim()
  expect(key).toMatch(/^mr_w_[0-9A-Za-z]{49}$/u)
  const other = JSON.parse(
    await ok(["keys", "create", "--scope", "read", "--origin", "https://shop.example", "--json", ...at])
  )
  expect(other).toMatchObject({ project_id: "default", scope: "read", origins: ["https://shop.example"] })
  const listed = await ok(["keys", "list", ...at])
  expect(listed).toContain(key.slice(0, 13))
  expect(listed).not.toContain(key.slice(0, 14))
  expect(readFileSync(join(folder.path, "keys", "keys.ndjson"), "utf8")).not.toContain(key)

  expect(await ok(["keys", "revoke", key.slice(0, 13), ...at])).toContain("is revoked")
  const keys = JSON.parse(await ok(["keys", "list", "--project", "shop", "--json", ...at]))
  expect(keys).toMatchObject([{ prefix: key.slice(0, 13), scope: "write" }])
  expect(keys[0].revoked_at).toMatch(/^2\d{3}-/u)
  expect(await millrace(["keys", "revoke", key.slice(0, 13), ...at])).toMatchObject({ code: 1 })
})

it.each([
  [["create", "--scope", "write", "--project", "a b"], "--project must be"],
  [["create", "--scope", "write", "--origin", "shop.example"], "is not an origin"],
  [["create", "--scope", "everything"], "scope"],
  [["revoke", ""], "no key in use begins with"]
])("keys %j is refused", async (args, message) => {
  const { code, stderr } = await millrace(["keys", ...args, ...at])
  expect(code).not.toBe(0)
  expect(stderr).toContain(message)
})

it("a key store that does not open is no fault of the data folder", async () => {
  vi.stubEnv("MILLRACE_KEY_STORE", "postgres")
  vi.stubEnv("MILLRACE_KEY_PEPPER", "p".repeat(32))
  // Port 1 is nobody's.
  vi.stubEnv("MILLRACE_POSTGRES_URL", "postgres://user:s3cret@127.0.0.1:1/database")
  const { code, stderr } = await millrace(["serve", "--port", "0", ...at])
  expect(code).toBe(1)
  expect(stderr).toMatch(/^millrace: (?!.*s3cret).*ECONNREFUSED.*\n$/u)
})
