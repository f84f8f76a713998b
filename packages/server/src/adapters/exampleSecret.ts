/** What `.env.example` has in place of a secret, in any spelling: everybody knows it. */
const EXAMPLE = /change[-_ ]?me/iu

/** Whether a secret was left as an example shows it. */
export const isExampleSecret = (text: string): boolean => EXAMPLE.test(text)

/** The same of an address that holds one. */
export const hasExampleSecret = (address: string): boolean => {
  if (!URL.canParse(address)) return false
  const { password, username } = new URL(address)
  return [username, password].some((part) => isExampleSecret(decode(part)))
}

const decode = (part: string): string => {
  try {
    return decodeURIComponent(part)
  } catch {
    return part
  }
}

export const EXAMPLE_RULE = "is the example's: make one of your own, as with `openssl rand -hex 24`"
