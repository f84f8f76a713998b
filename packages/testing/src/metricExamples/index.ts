import { activeUsersExamples } from "./activeUsers.ts"
import { breakdownExamples } from "./breakdowns.ts"
import { clickHouseExamples } from "./clickHouse.ts"
import type { MetricExample } from "./example.ts"
import { funnelExamples } from "./funnel.ts"
import { identityExamples } from "./identity.ts"
import { lifecycleExamples } from "./lifecycle.ts"
import { pathsExamples } from "./paths.ts"
import { postHogExamples } from "./postHog.ts"
import { retentionExamples } from "./retention.ts"
import { stickinessExamples } from "./stickiness.ts"
import { topEventsExamples } from "./topEvents.ts"
import { trendExamples } from "./trend.ts"

export { type MetricExample, shownOf } from "./example.ts"

export const metricExamples: ReadonlyArray<MetricExample> = [
  ...activeUsersExamples,
  ...topEventsExamples,
  ...retentionExamples,
  ...trendExamples,
  ...funnelExamples,
  ...lifecycleExamples,
  ...stickinessExamples,
  ...pathsExamples,
  ...identityExamples,
  ...breakdownExamples,
  ...postHogExamples,
  ...clickHouseExamples
]
