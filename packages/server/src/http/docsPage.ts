export const DOCS_PATH = "/docs"

/** The page carries its scripts and styles in itself; the policy sees to it that nothing comes from anywhere else. */
export const DOCS_HEADERS = {
  "content-type": "text/html; charset=utf-8",
  "content-security-policy": [
    "default-src 'none'",
    "script-src 'unsafe-inline'",
    "style-src 'unsafe-inline'",
    "img-src data:",
    "font-src data:",
    "connect-src 'self'",
    "frame-ancestors 'none'",
    "base-uri 'none'",
    "form-action 'none'"
  ].join("; "),
  "cache-control": "no-cache",
  "x-content-type-options": "nosniff"
}
