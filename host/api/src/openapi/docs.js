// Draws openapi.json. Everything is set as text, so nothing of the document can become markup.
"use strict";

function node(name, text, ...children) {
  const made = document.createElement(name);
  if (text !== undefined && text !== null) made.textContent = text;
  made.append(...children);
  return made;
}

// A schema in the words of a reader: `RunSummary[]`, `string (date-time)`, `"a" | "b"`.
function typeOf(schema) {
  if (!schema) return "any";
  if (schema.$ref) return schema.$ref.split("/").pop();
  const several = schema.oneOf || schema.anyOf;
  if (several) return several.map(typeOf).join(" | ");
  if (schema.allOf) return schema.allOf.map(typeOf).join(" & ");
  if (schema.enum) return schema.enum.map((word) => JSON.stringify(word)).join(" | ");
  const kinds = [].concat(schema.type || (schema.properties ? "object" : "any"));
  return kinds
    .map((kind) => {
      if (kind === "array") return `${typeOf(schema.items)}[]`;
      if (kind === "object" && typeof schema.additionalProperties === "object") {
        return `{ [name]: ${typeOf(schema.additionalProperties)} }`;
      }
      return schema.format && kind !== "null" ? `${kind} (${schema.format})` : kind;
    })
    .join(" | ");
}

function fields(schema) {
  const rows = [];
  for (const part of schema.allOf || []) {
    if (part.$ref) rows.push(["…", part.$ref.split("/").pop(), "all its fields"]);
    else rows.push(...fields(part));
  }
  for (const [name, field] of Object.entries(schema.properties || {})) {
    const isRequired = (schema.required || []).includes(name);
    rows.push([isRequired ? name : `${name}?`, typeOf(field), field.description || ""]);
  }
  return rows;
}

function table(titles, rows) {
  const head = node("tr", null, ...titles.map((title) => node("th", title)));
  const body = rows.map((row) => node("tr", null, ...row.map((cell, n) => node("td", null, n < 2 ? node("code", cell) : cell))));
  return node("table", null, node("thead", null, head), node("tbody", null, ...body));
}

function drawOperation(path, method, operation, shared) {
  const summary = node("summary");
  const verb = node("span", method.toUpperCase());
  verb.className = "method";
  const address = node("span", path);
  address.className = "path";
  const note = node("span", operation.summary || "");
  note.className = "note";
  summary.append(verb, address, note);
  const box = node("details", null, summary);
  box.id = operation.operationId;
  for (const text of (operation.description || "").split("\n\n")) box.append(node("p", text));
  const parameters = operation.parameters || [];
  if (parameters.length > 0) {
    const rows = parameters.map((p) => [p.required ? p.name : `${p.name}?`, typeOf(p.schema), `${p.in}. ${p.description || ""}`]);
    box.append(node("h3", "Parameters"), table(["Name", "Type", "Meaning"], rows));
  }
  for (const [kind, content] of Object.entries((operation.requestBody || {}).content || {})) {
    box.append(node("h3", `Body (${kind})`), node("p", null, node("code", typeOf(content.schema))));
  }
  const answers = Object.entries(operation.responses || {}).map(([status, answer]) => {
    const known = answer.$ref ? shared[answer.$ref.split("/").pop()] : answer;
    const bodies = Object.entries(known.content || {}).map(([kind, content]) => `${typeOf(content.schema)} (${kind})`);
    return [status, bodies.join(", ") || "–", known.description || ""];
  });
  box.append(node("h3", "Answers"), table(["Status", "Body", "Meaning"], answers));
  const body = operation.requestBody ? " -H 'content-type: application/json' -d '{}'" : "";
  const line = `curl -X ${method.toUpperCase()} -H "authorization: Bearer $TOKEN"${body} ${location.origin}${path}`;
  box.append(node("h3", "Example"), node("pre", line));
  return box;
}

function draw(api) {
  const content = document.getElementById("content");
  content.replaceChildren(node("p", `Version ${api.info.version}. ${api.info.description || ""}`));
  const shared = api.components.responses || {};
  const groups = new Map();
  for (const [path, item] of Object.entries(api.paths)) {
    for (const method of ["get", "post", "put", "patch", "delete"]) {
      if (!item[method]) continue;
      const tag = (item[method].tags || ["other"])[0];
      if (!groups.has(tag)) groups.set(tag, []);
      groups.get(tag).push(drawOperation(path, method, item[method], shared));
    }
  }
  for (const [tag, boxes] of [...groups].sort()) content.append(node("section", null, node("h2", tag), ...boxes));
  const shapes = Object.entries(api.components.schemas || {}).sort().map(([name, schema]) => {
    const title = node("summary");
    const path = node("span", name);
    path.className = "path";
    const note = node("span", schema.description || "");
    note.className = "note";
    title.append(path, note);
    const inside = schema.enum ? node("p", null, node("code", typeOf(schema))) : table(["Field", "Type", "Meaning"], fields(schema));
    return node("details", null, title, inside);
  });
  content.append(node("section", null, node("h2", "shapes"), ...shapes));
}

function filter(text) {
  const wanted = text.toLowerCase();
  for (const box of document.querySelectorAll("details")) {
    box.hidden = !box.querySelector("summary").textContent.toLowerCase().includes(wanted);
  }
  for (const section of document.querySelectorAll("section")) {
    section.hidden = !section.querySelector("details:not([hidden])");
  }
}

fetch("openapi.json")
  .then((answer) => answer.json())
  .then(draw)
  .then(() => document.getElementById("filter").addEventListener("input", (event) => filter(event.target.value)))
  .catch((error) => document.getElementById("content").replaceChildren(node("p", `openapi.json cannot be read: ${error}`)));
