"use strict";
// Shows /openapi.json as a reference. A file of its own, because the page allows no inline scripts.

const reference = document.getElementById("reference");
const wanted = location.hash.startsWith("#problem-");

function showProblem() {
  const row = location.hash && document.getElementById(location.hash.slice(1));
  if (row) row.scrollIntoView();
}

if (wanted) {
  // The reference grows above the table while it is drawn, so the browser's own jump comes too early.
  const growth = new ResizeObserver(showProblem);
  growth.observe(reference);
  for (const sign of ["wheel", "touchstart", "pointerdown", "keydown"]) {
    addEventListener(sign, () => growth.disconnect(), { once: true });
  }
}

SwaggerUIBundle({
  url: "/openapi.json",
  dom_id: "#reference",
  presets: [SwaggerUIBundle.presets.apis],
  layout: "BaseLayout",
  deepLinking: !wanted, // it would look for an operation with the problem's name
  docExpansion: "list",
  defaultModelRendering: "model",
  defaultModelExpandDepth: 4,
  defaultModelsExpandDepth: 0,
  displayRequestDuration: true,
  persistAuthorization: false,
  validatorUrl: null,
});
addEventListener("hashchange", showProblem);
