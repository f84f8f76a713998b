import { Result } from "effect"
import { ask } from "../metric/Metric.ts"
import { decodeParams, type RawParams } from "../metric/query.ts"
import { type MetricName, metrics } from "../metric/registry.ts"

/** As a warehouse is asked; throws where the parameters are refused. */
export const questionOf = <Name extends MetricName>(
  name: Name,
  params: RawParams,
  context: { readonly project_id: string; readonly as_of: number }
) => ask(metrics[name], Result.getOrThrow(decodeParams(name, params)), context)
