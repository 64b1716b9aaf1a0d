// The picture that somebody chose, before it is sent.
import { $, on, text } from "./dom.js";

on("change", "input[data-preview]", (_, input) => {
  const [file] = input.files;
  const isLarge = Boolean(file) && file.size > Number(input.dataset.preview);
  input.setCustomValidity(isLarge ? text("large", input) : "");
  if (!file || isLarge) {
    input.reportValidity();
    return;
  }
  const reader = new FileReader();
  reader.addEventListener("load", () => {
    const picture = new Image();
    picture.className = "avatar xl";
    picture.alt = "";
    // What cannot be shown is not: the server says why.
    picture.addEventListener("load", () => $("[data-picture]").replaceChildren(picture));
    picture.src = reader.result;
  });
  reader.readAsDataURL(file);
});
