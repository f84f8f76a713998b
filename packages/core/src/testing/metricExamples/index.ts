import { activeUsersExamples } from "./activeUsers.ts"
import type { MetricExample } from "./example.ts"
import { retentionExamples } from "./retention.ts"
import { topEventsExamples } from "./topEvents.ts"

export type { MetricExample } from "./example.ts"

export const metricExamples: ReadonlyArray<MetricExample> = [
  ...activeUsersExamples,
  ...topEventsExamples,
  ...retentionExamples
]
