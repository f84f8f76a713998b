import { Command } from "effect/cli"
import { members } from "./stats/members.ts"
import { metricCommands } from "./stats/metrics.ts"

export const stats = Command.make("stats").pipe(
  Command.withDescription("Ask for statistics"),
  Command.withSubcommands([...metricCommands, members]),
  Command.withExamples([
    {
      command: "millrace stats dau --from 2026-01-01 --to 2026-01-31 --tz Europe/Berlin",
      description: "A month of daily users"
    },
    {
      command: "millrace stats retention --interval month --data ./data",
      description: "Monthly cohorts, straight from a folder"
    },
    {
      command:
        "millrace stats funnel --step visit --step 'event_type = \"buy\" and properties.amount > 10' --window 1d",
      description: "How many get from a visit to a large purchase within a day"
    }
  ])
)
