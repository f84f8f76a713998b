import {
  accept,
  type Answer,
  type BatchVerdict,
  type Filter,
  type Ledger,
  ledger,
  MAX_EVENTS_PER_REQUEST,
  type MetricName,
  type ParamsOf,
  Pipeline,
  type PipelineOptions,
  query
} from "@millrace/core"
import { Cause, Effect, Exit, Layer, ManagedRuntime } from "effect"
import { failureText, FolderTaken } from "../adapters/failures.ts"
import { adapters, type AdapterServices } from "../adapters/registry.ts"
import { appLayer, loopRegistry, metricRegistry } from "../App.ts"
import type { Authorize } from "../auth/authorize.ts"
import { Sessions } from "../auth/Sessions.ts"
import { serverDefaults } from "../config.ts"
import { DEFAULT_PROJECT } from "../http/Caller.ts"
import { configuredKeyCache } from "../keys/KeyCache.ts"
import { Limits } from "../limits/Limits.ts"
import { parseKeys } from "../keys/configuredKeys.ts"
import type { BasePath } from "../routes/docs.ts"
import { ROLES } from "../adapters/roles.ts"
import { Running } from "../observe/Running.ts"
import { explain, MillraceError } from "./MillraceError.ts"
import { type NodeHandler, nodeHandler, WebHandler, webHandlerLayer } from "./handlers.ts"
import { ownLayer } from "./ownLayer.ts"
import { checkEvents, checkInProject, checkMetric, checkOptions, checkParams } from "./options.ts"
import { type NewEvent, toRaw } from "./rawEvents.ts"
export interface MillraceOptions {
  /** Where events are kept, durably. Without it everything is in memory and gone at the end: for trying out. */
  readonly directory?: string
  /** Own adapters instead; `directory` is then not used. */
  readonly layer?: Layer.Layer<AdapterServices, unknown>
  /** `project:scope:key,…`: guards the mounted handler. */
  readonly keys?: string
  /** Decides what a request to the mounted handler may do; beside `keys`, of those that show no key which is known. */
  readonly authorize?: Authorize
  /**
   * Of a mounted handler with neither `keys` nor `authorize`. `true`: everyone who reaches it may read and erase everything,
   * since the program around it guards it. `false`: it takes events and nothing else, as by default, and does not warn
   * of it.
   */
  readonly open?: boolean
  /**
   * Web origins whose pages may read statistics, like `https://dashboard.example`; those of every origin may send
   * events.
   */
  readonly origins?: ReadonlyArray<string>
  /** Where the handler is mounted, for example `/analytics`. */
  readonly basePath?: BasePath
  readonly pipeline?: Partial<PipelineOptions>
}

/** A metric's parameters; those with a default may be left out. */
export type QueryParams<Name extends MetricName> = Pick<QuestionParams<Name>, RequiredKeys<Name>> &
  Partial<QuestionParams<Name>>
type RequiredKeys<Name extends MetricName> = Extract<keyof ParamsOf<Name>, "from" | "to" | "start_date">
type QuestionParams<Name extends MetricName> = {
  readonly [Key in keyof ParamsOf<Name>]: QueryParam<ParamsOf<Name>[Key]>
}
/** Filters and lists of them may also come as the text that a query string would hold; a step may be an event type. */
type QueryParam<Value> = Value extends Filter
  ? Filter | string
  : Value extends ReadonlyArray<Filter>
    ? ReadonlyArray<Filter | string> | string
    : Value

interface InProject {
  /** Default `default`. Projects never mix. */
  readonly project?: string
}

/** One millrace in this process. Every promise rejects with a `MillraceError`. */
export interface Millrace {
  /** Resolves when the accepted events are durable; each refused one is listed with its index and reason. */
  readonly ingest: (events: ReadonlyArray<NewEvent>, options?: InProject) => Promise<BatchVerdict>
  readonly query: <Name extends MetricName>(
    metric: Name,
    params: QueryParams<Name>,
    options?: InProject
  ) => Promise<Answer<Name>>
  readonly ledger: (options?: InProject) => Promise<Ledger>
  /** Resolves when everything accepted before the call is counted in every answer. */
  readonly flush: () => Promise<void>
  /** Loads what was accepted, then closes; safe to call twice. */
  readonly close: () => Promise<void>
  /**
   * Completes once this instance can accept nothing any more, with code `queue_broken` and a message that names file and
   * error; pending while all is well. The program goes on: close this instance and make another.
   */
  readonly broken: Promise<MillraceError>
  /**
   * The same API as the server's, for any framework that speaks `Request` and `Response`. Without `keys`, `authorize` or
   * `open: true` it takes `POST /events` and nothing else.
   */
  readonly fetch: (request: Request) => Promise<Response>
  /**
   * The same for servers that speak Node's `http`, like Express; a body that a parser has read already is taken as it
   * left it.
   */
  readonly node: NodeHandler
}

