import { defineConfig, mergeConfig } from "vitest/config"
import shared from "../../../vitest.shared.ts"

// Longer than the tests' own patience with a server that comes back, so that a failure names what was waited for.
export default mergeConfig(shared, defineConfig({ test: { testTimeout: 300_000 } }))
