import { defineConfig } from "tsup"
import { shared } from "../../tsup.shared.ts"

export default defineConfig(
  shared({
    index: "src/index.ts",
    "memory/index": "src/memory/index.ts",
    "kit/account/index": "src/kit/account/index.ts",
    "kit/node/index": "src/kit/node/index.ts",
    "wire/index": "src/wire/index.ts"
  })
)
