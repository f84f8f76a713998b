import pg from "pg"
import { PROCESSES, type ProcessName, type Schedule } from "./Schedule.ts"

export const POISON = "poison"
export const KILLER = "killer"

/** Longer than any schedule: who stores a killer stands still here until it is killed. */
const KILLER_SLEEPS = `
  CREATE FUNCTION millrace.stand_still() RETURNS trigger LANGUAGE plpgsql AS $$
  BEGIN PERFORM pg_sleep(25); RETURN NEW; END $$;
  CREATE TRIGGER killer BEFORE INSERT ON millrace.events
  FOR EACH ROW WHEN (NEW.event_type = '${KILLER}') EXECUTE FUNCTION millrace.stand_still()`

const VICTIMS = `
  SELECT pid, application_name AS name FROM pg_stat_activity
  WHERE datname = current_database() AND wait_event = 'PgSleep' AND application_name = ANY ($1)`

/**
 * What makes events harmful, put into the database of one schedule: poison breaks a constraint, for good; of a killer the
 * worker dies that stores it.
 */
export class HarmfulEvents {
  readonly #url: string
  #killer = false
  /** Workers that died of a killer. */
  deaths = 0

  constructor(url: string) {
    this.#url = url
  }

  async prepare({ killer, poison }: Schedule): Promise<void> {
    this.#killer = killer
    const constraint = `ALTER TABLE millrace.events ADD CONSTRAINT poison CHECK (event_type <> '${POISON}')`
    await withClient(this.#url, async (client) => {
      if (poison) await client.query(constraint)
      if (killer) await client.query(KILLER_SLEEPS)
    })
  }

  /** From here on every event can be stored. */
  async lift(): Promise<void> {
    this.#killer = false
    await withClient(this.#url, async (client) => {
      await client.query("ALTER TABLE millrace.events DROP CONSTRAINT IF EXISTS poison")
      await client.query("DROP TRIGGER IF EXISTS killer ON millrace.events")
    })
  }

  /** Ends the processes whose statement met a killer; a database that is away has none. */
  async killVictims(kill: (name: ProcessName) => Promise<void>): Promise<void> {
    if (!this.#killer) return
    await withClient(this.#url, async (client) => {
      const { rows } = await client.query<{ pid: number; name: ProcessName }>(VICTIMS, [[...PROCESSES]])
      for (const { name, pid } of rows) {
        this.deaths++
        const restarted = kill(name)
        await client.query("SELECT pg_terminate_backend($1)", [pid])
        await restarted
      }
    }).catch(() => undefined)
  }

  async drop(serverUrl: string): Promise<void> {
    const name = new URL(this.#url).pathname.slice(1)
    await withClient(serverUrl, async (client) => {
      await client.query(`DROP DATABASE IF EXISTS ${pg.escapeIdentifier(name)} WITH (FORCE)`)
    })
  }
}

const withClient = async (url: string, use: (client: pg.Client) => Promise<void>): Promise<void> => {
  const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 5_000 })
  client.on("error", () => {}) // the failed query tells
  await client.connect()
  try {
    await use(client)
  } finally {
    await client.end()
  }
}
