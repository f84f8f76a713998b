import type { AnyListing, Metric } from "./Metric.ts"
import { activeUsers } from "./metrics/active-users/index.ts"
import { dailyActiveUsers } from "./metrics/dau/index.ts"
import { funnel } from "./metrics/funnel/index.ts"
import { lifecycle } from "./metrics/lifecycle/index.ts"
import { paths } from "./metrics/paths/index.ts"
import { retention } from "./metrics/retention/index.ts"
import { stickiness } from "./metrics/stickiness/index.ts"
import { topEvents } from "./metrics/top-events/index.ts"
import { trend } from "./metrics/trend/index.ts"
import { type Parameter, parametersIn } from "./Parameter.ts"
import { PAGE } from "./params.ts"

/** Every metric there is, in the order of documents: all else that knows of metrics is derived from these lines. */
const definitions = [
  dailyActiveUsers,
  activeUsers,
  topEvents,
  retention,
  trend,
  lifecycle,
  stickiness,
  funnel,
  paths
] as const

type Defined = (typeof definitions)[number]
type Counting = { readonly [One in Defined as One["name"]]: One }
type Listings = { readonly [One in NonNullable<Defined["members"]> as One["name"]]: One }
type Registry = Counting & Listings

/** The metrics, without the listings of their cells' members. */
export type CountingName = keyof Counting
export type MetricName = keyof Registry
export type ParamsOf<Name extends MetricName> = Registry[Name]["params"]["Type"]
export type RowOf<Name extends MetricName> = Registry[Name]["row"]["Type"]

interface AnyDefinition {
  readonly name: string
  readonly members: AnyListing | undefined
}

const all: ReadonlyArray<AnyDefinition> = definitions
const listings = new Map(all.map(({ name, members }) => [name, members] as const))
const listed = [...listings.values()].filter((members) => members !== undefined)

/** By name: the metrics, then the listings of their cells' members. */
export const metrics = Object.fromEntries([...all, ...listed].map((metric) => [metric.name, metric])) as unknown as {
  readonly [Name in MetricName]: Metric<Name, ParamsOf<Name>, RowOf<Name>>
}

export const metricNames = Object.keys(metrics) as ReadonlyArray<MetricName>
export const countingNames = [...listings.keys()] as ReadonlyArray<CountingName>

export const isMetricName = (name: string): name is MetricName => Object.hasOwn(metrics, name)

/** Listing of the members of a metric's cells; undefined where these count none, and of a listing itself. */
export const listingOf = (name: MetricName): AnyListing<MetricName> | undefined =>
  listings.get(name) as AnyListing<MetricName> | undefined

/** What only names a cell of a metric's answer: neither the metric's own parameters nor the page. */
export const cellParametersOf = (name: CountingName): ReadonlyArray<Parameter> => {
  const listing = listingOf(name)
  const own = new Set(parametersIn(metrics[name].params).map((parameter) => parameter.name))
  return listing === undefined
    ? []
    : parametersIn(listing.params).filter((parameter) => !PAGE.has(parameter.name) && !own.has(parameter.name))
}
