// Shows what its owner is told while no page is open. It keeps nothing and answers no requests.

self.addEventListener("push", (event) => {
  const { id, title, body, path } = event.data.json();
  // The same notification again, after a server that was not sure, replaces itself.
  event.waitUntil(self.registration.showNotification(title, { body, tag: `n${id}`, data: { path } }));
});

self.addEventListener("notificationclick", (event) => {
  event.notification.close();
  event.waitUntil(open(new URL(event.notification.data.path, self.location.origin).href));
});

async function open(url) {
  const pages = await self.clients.matchAll({ type: "window" });
  const page = pages.find((client) => client.visibilityState === "visible") ?? pages[0];
  if (!page) return self.clients.openWindow(url);
  await page.focus();
  // A page that this worker does not control cannot be led elsewhere.
  return page.navigate(url).catch(() => self.clients.openWindow(url));
}
