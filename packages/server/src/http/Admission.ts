import { Context } from "effect"
import type { Role } from "../adapters/roles.ts"
import type { BodyBudget } from "./BodyBudget.ts"
import type { Jobs } from "./Jobs.ts"

/** Admission: by what state of the server a request is let in. */
export class Admission extends Context.Service<
  Admission,
  {
    readonly roles: ReadonlyArray<Role>
    readonly budget: BodyBudget
    /** Answer only requests for a loopback name: without keys, a web page could reach us by DNS rebinding. */
    readonly loopbackNamesOnly: boolean
    /** Part of another program's server, which nothing guards: it takes events and nothing else. */
    readonly eventsOnly: boolean
    /** Part of another program's server: its inner numbers are for those who may do everything. */
    readonly mounted: boolean
    /** No key decides what a request may do, so that the page which made it does. */
    readonly guardsOrigins: boolean
    /** Web origins whose pages may read statistics. */
    readonly readers: ReadonlySet<string>
    /** Pages served from this machine may, too: where there are no keys that they would need. */
    readonly loopbackReaders: boolean
    /** The data folder, for its disk; undefined where there is none. */
    readonly directory: string | undefined
    /** Below it backups are made on request; undefined: none are. */
    readonly backupDirectory: string | undefined
    /** Erasures and backups: each reads all there is, and no copy shall hold half of an erasure. */
    readonly jobs: Jobs
    readonly state: { closing: boolean }
  }
>()("@millrace/server/Admission") {}
