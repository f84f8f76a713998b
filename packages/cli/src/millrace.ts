import { Command } from "effect/cli"
import { backup, restore } from "./command/backup.ts"
import { deadLetters } from "./command/deadLetters.ts"
import { doctor } from "./command/doctor.ts"
import { importCommand } from "./command/import.ts"
import { keys } from "./command/keys.ts"
import { ledger } from "./command/ledger.ts"
import { rebuild } from "./command/rebuild.ts"
import { reconcile } from "./command/reconcile.ts"
import { erase, exportCommand } from "./command/personalData.ts"
import { salvage } from "./command/salvage.ts"
import { send } from "./command/send.ts"
import { serve } from "./command/serve.ts"
import { stats } from "./command/stats.ts"
import { accounts } from "./command/accounts.ts"
import { verify } from "./command/verify.ts"

/** The whole command line. */
export const millrace = Command.make("millrace").pipe(
  Command.withDescription("Ingest and analyse user events"),
  Command.withSubcommands([
    serve,
    importCommand,
    stats,
    ledger,
    deadLetters,
    erase,
    exportCommand,
    keys,
    accounts,
    send,
    backup,
    restore,
    rebuild,
    reconcile,
    verify,
    salvage,
    doctor
  ])
)