/** Opens millrace for programs that do not use Effect. */
export const createMillrace = async (given: MillraceOptions = {}): Promise<Millrace> => {
  const options = checkOptions(given)
  const runtime = ManagedRuntime.make(layerOf(options))
  const run = <A, E>(effect: Effect.Effect<A, E, RuntimeServices>) => runWith(runtime, effect)
  const handler = await run(Effect.map(WebHandler, (handle) => handle)).catch(async (error: unknown) => {
    await runtime.dispose()
    throw notOpened(error)
  })
  const notice = noticeOf(options)
  if (options.basePath !== undefined && options.basePath !== "") notice()
  let closing: Promise<void> | undefined
  /** What `check` throws is told like any other failure. */
  const whileOpen = async <A, E>(check: () => void, effect: () => Effect.Effect<A, E, RuntimeServices>): Promise<A> => {
    if (closing !== undefined) throw new MillraceError("closed", "This millrace is closed.")
    check()
    return run(effect())
  }
  const fetch = async (request: Request): Promise<Response> => {
    notice()
    if (closing !== undefined) throw new MillraceError("closed", "This millrace is closed.")
    return handler(request)
  }
  return {
    ...callsOf(whileOpen),
    broken: brokenOf(runtime),
    close: () => (closing ??= runtime.dispose()),
    fetch,
    node: nodeHandler(fetch)
  }
}

type WhileOpen = <A, E>(check: () => void, effect: () => Effect.Effect<A, E, RuntimeServices>) => Promise<A>

const callsOf = (whileOpen: WhileOpen): Pick<Millrace, "ingest" | "query" | "ledger" | "flush"> => ({
  ingest: (events, options) =>
    whileOpen(
      () => [checkEvents(events), checkInProject(options)],
      () => ingestAll(events, projectOf(options))
    ),
  query: (metric, params, options) =>
    whileOpen(
      () => [checkMetric(metric), checkParams(params), checkInProject(options)],
      () => query({ metric, project_id: projectOf(options), params: { ...params } })
    ),
  ledger: (options) =>
    whileOpen(
      () => checkInProject(options),
      () => ledger(projectOf(options))
    ),
  flush: () =>
    whileOpen(
      () => {},
      () => Effect.flatMap(Pipeline, ({ flush }) => flush)
    )
})

const projectOf = (options: InProject | undefined): string => options?.project ?? DEFAULT_PROJECT

/** Says once, and to who did not choose it, how little the handler does. */
const noticeOf = ({ authorize, keys = "", open }: MillraceOptions) => {
  let isDue = authorize === undefined && keys === "" && open === undefined
  return () => {
    if (isDue) console.warn(EVENTS_ONLY)
    isDue = false
  }
}

const EVENTS_ONLY =
  "millrace: the mounted handler takes events alone (POST /events), since nothing guards it. Give createMillrace one of " +
  "keys, authorize or open: true to open more; open: false keeps it so without this line."

type RuntimeServices = AdapterServices | Pipeline | Running | WebHandler

const layerOf = (options: MillraceOptions): Layer.Layer<RuntimeServices, unknown> => {
  const app = appLayer({
    roles: ROLES,
    limits: Limits.none,
    sessions: Sessions.none,
    readers: new Set(options.origins),
    mounted: { authorize: options.authorize, open: options.open ?? false },
    keyCache: Effect.sync(() => configuredKeyCache(parseKeys(options.keys ?? ""))),
    jobWaitMillis: serverDefaults.jobWaitMillis,
    maxInFlightBytes: serverDefaults.maxInFlightBytes,
    ...(options.pipeline === undefined ? {} : { pipeline: options.pipeline })
  })
  return webHandlerLayer(options.basePath ?? "").pipe(
    Layer.provideMerge(app),
    Layer.provideMerge(Running.layer),
    Layer.provideMerge(options.layer === undefined ? adaptersOf(options.directory) : ownLayer(options.layer)),
    Layer.provide(metricRegistry),
    Layer.provide(loopRegistry)
  )
}

const adaptersOf = (directory: string | undefined) =>
  directory === undefined
    ? adapters({ queue: "memory", warehouse: "memory", directory: "" })
    : adapters({ queue: "embedded", warehouse: "duckdb", directory })

/** In slices, so that a long list does not hold the event loop. */
const ingestAll = Effect.fnUntraced(function* (events: ReadonlyArray<NewEvent>, project: string) {
  const rejected: Array<BatchVerdict["rejected"][number]> = []
  let accepted = 0
  for (let start = 0; start < events.length; start += MAX_EVENTS_PER_REQUEST) {
    const slice = events.slice(start, start + MAX_EVENTS_PER_REQUEST).map(toRaw)
    const verdict = yield* accept({ events: slice, sent_at: undefined }, project)
    accepted += verdict.accepted
    for (const refused of verdict.rejected) rejected.push({ ...refused, index: refused.index + start })
  }
  const verdict: BatchVerdict = { accepted, rejected }
  return verdict
})

const runWith = async <A, E, R>(runtime: ManagedRuntime.ManagedRuntime<R, unknown>, effect: Effect.Effect<A, E, R>) => {
  const exit = await runtime.runPromiseExit(effect)
  if (Exit.isSuccess(exit)) return exit.value
  throw explain(Cause.squash(exit.cause))
}

/** `explained` by `run`; what its words leave out, the folder's owner, is in the cause. */
const notOpened = (explained: unknown): MillraceError => {
  if (explained instanceof MillraceError && explained.code === "invalid_argument") return explained
  const cause = explained instanceof MillraceError ? explained.cause : explained
  const code = cause instanceof FolderTaken ? "directory_in_use" : "not_opened"
  return new MillraceError(code, failureText(explained), { cause })
}

/** Never rejects: an instance that is closed was not broken. */
const brokenOf = (runtime: ManagedRuntime.ManagedRuntime<RuntimeServices, unknown>): Promise<MillraceError> =>
  new Promise((resolve) => {
    const waiting = Effect.flatMap(Running, ({ fatal }) => Effect.flip(fatal))
    void runtime.runPromiseExit(waiting).then((exit) => {
      if (Exit.isSuccess(exit)) resolve(explain(exit.value))
    })
  })
