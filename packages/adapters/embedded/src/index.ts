export * as Embedded from "./Embedded.ts"
export { EmbeddedOptions } from "./config.ts"
export { CorruptLog } from "./log/errors.ts"
export type { Machine } from "./state/recover.ts"
