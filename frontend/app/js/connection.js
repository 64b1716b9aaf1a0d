import { $$ } from "./dom.js";

const show = () => $$("[data-offline]").forEach((banner) => (banner.hidden = navigator.onLine));
for (const event of ["online", "offline"]) window.addEventListener(event, show);
show();
