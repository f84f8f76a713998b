export * as Embedded from "./Embedded.ts"
export { EmbeddedOptions } from "./config.ts"
export { CorruptLog, DirectoryInUse } from "./log/errors.ts"
export { lockOwner } from "./log/DirectoryLock.ts"
