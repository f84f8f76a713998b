import { createClient } from "./index.ts"
import type { Stub } from "./snippet.ts"

const stub = (globalThis as { millrace?: Stub }).millrace
const client = stub?.options && createClient(stub.options)
const calls = stub?.calls ?? []

// The same object goes on, so that references to it stay good; what was called before is called now.
Object.assign(((globalThis as { millrace?: object }).millrace ??= {}), client, { createClient, calls: undefined })
for (const [method, args] of calls)
  (client as unknown as Record<string, (...args: ReadonlyArray<unknown>) => void>)[method]?.(...args)
