// First of all; see there.
// oxlint-disable-next-line import/no-unassigned-import
import "./process/jit.ts"

export {
  adapters,
  type AdapterServices,
  type AdapterChoice,
  type AdapterFailure,
  openWarehouse,
  queueNames,
  unchecked as uncheckedAdapters,
  type QueueName,
  storeNames,
  type StoreName,
  usesDirectory,
  warehouseNames,
  type WarehouseName
} from "./adapters/registry.ts"
export { readFolder } from "./adapters/folder.ts"
export { rolesOf } from "./adapters/roles.ts"
export { AdapterNotInstalled, BadAdapterChoice, FolderTaken, FolderUnusable } from "./adapters/failures.ts"
export { BackupError } from "./backup/BackupError.ts"
export type { Manifest } from "./backup/Manifest.ts"
export { restoreBackup, type RestoreOptions } from "./backup/restoreBackup.ts"
export { type BackupOptions, takeBackup } from "./backup/takeBackup.ts"
export { hashPassword, MAX_PASSWORD_CHARACTERS, MIN_PASSWORD_CHARACTERS } from "./auth/password.ts"
export { accountStoreLayer } from "./auth/stores.ts"
export { hashApiKey, newApiKey, prefixOf } from "./keys/apiKeyText.ts"
export { KeyPepper, keyStoreLayer, keyStoreNames, type KeyPlaces } from "./keys/stores.ts"
export { BadKeys, isProject, type Keys, parseKeys } from "./keys/configuredKeys.ts"
export type { Authorize, Denial, Grant } from "./auth/authorize.ts"
export { serverConfig, serverDefaults, type ServerOptions } from "./config.ts"
export { aboutServer, CannotListen, KeysRequired, type ListenOptions, server, serverLayer } from "./Server.ts"
export { failureText } from "./adapters/failures.ts"
export { isOrigin } from "./http/origins.ts"
export { type Role, ROLES, RolesText } from "./adapters/roles.ts"
export { jsonLogger } from "./observe/jsonLog.ts"
export { otlpTraces } from "./observe/traces.ts"
export { runMain } from "./process/runMain.ts"
export { Access } from "./auth/Access.ts"
export { launch } from "./process/launch.ts"
export { boundShutdown, exitOnUncaught } from "./process/launch.ts"
export { createMillrace, type Millrace, type MillraceOptions, type QueryParams } from "./facade/createMillrace.ts"
export { MillraceError, type MillraceErrorCode } from "./facade/MillraceError.ts"
export type { NodeHandler } from "./facade/handlers.ts"
export type { NewEvent } from "./facade/rawEvents.ts"
export { type SalvagedFolder, salvageFolder, SalvageRefused } from "./folder/salvage.ts"
export { verifyFolder } from "./folder/salvage.ts"
