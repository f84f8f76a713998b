import type { Options } from "tsup"

/** One build recipe for every package: ESM for Node, externals left alone, declarations come from `tsc`. */
export const shared = (entry: Record<string, string>): Options => ({
  entry,
  format: ["esm"],
  target: "node22",
  platform: "node",
  sourcemap: true,
  clean: true,
  splitting: true,
  dts: false,
  silent: true
})
