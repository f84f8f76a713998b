import { Schema } from "effect"
import { expect, expectTypeOf, it } from "vitest"
import { createClient as createInBrowser } from "../src/browser/index.ts"
import { autocapture, pageViews, sessions, webVitals } from "../src/plugins/index.ts"
import { createClient } from "../src/node/index.ts"
import type { AnyClient } from "../src/core/types.ts"

/** A contract as an application has it: in a file that its server imports, too. */
interface Events {
  readonly purchase: { readonly amount: number; readonly currency?: "EUR" | "USD" }
  readonly visit: {}
}

const PurchaseSchema = Schema.Struct({ amount: Schema.Number })

/** Never called: `tsc` is what runs these, and an error that is expected and missing does not compile. */
export const compiles = () => {
  const client = createClient<Events>({ host: "http://localhost:4000" })
  client.track("purchase", { amount: 1 })
  client.track("purchase", { amount: 1, currency: "EUR" }, { userId: "ada" })
  client.track("visit")
  client.track("visit", {}, { eventId: "0190a6c2-7b1e-7000-8000-000000000003" })
  client.track("$anything", { of: "the SDK's own" })
  // @ts-expect-error a wrong type of event
  client.track("purchased", { amount: 1 })
  // @ts-expect-error a wrong property type
  client.track("purchase", { amount: "1" })
  // @ts-expect-error a wrong value
  client.track("purchase", { amount: 1, currency: "GBP" })
  // @ts-expect-error a wrong property name
  client.track("purchase", { amount: 1, ammount: 2 })
  // @ts-expect-error a required property is missing
  client.track("purchase", {})
  // @ts-expect-error properties are missing
  client.track("purchase")
  // @ts-expect-error an option that does not exist
  client.track("visit", {}, { user: "ada" })
  // @ts-expect-error the host is required
  createClient<Events>({ key: "a-write-key-of-mine" })
  // @ts-expect-error an option of Node's only
  createInBrowser<Events>({ host: "http://localhost:4000", queueFolder: "/tmp" })
  // @ts-expect-error properties are an object
  createClient<{ wrong: number }>({ host: "http://localhost:4000" })

  const schemas = createClient<{ purchase: typeof PurchaseSchema.Type }>({ host: "http://localhost:4000" })
  schemas.track("purchase", { amount: 1 })
  // @ts-expect-error a schema's type holds as well
  schemas.track("purchase", { amount: true })

  const loose = createClient({ host: "http://localhost:4000" })
  loose.track("whatever", { n: 1 })
  // @ts-expect-error a type of event is a string
  loose.track(5)

  for (const plugin of [autocapture, pageViews, sessions, webVitals]) plugin(client)
  return { client, loose }
}

it("what `track` returns and plugins take", () => {
  expectTypeOf<ReturnType<typeof compiles>["client"]["track"]>().returns.toBeString()
  expectTypeOf<ReturnType<typeof compiles>["client"]>().toExtend<AnyClient>()
  expectTypeOf<ReturnType<typeof compiles>["loose"]>().toExtend<AnyClient>()
  expect(compiles).toBeTypeOf("function")
})
