import { readFileSync } from "node:fs"
import { join } from "node:path"
import { afterAll, expect, it } from "vitest"
import { millrace, ok, temporaryFolder } from "./support/cli.ts"

const folder = temporaryFolder()
afterAll(folder.remove)
const at = ["--data", folder.path]

const PASSWORD = "planted correct horse"
const listed = async (...args: ReadonlyArray<string>) =>
  JSON.parse(await ok(["users", "list", "--json", ...args, ...at]))

it("users: made with a password from standard input, granted, given another password, disabled and enabled", async () => {
  const made = await ok(["users", "create", "Ada@Shop.example", "--project", "shop", ...at], `${PASSWORD}\n`)
  expect(made).toBe("ada@shop.example may log in, as viewer of shop\n")
  await ok(["users", "create", "bob@shop.example", ...at], PASSWORD)
  await ok(["users", "grant", "ada@shop.example", "--project", "blog", "--role", "admin", ...at])
  expect(await listed("--project", "blog")).toMatchObject([
    {
      email: "ada@shop.example",
      projects: [
        { project: "blog", role: "admin" },
        { project: "shop", role: "viewer" }
      ],
      disabled: false
    }
  ])
  await ok(["users", "grant", "ADA@shop.example", "--project", "blog", "--role", "none", ...at])
  expect(await listed("--project", "blog")).toEqual([])

  const file = () => readFileSync(join(folder.path, "keys", "users.ndjson"), "utf8")
  const hashes = () => file().match(/\$argon2id\$v=19\$m=19456,t=2,p=1\$[\w+/]+\$[\w+/]+/gu)
  expect(new Set(hashes()).size).toBe(2)
  await ok(["users", "passwd", "ada@shop.example", ...at], "another planted password\r\n")
  expect(new Set(hashes()).size).toBe(3)
  expect(file()).not.toContain("planted")

  expect(await ok(["users", "disable", "ada@shop.example", ...at])).toContain("is disabled")
  const table = await ok(["users", "list", ...at])
  expect(table).toMatch(/ada@shop\.example +shop:viewer +disabled/u)
  expect(table).not.toContain("$argon2id")
  await ok(["users", "enable", "ada@shop.example", ...at])
  expect((await listed()).map((user: { disabled: boolean }) => user.disabled)).toEqual([false, false])
}, 120_000)

it.each([
  [["create", "nobody"], PASSWORD, 2, "is not an address"],
  [["create", "short@shop.example"], "short", 2, "at least 12 characters"],
  [["create", "long@shop.example"], "x".repeat(257), 2, "at most 256 characters"],
  [["create", "huge@shop.example"], "x".repeat(100_000), 2, "at most 256 characters"],
  [["create", "none@shop.example"], "", 2, "at least 12 characters"],
  [["create", "bob@shop.example"], PASSWORD, 1, "has an account already"],
  [["create", "eve@shop.example", "--project", "a b"], PASSWORD, 2, "--project must be"],
  [["create", "eve@shop.example", "--password", PASSWORD], "", 2, "--password"],
  [["passwd", "eve@shop.example"], PASSWORD, 1, "has no account"],
  [["disable", "eve@shop.example"], "", 1, "has no account"],
  [["grant", "bob@shop.example", "--project", "shop", "--role", "owner"], "", 2, "role"]
])("users %j is refused", async (args, input, code, message) => {
  const ran = await millrace(["users", ...args, ...at], input)
  expect([ran.code, ran.stdout]).toEqual([code, ""])
  expect(ran.stderr).toContain(message)
  expect(ran.stderr).not.toContain(PASSWORD)
})
