import { Effect } from "effect"
import { Command } from "effect/cli"
import { FunnelAnswer, renderFunnel } from "../../render/funnel.ts"
import { LifecycleAnswer, renderLifecycle } from "../../render/lifecycle.ts"
import {
  ActiveUsersAnswer,
  renderActiveUsers,
  renderRetention,
  renderTopEvents,
  RetentionAnswer,
  TopEventsAnswer
} from "../../render/stats.ts"
import { PathsAnswer, renderPaths, renderStickiness, StickinessAnswer } from "../../render/tables.ts"
import { renderTrend, TrendAnswer } from "../../render/trend.ts"
import { json, place } from "../flags.ts"
import * as Questions from "./questions.ts"
import { show, type Shown } from "./shared.ts"

const metric = <Asked extends Command.Command.Config, Answer>(
  name: string,
  description: string,
  asking: Questions.Asking<Asked>,
  shown: Shown<Answer>
) =>
  Command.make(name, { ...asking.flags, json, ...place }, (all) => {
    const given = Questions.givenOf(asking.flags, all)
    return Effect.flatMap(asking.parameters(given), (asked) => show(given, name, asked, shown))
  }).pipe(Command.withDescription(description))

export const metricCommands = [
  metric("dau", "Daily active users: distinct users per day, with a bar", Questions.dau, {
    schema: ActiveUsersAnswer,
    render: renderActiveUsers
  }),
  metric("active-users", "Distinct users per hour, day, week or month", Questions.activeUsers, {
    schema: ActiveUsersAnswer,
    render: renderActiveUsers
  }),
  metric("top-events", "The most frequent event types, with their users", Questions.topEvents, {
    schema: TopEventsAnswer,
    render: renderTopEvents
  }),
  metric("retention", "Per cohort of users, how many come back, as a heat map", Questions.retention, {
    schema: RetentionAnswer,
    render: renderRetention
  }),
  metric("trend", "Events, users or an aggregate of a property per interval, by a property", Questions.trend, {
    schema: TrendAnswer,
    render: renderTrend
  }),
  metric("funnel", "How many users get through steps, and how long they take", Questions.funnel, {
    schema: FunnelAnswer,
    render: renderFunnel
  }),
  metric("lifecycle", "Users new, returning, resurrecting and dormant per interval", Questions.lifecycle, {
    schema: LifecycleAnswer,
    render: renderLifecycle
  }),
  metric("stickiness", "Users by the number of intervals in which they were active", Questions.stickiness, {
    schema: StickinessAnswer,
    render: renderStickiness
  }),
  metric("paths", "Which event follows which within a session", Questions.paths, {
    schema: PathsAnswer,
    render: renderPaths
  })
] as const
