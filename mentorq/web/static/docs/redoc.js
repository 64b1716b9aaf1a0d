// Shows the OpenAPI document that the page names in ReDoc.
"use strict";

const viewer = document.getElementById("viewer");
const fonts = getComputedStyle(document.body);

Redoc.init(
  viewer.dataset.openapiUrl,
  {
    // Search runs in a worker made from a blob: URL, which the page's policy does not allow; the browser's own search
    // finds everything, since the contract is one page.
    disableSearch: true,
    sanitize: true,
    theme: {
      typography: {
        fontFamily: fonts.fontFamily,
        headings: { fontFamily: fonts.fontFamily },
        code: { fontFamily: fonts.getPropertyValue("--code-font") },
      },
    },
  },
  viewer,
);
