import { mergeConfig } from "vitest/config"
import shared from "../../vitest.shared.ts"

export default mergeConfig(shared, {
  test: { globalSetup: "test/support/setup.ts", testTimeout: 300_000, hookTimeout: 600_000 }
})
