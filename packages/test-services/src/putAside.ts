import pg from "pg"

/**
 * Keeps a copy of a database as it is now, while nobody is connected to it; what is returned puts it in the database's place,
 * whoever is connected, as a restored backup or a replica that lagged behind would be.
 */
export const putAside = async (url: string): Promise<() => Promise<void>> => {
  const name = new URL(url).pathname.slice(1)
  const copy = `${name}_aside_${Math.random().toString(36).slice(2)}`
  await onServer(url, [`CREATE DATABASE ${copy} TEMPLATE ${name}`])
  return () => onServer(url, [`DROP DATABASE ${name} WITH (FORCE)`, `ALTER DATABASE ${copy} RENAME TO ${name}`])
}

const onServer = async (url: string, statements: ReadonlyArray<string>): Promise<void> => {
  const at = new URL(url)
  at.pathname = "/postgres"
  const client = new pg.Client({ connectionString: at.href })
  await client.connect()
  try {
    for (const statement of statements) await client.query(statement)
  } finally {
    await client.end()
  }
}
