// The room's element, and what the server wrote there.
import { $ } from "../js/dom.js";

export const place = $(".room");

export const room = Number(place.dataset.room);
export const me = { id: Number(place.dataset.me), name: place.dataset.myName };
export const other = { id: Number(place.dataset.other), name: place.dataset.otherName };
export const base = `/app/sessions/${room}/room`;
