// Says aloud, once, what a filter or a refresh changed. Everything else works without scripts.
"use strict";
document.addEventListener("htmx:afterSettle", () => {
  const results = document.getElementById("results");
  const said = document.getElementById("said");
  if (results && said && said.textContent !== results.dataset.said) {
    said.textContent = results.dataset.said;
  }
});
