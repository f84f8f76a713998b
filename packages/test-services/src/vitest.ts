import { afterAll, beforeAll, describe, expect, it } from "vitest"
import type { LocatedProgram } from "./chromium.ts"
import type { TestServer, TestService } from "./TestService.ts"

export interface SuiteInfo {
  /** False for a server that an environment variable names: leave laws that kill or pause it out. */
  readonly owned: boolean
}

/**
 * A suite with a server of its own, started before its first test and removed after its last. Await it at the top of a
 * test file. Where no server can be had the suite is skipped under a line that names what is missing, and fails when
 * `CI=true`: a suite must not pass because nothing ran.
 */
export const describeWithService = async <Server extends TestServer>(
  name: string,
  service: TestService<Server>,
  body: (server: () => Server, info: SuiteInfo) => void
): Promise<void> => {
  const located = await service.locate()
  if (located._tag === "Missing") return reportMissing(name, service.name, located.reason)
  describe(`${name} [${located.origin}]`, () => {
    let server: Server | undefined
    beforeAll(async () => {
      server = await service.start()
    })
    afterAll(async () => {
      await server?.close()
    })
    body(() => {
      if (server === undefined) throw new Error(`${service.name} is asked for before the first test`)
      return server
    }, located)
  })
}

/** As above, for a suite that needs a program. */
export const describeWithProgram = (
  name: string,
  { found, program, timeout }: { readonly program: string; readonly found: LocatedProgram; readonly timeout?: number },
  body: (binary: string) => void
): void => {
  if (found._tag === "Missing") return reportMissing(name, program, found.reason)
  describe(`${name} [${found.binary}]`, timeout === undefined ? {} : { timeout }, () => {
    body(found.binary)
  })
}

const reportMissing = (name: string, what: string, reason: string): void => {
  const line = `no ${what}: ${reason}`
  const mustRun = process.env["CI"] === "true"
  if (!mustRun) process.stderr.write(`skipped: ${name}: ${line}\n`)
  it.skipIf(!mustRun)(`${name}: ${line}`, () => expect.fail(line))
}
