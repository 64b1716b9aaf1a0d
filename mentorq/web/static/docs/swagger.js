// Shows the OpenAPI document that the page names in Swagger UI.
"use strict";

const viewer = document.getElementById("viewer");

SwaggerUIBundle({
  domNode: viewer,
  url: viewer.dataset.openapiUrl,
  layout: "BaseLayout",
  deepLinking: true,
  displayOperationId: true,
  displayRequestDuration: true,
  docExpansion: "list",
  filter: true,
  // A token is forgotten with the page: others may use this computer after us.
  persistAuthorization: false,
  tryItOutEnabled: true,
  // Null, or Swagger UI asks a validator on another host to look at the document.
  validatorUrl: null,
});
