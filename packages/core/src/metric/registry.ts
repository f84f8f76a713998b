import type { Metric } from "./Metric.ts"
import { activeUsers } from "./metrics/active-users/index.ts"
import { activeUsersUsers } from "./metrics/active-users/users.ts"
import { dailyActiveUsers } from "./metrics/dau/index.ts"
import { dailyActiveUsersUsers } from "./metrics/dau/users.ts"
import { funnelUsers } from "./metrics/funnel/users.ts"
import { lifecycleUsers } from "./metrics/lifecycle/users.ts"
import { pathsUsers } from "./metrics/paths/users.ts"
import { retentionUsers } from "./metrics/retention/users.ts"
import { stickinessUsers } from "./metrics/stickiness/users.ts"
import { topEventsUsers } from "./metrics/top-events/users.ts"
import { trendUsers } from "./metrics/trend/users.ts"
import { funnel } from "./metrics/funnel/index.ts"
import { lifecycle } from "./metrics/lifecycle/index.ts"
import { paths } from "./metrics/paths/index.ts"
import { retention } from "./metrics/retention/index.ts"
import { stickiness } from "./metrics/stickiness/index.ts"
import { topEvents } from "./metrics/top-events/index.ts"
import { trend } from "./metrics/trend/index.ts"

/** Every metric there is, and the listing of its cells' users: one line each. */
export const registry = {
  dau: dailyActiveUsers,
  "active-users": activeUsers,
  "top-events": topEvents,
  retention,
  trend,
  lifecycle,
  stickiness,
  funnel,
  paths,
  "dau/users": dailyActiveUsersUsers,
  "active-users/users": activeUsersUsers,
  "top-events/users": topEventsUsers,
  "retention/users": retentionUsers,
  "trend/users": trendUsers,
  "lifecycle/users": lifecycleUsers,
  "stickiness/users": stickinessUsers,
  "funnel/users": funnelUsers,
  "paths/users": pathsUsers
}

export type MetricName = keyof typeof registry
export type ParamsOf<Name extends MetricName> = (typeof registry)[Name]["params"]["Type"]
export type RowOf<Name extends MetricName> = (typeof registry)[Name]["row"]["Type"]

type Registry = { readonly [Name in MetricName]: Metric<Name, ParamsOf<Name>, RowOf<Name>> }

export const metrics: Registry = registry

export const metricNames = Object.keys(registry) as ReadonlyArray<MetricName>

export const isMetricName = (name: string): name is MetricName => Object.hasOwn(registry, name)
