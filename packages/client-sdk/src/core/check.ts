/** What programs print where there is no id: the server refuses such a user's events, so nobody becomes one. */
const NOBODY = /^[\s"'(<[{]*(|undefined|null|none|nan|\[object \w+|[0-]{32,36})[\s"')>\]}]*$/i

/** Numbers as text; everything else is the server's to judge, event by event. */
export const toText = (id: unknown): string => (/number|bigint/.test(typeof id) ? `${id as number}` : (id as string))

/** Whether somebody can be known by the id. */
export const isId = (id: unknown): boolean => typeof id === "string" && !NOBODY.test(id)

/**
 * The server's address without what people leave at its end. Throws where nothing could ever be delivered to: that is
 * seen on the first run, a lost event would not be.
 */
export const toHost = (host: string): string => {
  if (!/^(https?:\/\/.|\/|$)/.test(host)) {
    throw TypeError(`millrace: host must be like https://events.example.com, not ${host}`)
  }
  return host.replace(/(\/events)?\/*$/, "")
}
