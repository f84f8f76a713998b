import { accounts } from "./accounts/accountStore.ts"
import { keys } from "./keys/keyStore.ts"
import { layer, queue, reader } from "./layer.ts"

export type { AccountFileOptions } from "./accounts/accountStore.ts"
export type { KeyFileOptions } from "./keys/keyStore.ts"
export { EmbeddedOptions } from "./config.ts"
export { CorruptLog } from "./log/errors.ts"
export type { Machine } from "./state/recover.ts"
export { type Salvaged, salvageLog } from "./salvage/salvageLog.ts"
export { type Verdict, verifyAccess, verifyLog } from "./salvage/verifyLog.ts"

/**
 * `Embedded.layer({ directory })`: queue and hot store on one log. `Embedded.queue({ directory })`: the queue alone, for another
 * store. `Embedded.reader({ directory })`: a log as it is, to be looked at. `Embedded.keys({ path })`: API keys in a file;
 * `Embedded.accounts({ path })`: accounts.
 */
export const Embedded = { accounts, keys, layer, queue, reader }
