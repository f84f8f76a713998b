import { describe } from "vitest"
import { refusalLaws } from "./support/refusalLaws.ts"

describe("queue and store embedded", () => {
  refusalLaws(() => Promise.resolve({}))
})
